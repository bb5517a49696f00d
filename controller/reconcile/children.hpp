// The part of plan() that brings every child but the Pods in line: access, Services, Route, claims,
// budget. Pure.
#pragma once

#include <optional>
#include <vector>

#include "reconcile/plan.hpp"

namespace swo::reconcile {

// A child that is to be, of whatever kind.
struct Desired {
  const kube::ResourceType* type = nullptr;
  Json document;
  ChildKey key() const;
};

// Route, Ingress or HTTPRoute; null: the spec asks for none.
const kube::ResourceType* exposure_type(const api::Workload& workload,
                                        const platform::Strategy& strategy);

// In the order in which they are created. Claims are those of the ordinals that shall exist.
std::vector<Desired> desired_children(const PlanInput& input);

// All that desired_children() and plan_children() depend on, in one number. nullopt: there is more
// to it than that (writes that failed, names that are taken, claims that may be dropped).
std::optional<Digest> standing_of_children(const PlanInput& input);

// Creates what is missing, applies what has drifted, deletes what is no longer wanted; leaves alone
// what someone else controls, what is settled, and what is being deleted.
// `desired`: of desired_children().
std::vector<Action> plan_children(const PlanInput& input, const std::vector<Desired>& desired);

// A Route, Ingress or HTTPRoute of that name would lead to a Service that someone else has.
bool leads_to_anothers(const kube::ResourceType& type, const std::string& name,
                       const Memory& memory);

// Of that type are children without which no instance can be, or could be on what is another's.
bool needed_by_pods(const kube::ResourceType& type);

// Children that must be there before an instance can be created, and are not (or are someone
// else's).
bool ready_for_pods(const PlanInput& input, const std::vector<Desired>& desired);

}  // namespace swo::reconcile
