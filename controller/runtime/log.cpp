#include "runtime/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "api/json.hpp"
#include "runtime/clock.hpp"

namespace swo::runtime::log {
namespace {

using Sink = std::function<void(std::string_view)>;

// spdlog does the writing: whole lines, one after another.
Sink standard_error() {
  auto logger =
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->flush_on(spdlog::level::trace);
  return [logger](std::string_view line) {
    logger->log(spdlog::level::critical, spdlog::string_view_t(line.data(), line.size()));
  };
}

struct Settings {
  std::mutex mutex;
  Format format = Format::kLogfmt;
  std::shared_ptr<const Sink> sink = std::make_shared<const Sink>(standard_error());
};

Settings& settings() {
  static Settings instance;
  return instance;
}

std::atomic<Level> minimum{Level::kInfo};

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "unknown";
}

// DEL and the C1 controls (U+0080 to U+009F), which terminals obey as well and JSON leaves as they
// are: U+009B alone begins an escape sequence (ECMA-48 section 5.3). `text` is UTF-8.
std::string without_late_controls(const std::string& text) {
  constexpr unsigned char kDelete = 0x7f;
  constexpr unsigned char kLeadOfC1 = 0xc2;  // of U+0080 to U+00BF
  constexpr unsigned char kAfterC1 = 0xa0;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const bool c1 = byte == kLeadOfC1 && next < kAfterC1;
    if (byte != kDelete && !c1) {
      out += text[i];
      continue;
    }
    std::array<char, sizeof "\\u0000"> escape{};
    std::snprintf(escape.data(), escape.size(), "\\u%04x", c1 ? next : byte);
    out += escape.data();
    i += c1 ? 1 : 0;
  }
  return out;
}

// In quotes, with control characters escaped and broken UTF-8 replaced.
std::string in_quotes(std::string_view text) {
  return without_late_controls(
      Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string logfmt_value(std::string_view text) {
  bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
  return plain ? std::string(text) : in_quotes(text);
}

std::string milliseconds(WallTime time) {
  std::string text = to_rfc3339_micro(time);
  return text.substr(0, text.size() - 4) + "Z";
}

std::string line_of(Format format, Level level, std::string_view message, Fields fields) {
  std::string time = milliseconds(system_clock().wall());
  std::string line;
  if (format == Format::kJson) {
    line = "{\"time\":\"" + time + "\",\"level\":\"" + std::string(name_of(level)) +
           "\",\"msg\":" + in_quotes(message);
    for (const Field& field : fields) {
      line += ',' + in_quotes(field.key()) + ':' +
              (field.bare() ? field.value() : in_quotes(field.value()));
    }
    return line + '}';
  }
  line = "time=" + time + " level=" + std::string(name_of(level)) + " msg=" + in_quotes(message);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key();
    line += '=' + logfmt_value(field.value());
  }
  return line;
}

}  // namespace

void configure(Options options) {
  minimum = options.level;
  std::lock_guard lock(settings().mutex);
  settings().format = options.format;
  settings().sink =
      std::make_shared<const Sink>(options.sink ? std::move(options.sink) : standard_error());
}

bool enabled(Level level) { return level >= minimum.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  Format format{};
  std::shared_ptr<const Sink> sink;
  {
    std::lock_guard lock(settings().mutex);
    format = settings().format;
    sink = settings().sink;
  }
  (*sink)(line_of(format, level, message, fields));
}

}  // namespace swo::runtime::log
