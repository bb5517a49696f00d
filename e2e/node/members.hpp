// What a Pod's JSON holds under a name, where absent and null are an empty object. Pure.
#pragma once

#include <nlohmann/json.hpp>

namespace node {

// It refers into `object`, or to an object that is always there.
inline const nlohmann::json& member(const nlohmann::json& object, const char* name) {
  static const nlohmann::json empty = nlohmann::json::object();
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? empty : *found;
}

}  // namespace node
