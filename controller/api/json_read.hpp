// Reading documents of which any part may be missing or of another type: never throws, never
// inserts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/json.hpp"

namespace swo {

// The member of that name, or null where there is none (or where `value` is no object).
inline const Json& at(const Json& value, std::string_view key) {
  static const Json kNull;
  if (!value.is_object()) {
    return kNull;
  }
  const auto found = value.find(key);
  return found == value.end() ? kNull : *found;
}

// A deeper one: at(pod, "spec", "securityContext", "runAsUser").
template <class... Keys>
const Json& at(const Json& value, std::string_view key, std::string_view next, Keys... rest) {
  return at(at(value, key), next, rest...);
}

inline std::string text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

inline std::int64_t number(const Json& value, std::int64_t otherwise = 0) {
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

}  // namespace swo
