#include "api/fault.hpp"

#include <algorithm>

#include "api/utf8.hpp"
#include "api/workload.hpp"

namespace swo::api {
namespace {

constexpr std::size_t kExcerptBytes = 80;

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
  return shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace), kExcerptBytes);
}

std::string FieldError::message() const {
  if (value.empty()) return path + " is missing: " + remedy;
  return path + ": " + value + " is not valid: " + remedy;
}

}  // namespace swo::api
