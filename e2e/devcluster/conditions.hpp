// What a Pod's or a node's conditions say. Pure.
#pragma once

#include <nlohmann/json.hpp>

namespace devcluster {

// The condition Ready is True.
inline bool is_ready(const nlohmann::json& object) {
  using nlohmann::json;
  const json conditions = object.value(json::json_pointer("/status/conditions"), json::array());
  for (const auto& condition : conditions) {
    if (condition.value("type", "") == "Ready") return condition.value("status", "") == "True";
  }
  return false;
}

}  // namespace devcluster
