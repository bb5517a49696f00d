// A member of a JSON object of whatever form, read without an exception. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace devcluster {

// nullptr where `object` is no object or lacks the member; it points into `object`.
inline const nlohmann::json* lookup(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

inline bool flag(const nlohmann::json& object, const char* key) {
  const auto* found = lookup(object, key);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

// The strings of a list; empty where the member is none.
inline std::vector<std::string> strings(const nlohmann::json& object, const char* key) {
  std::vector<std::string> out;
  if (const auto* found = lookup(object, key); found != nullptr && found->is_array()) {
    for (const auto& item : *found) {
      if (item.is_string()) out.push_back(item.get<std::string>());
    }
  }
  return out;
}

inline bool holds(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// The list without the strings that are named.
inline nlohmann::json without(const nlohmann::json& list, const std::vector<std::string>& names) {
  nlohmann::json kept = nlohmann::json::array();
  for (const auto& item : list) {
    if (!item.is_string() || !holds(names, item.get<std::string>())) kept.push_back(item);
  }
  return kept;
}

}  // namespace devcluster
