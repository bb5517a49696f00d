// What the scenarios of a workload's life look at: its Pods, claims, revisions and Events.
#pragma once

#include <string>
#include <vector>

#include "support/simulation.hpp"

namespace swo::test {

class Life {
 public:
  explicit Life(SimulationOptions options = {}) : simulation(std::move(options)) {}

  static std::string claims_path() { return "/api/v1/namespaces/demo/persistentvolumeclaims"; }
  static std::string revisions_path() {
    return "/apis/apps/v1/namespaces/demo/controllerrevisions";
  }
  // One claim of an instance, as a spec's storage.
  static Json storage(const std::string& size, const Json& retention = Json::object()) {
    return {{"claims", {{{"name", "data"}, {"mountPath", "/data"}, {"size", size}}}},
            {"retention", retention}};
  }

  void apply(const Json& spec) { simulation.apply("nginx", spec); }
  void annotate(const Json& annotations);
  bool runs(std::chrono::seconds limit = std::chrono::minutes(30)) {
    return simulation.until([this] { return up_to_date(); }, limit);
  }
  Json status() { return simulation.workload("nginx").value("status", Json::object()); }
  Json condition(const std::string& type);
  Json pod(const std::string& name);  // null: none
  std::string uid(const std::string& pod_name);
  std::vector<std::string> names(const std::string& collection);
  // Reason and message of all Events of that reason.
  std::vector<std::string> events(const std::string& reason);

  Simulation simulation;

 private:
  // The status speaks of the spec as it is, and says Running.
  bool up_to_date();
};

}  // namespace swo::test
