// How many instances a drain may take at a time.
//
// Written for a single instance, too: maxUnavailable is at least 1, so the drain proceeds, and
// scaling never has to create or delete the budget. Not so where the API server has no
// unhealthyPodEvictionPolicy (before Kubernetes 1.27): there the eviction API refuses a running
// instance that is not ready when nothing is left of the budget (registry/core/pod/storage/
// eviction.go), and one that crashes for ever would hold its node's drain for ever.
#include "render/common.hpp"
#include "render/render.hpp"

namespace swo::render {

bool wants_disruption_budget(const api::Workload& workload, const platform::Strategy& strategy) {
  return strategy.disruption_budgets &&
         (strategy.evict_unhealthy ||
          workload.spec.replicas > workload.spec.update_strategy.max_unavailable);
}

Json pod_disruption_budget(const api::Workload& workload, bool evict_unhealthy) {
  Json budget = {{"apiVersion", "policy/v1"},
                 {"kind", "PodDisruptionBudget"},
                 {"metadata", metadata(workload, dns_label(workload.name))},
                 {"spec",
                  {{"maxUnavailable", workload.spec.update_strategy.max_unavailable},
                   {"selector", {{"matchLabels", selector(workload)}}}}}};
  if (evict_unhealthy) {
    // An instance that does not come up must not keep its node from being drained.
    budget["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow";
  }
  return budget;
}

}  // namespace swo::render
