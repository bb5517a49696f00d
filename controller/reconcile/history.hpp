// The part of plan() that keeps the revisions of a workload as ControllerRevisions, for `kubectl
// get controllerrevisions` and for going back. Pure.
//
// As the StatefulSet controller does it (kubernetes pkg/controller/history): the newest has the
// highest number, a revision that is gone back to is numbered anew rather than made again, and of
// those that no instance has only spec.revisionHistoryLimit are kept.
#pragma once

#include <string>
#include <vector>

#include "reconcile/plan.hpp"

namespace swo::reconcile {

std::vector<Action> plan_history(const PlanInput& input, const std::string& revision);

}  // namespace swo::reconcile
