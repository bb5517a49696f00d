#include "life.hpp"

namespace swo::test {

void Life::annotate(const Json& annotations) {
  simulation.admin().merge_patch(Simulation::workloads_path(), "nginx",
                                 {{"metadata", {{"annotations", annotations}}}});
}

bool Life::up_to_date() {
  const Json workload = simulation.workload("nginx");
  const Json status = workload.value("status", Json::object());
  return status.value("observedGeneration", 0) == workload["metadata"].value("generation", -1) &&
         status.value("phase", "") == "Running";
}

Json Life::condition(const std::string& type) {
  const Json conditions = status().value("conditions", Json::array());
  for (const Json& one : conditions) {
    if (one["type"] == type) {
      return one;
    }
  }
  return {};
}

Json Life::pod(const std::string& name) {
  return simulation.admin().get(Simulation::pods_path(), name).value_or(Json());
}

std::string Life::uid(const std::string& pod_name) {
  const Json found = pod(pod_name);
  return found.is_null() ? "" : found["metadata"]["uid"].get<std::string>();
}

std::vector<std::string> Life::names(const std::string& collection) {
  std::vector<std::string> result;
  for (const Json& object : simulation.admin().list(collection)) {
    result.push_back(object["metadata"]["name"]);
  }
  return result;
}

std::vector<std::string> Life::events(const std::string& reason) {
  std::vector<std::string> result;
  for (const Json& event : simulation.admin().list("/api/v1/namespaces/demo/events")) {
    if (event.value("reason", "") == reason) {
      result.push_back(event.value("message", ""));
    }
  }
  return result;
}

}  // namespace swo::test
