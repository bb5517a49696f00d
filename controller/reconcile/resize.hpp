// What a change of spec.resources means for a running instance. Pure.
//
// Where Pods have the `resize` subresource (Kubernetes ≥ 1.33, KEP-1287) more memory or CPU reaches
// a running systemd without a restart. What that cannot do replaces the instance, as any other
// change of its Pod does: other platforms, and less memory before 1.34 (kubernetes
// pkg/apis/core/validation, ValidatePodResize). Which resources are named, and the class of service
// that follows, belong to the revision (render/revision.cpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reconcile/plan.hpp"

namespace swo::reconcile {

enum class ResourceChange { kNone, kInPlace, kReplace };

// Only what the spec names counts: a LimitRange may have added to the live Pod. A Pod that was made
// with what the spec says is as wanted, whatever a webhook has made of it.
ResourceChange resource_change(const PlanInput& input, const PodFacts& pod);

// The instance's Pod is to be made anew to be as the spec wants it.
bool is_outdated(const PlanInput& input, const std::string& revision, const PodFacts& pod);

// What to remember of a resize that did not take: `pod` is what the API server answered to `patch`.
std::optional<Settled> settled_resize(const Json& pod, const Json& patch);

// One patch for each running instance that can be given its new resources as it is.
std::vector<Action> plan_resizes(const PlanInput& input, const std::string& revision);

}  // namespace swo::reconcile
