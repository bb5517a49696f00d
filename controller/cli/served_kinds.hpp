// Which of the kinds that the operator watches a cluster serves.
#pragma once

#include <functional>

#include "kube/discovery.hpp"
#include "reconcile/types.hpp"
#include "reconcile/world.hpp"

namespace swo::cli {

using KindFault = std::function<void(const kube::ResourceType&, const kube::Error&)>;

// Of what cannot be told (a group's own server is down) `fault` is told, and it counts as absent.
inline reconcile::Kinds served_kinds(kube::Discovery& discovery, const KindFault& fault) {
  const auto has = [&](const kube::ResourceType& type) {
    const auto answer = discovery.has(type);
    if (!answer) {
      fault(type, answer.error());
    }
    return answer && *answer;
  };
  namespace types = reconcile::types;
  return {.route = has(types::kRoute),
          .http_route = has(types::kHttpRoute),
          .scc = has(types::kScc),
          .machine_config = has(types::kMachineConfig),
          .disruption_budget = has(types::kDisruptionBudget)};
}

}  // namespace swo::cli
