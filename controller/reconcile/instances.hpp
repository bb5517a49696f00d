// The part of plan() that decides which Pods are to be made and unmade now. Pure.
//
// Instances are pets: made in order, each after the one below it is ready; unmade from the top;
// replaced from the highest ordinal down, never more than maxUnavailable at a time, and no further
// once a replaced one fails. A Pod is only ever replaced after its predecessor of the same name is
// gone from the API, so no two instances can hold one claim.
#pragma once

#include <string>
#include <vector>

#include "reconcile/plan.hpp"

namespace swo::reconcile {

struct InstancePlan {
  std::vector<Action> actions;
  int wanted = 0;  // instances that shall exist now
  bool scaling = false;
  bool updating = false;  // some instance is of an older revision and shall be replaced
  bool stalled = false;   // the update waits because a replaced instance does not come up
};

// `may_create`: the platform and the children allow new Pods.
InstancePlan plan_instances(const PlanInput& input, const std::string& revision, bool may_create);

}  // namespace swo::reconcile
