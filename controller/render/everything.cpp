// All objects of one workload, each after those that it needs.
#include <utility>
#include <vector>

#include "render/render.hpp"

namespace swo::render {
namespace {

void add_node_settings(const platform::Strategy& strategy, std::vector<Json>& objects) {
  if (!strategy.may_write_node_settings) {
    return;
  }
  if (strategy.cgroups == platform::CgroupsBy::kCgroupMode) {
    objects.push_back(nodes_config());
  }
  if (strategy.machine_config) {
    objects.push_back(machine_config(*strategy.machine_config));
  }
}

void add_access(const api::Workload& workload, const platform::Strategy& strategy,
                std::vector<Json>& objects) {
  const bool grant = strategy.use_scc && grants_scc(workload);
  if (grant) {
    objects.push_back(security_context_constraints(scc_name(workload, strategy),
                                                   workload.spec.platform.add_capabilities,
                                                   strategy.scc_user_namespace_level));
  }
  if (workload.spec.service_account_name.empty()) {
    objects.push_back(service_account(workload));
  }
  if (grant) {
    objects.push_back(role(workload, strategy));
    objects.push_back(role_binding(workload));
  }
}

void add_exposure(const api::Workload& workload, const platform::Strategy& strategy,
                  std::vector<Json>& objects) {
  if (!workload.spec.route || strategy.exposure_blocker) {
    return;
  }
  if (strategy.host_route) {
    objects.push_back(route(workload));
  } else if (workload.spec.route->parent_ref) {
    objects.push_back(http_route(workload));
  } else {
    objects.push_back(ingress(workload));
  }
}

}  // namespace

bool grants_scc(const api::Workload& workload) {
  return workload.spec.platform.security_context_constraints.empty();
}

std::vector<Json> everything(const api::Workload& workload, const platform::Strategy& strategy) {
  std::vector<Json> objects;
  add_node_settings(strategy, objects);
  add_access(workload, strategy, objects);
  const int replicas = workload.spec.hibernate ? 0 : workload.spec.replicas;
  for (int ordinal = 0; ordinal < replicas; ++ordinal) {
    for (const api::Claim& one : workload.spec.storage.claims) {
      objects.push_back(claim(workload, one, ordinal));
    }
  }
  objects.push_back(headless_service(workload));
  if (!workload.spec.ports.empty()) {
    objects.push_back(service(workload));
  }
  for (int ordinal = 0; ordinal < replicas; ++ordinal) {
    objects.push_back(pod(workload, strategy, ordinal));
  }
  if (wants_disruption_budget(workload, strategy)) {
    objects.push_back(pod_disruption_budget(workload, strategy.evict_unhealthy));
  }
  add_exposure(workload, strategy, objects);
  return objects;
}

}  // namespace swo::render
