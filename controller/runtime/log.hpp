// Structured logs: one line per decision, with its reasons as key and value.
//
//   log::info("created the Pod", {{"workload", key.to_string()}, {"ordinal", 2}, {"because",
//   reason}}); → time=2026-01-01T00:00:00.000Z level=info msg="created the Pod" workload=demo/nginx
//   ordinal=2 …
//
// Thread-safe; a line is written whole. Control characters are escaped, so that what a user wrote
// into an object cannot forge a line. Secrets do not belong here: nothing filters them out.
#pragma once

#include <cmath>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace swo::runtime::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kLogfmt, kJson };

// A key and its value; numbers and booleans stay such in JSON.
class Field {
 public:
  Field(std::string_view key, std::string_view value) : key_(key), value_(value) {}
  Field(std::string_view key, const std::string& value) : key_(key), value_(value) {}
  Field(std::string_view key, const char* value) : key_(key), value_(value) {}
  Field(std::string_view key, bool value)
      : key_(key), value_(value ? "true" : "false"), bare_(true) {}
  template <std::integral Number>
  Field(std::string_view key, Number value)
      : key_(key), value_(std::to_string(value)), bare_(true) {}
  Field(std::string_view key, double value)
      : key_(key), value_(std::to_string(value)), bare_(std::isfinite(value)) {}

  std::string_view key() const { return key_; }
  const std::string& value() const { return value_; }
  bool bare() const { return bare_; }

 private:
  std::string_view key_;
  std::string value_;
  bool bare_ = false;
};
using Fields = std::initializer_list<Field>;

struct Options {
  Format format = Format::kLogfmt;
  Level level = Level::kInfo;
  // Where the lines go, without their end; empty: standard error.
  std::function<void(std::string_view line)> sink = nullptr;
};
void configure(Options options);
bool enabled(Level level);

void write(Level level, std::string_view message, Fields fields = {});
inline void debug(std::string_view message, Fields fields = {}) {
  if (enabled(Level::kDebug)) write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::kInfo, message, fields);
}
inline void warning(std::string_view message, Fields fields = {}) {
  write(Level::kWarning, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::kError, message, fields);
}

}  // namespace swo::runtime::log
