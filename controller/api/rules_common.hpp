// What the files of rules that span fields (rules*.cpp) share: how a breach is found and named.
//
// Internal to those files. Pure; safe from any thread.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/rules.hpp"

namespace swo::api {

using Found = std::optional<Breach>;

inline std::string indexed(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// A member that is text; empty where it is not.
inline std::string_view text_of(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

template <class Range, class Predicate>
bool any(const Range& range, Predicate holds) {
  return std::any_of(range.begin(), range.end(), holds);
}

// The index and first element that `bad` holds for.
template <class List, class Predicate>
Found first(const List& list, std::string_view path, Predicate bad) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (std::optional<std::string> value = bad(list[i], i)) return Breach{indexed(path, i), *value};
  }
  return std::nullopt;
}

// The first element whose key, a text, an earlier one has.
template <class List, class Key>
Found repeated(const List& list, std::string_view path, Key key) {
  return first(list, path, [&](const auto& item, std::size_t i) -> std::optional<std::string> {
    for (std::size_t j = 0; j < i; ++j) {
      if (key(list[j]) == key(item)) return std::string(key(item));
    }
    return std::nullopt;
  });
}

// Of ports, service and route.
std::span<const CrossFieldRule> exposure_rules();

}  // namespace swo::api
