// The part of the plan that no workload owns alone: SecurityContextConstraints and MachineConfigs.
//
// Pure. Any change of a MachineConfig drains and reboots every node of its pool
// (openshift/machine-config-operator docs/MachineConfiguration.md), so one is written only when it
// is missing, or lacks something newly needed and nobody else has changed it; never while its pool
// is paused, updating or degraded; and never deleted unless the administrator asks. Where a second
// object is needed beside it, pool_hold.hpp makes one rollout of both.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/facts.hpp"
#include "platform/strategy.hpp"
#include "reconcile/plan.hpp"
#include "reconcile/shared_needs.hpp"

namespace swo::reconcile {

struct SharedInput {
  const SharedNeedsSum& needs;
  const platform::Facts& facts;
  const std::map<std::string, std::shared_ptr<const ChildFacts>>& sccs;  // ours, by name
  const std::map<std::string, std::shared_ptr<const MachineConfigFacts>>& machine_configs;  // ours
  platform::MachineConfigMode mode = platform::MachineConfigMode::kApply;
  bool everyone_reported =
      false;  // every workload of the cluster is in `needs`: what nobody needs may go
  bool all_reported = false;  // the same of the workloads that this operator serves
  bool cleanup_machine_configs = false;
  const Memory& memory;
};

// Why a shared piece is not as it is needed, to be told in the workloads' status. By pool.
using SharedProblems = std::map<std::string, platform::Blocker>;

struct SharedPlan {
  std::vector<Action> actions;
  SharedProblems problems;
};

SharedPlan plan_shared(const SharedInput& input);

}  // namespace swo::reconcile
