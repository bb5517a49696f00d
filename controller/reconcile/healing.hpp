// The part of plan() that restarts instances with a unit that stays failed, where
// spec.readiness.selfHealing asks for it. Pure.
//
// What it remembers is in status.selfHealing: a restart is written there first, with the uid of the
// Pod that it ends, and only then carried out. So an operator that dies in between neither forgets
// a restart nor counts it twice, and the limit holds across operators.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "reconcile/plan.hpp"

namespace swo::reconcile {

struct Healing {
  std::vector<Action> actions;
  std::vector<api::HealingStatus> entries;  // status.selfHealing from now on
  std::vector<Notice> notices;
  std::optional<std::chrono::milliseconds> again;  // when there is something to do next
};

// `wanted`: instances that shall exist. `may_act`: nothing else is being done to the instances.
Healing plan_healing(const PlanInput& input, int wanted, bool may_act);

}  // namespace swo::reconcile
