// What the controllers ask of objects, and how they begin those that they make. Pure.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcluster/selectors.hpp"
#include "node/pod_error.hpp"
#include "node/quantity.hpp"

namespace devcluster {

using Json = nlohmann::json;

inline bool deleting(const Json& object) {
  return object.at("metadata").contains("deletionTimestamp");
}
inline std::string name_of(const Json& object) { return object.at("metadata").value("name", ""); }
inline std::string uid_of(const Json& object) { return object.at("metadata").value("uid", ""); }

inline std::string annotation(const Json& object, const std::string& key) {
  return object.at("metadata").value("annotations", Json::object()).value(key, "");
}

inline Pairs label_pairs(const Json& object) {  // sorted, as the members of a JSON object are
  Pairs pairs;
  const Json labels = object.at("metadata").value("labels", Json::object());
  for (const auto& [key, value] : labels.items()) pairs.emplace_back(key, value.get<std::string>());
  return pairs;
}

// "" where the status has none yet.
inline std::string phase_of(const Json& object) {
  return object.value(Json::json_pointer("/status/phase"), "");
}
inline bool has_ended(const Json& pod) {
  return phase_of(pod) == "Failed" || phase_of(pod) == "Succeeded";
}
// The condition Ready is True.
inline bool is_ready(const Json& object) {
  const Json conditions = object.value(Json::json_pointer("/status/conditions"), Json::array());
  for (const auto& condition : conditions) {
    if (condition.value("type", "") == "Ready") return condition.value("status", "") == "True";
  }
  return false;
}
// The one container that these Pods have.
inline const Json& container_of(const Json& pod) { return pod.at("spec").at("containers").at(0); }

// An integer, or a percentage of `of` (intstr.GetScaledValueFromIntOrPercent).
inline int scaled(const Json& value, int of, bool round_up) {
  if (value.is_number_integer()) return value.get<int>();
  const int percent =
      value.is_string() ? std::atoi(value.get_ref<const std::string&>().c_str()) : 0;
  return (percent * of + (round_up ? 99 : 0)) / 100;
}

// Quantities of resources in whole numbers, to be added up: in thousandths of the unit; 0 for what
// is no quantity.
inline std::int64_t milli_of(const std::string& quantity) {
  constexpr double kMilli = 1000;
  try {
    return std::llround(node::quantity(quantity) * kMilli);
  } catch (const node::PodError&) {
    return 0;
  }
}

inline Json object_of(const std::string& api_version, const std::string& kind,
                      const std::string& name, const std::string& ns = "") {
  Json object = {{"apiVersion", api_version}, {"kind", kind}, {"metadata", {{"name", name}}}};
  if (!ns.empty()) object["metadata"]["namespace"] = ns;
  return object;
}

// As an ownerReference has it.
inline Json reference_to(const Json& object) {
  return {{"apiVersion", object.at("apiVersion")},
          {"kind", object.at("kind")},
          {"name", name_of(object)},
          {"uid", uid_of(object)}};
}

}  // namespace devcluster
