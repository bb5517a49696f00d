#include "api/fault.hpp"

#include <algorithm>

#include "api/workload.hpp"

namespace swo::api {
namespace {

constexpr std::size_t kExcerptBytes = 80;

// Cuts before a UTF-8 sequence rather than inside it.
std::string cut(std::string text) {
  if (text.size() <= kExcerptBytes) return text;
  constexpr unsigned kTopTwoBits = 0xC0;
  constexpr unsigned kContinuation = 0x80;
  std::size_t end = kExcerptBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & kTopTwoBits) == kContinuation) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

std::string Path::text() const {
  std::string text = parent == nullptr ? "" : parent->text();
  if (key.empty()) return text + "[" + std::to_string(index) + "]";
  if (!text.empty()) text += '.';
  return text + std::string(key);
}

bool deeper_than(const Json& value, int levels) {
  if (!value.is_structured()) return false;
  if (levels == 0) return true;
  return std::any_of(value.begin(), value.end(),
                     [&](const Json& child) { return deeper_than(child, levels - 1); });
}

std::string excerpt(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return cut(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string FieldError::message() const {
  if (value.empty()) return path + " is missing: " + remedy;
  return path + ": " + value + " is not valid: " + remedy;
}

}  // namespace swo::api
