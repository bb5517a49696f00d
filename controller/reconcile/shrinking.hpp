// The part of plan() that tells of claims that are larger than the spec asks for. They stay so: a
// claim cannot shrink (kubernetes pkg/apis/core/validation, ValidatePersistentVolumeClaimUpdate).
// Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "reconcile/plan.hpp"

namespace swo::reconcile {

struct Unshrunk {
  std::set<std::string> sizes;  // "data 1Gi": what the spec asks for in vain, for Memory
  std::vector<Notice> notices;  // of those that a change of the spec has brought
};

Unshrunk find_unshrunk(const PlanInput& input);

}  // namespace swo::reconcile
