// What a person can do about a write of a child that has failed, by the answer of the API server:
// one clause for a message. Pure.
//
// An answer for good (422, a denial of admission) names a field of the child; what can be changed
// is the field of the workload that it was made from.
#pragma once

#include <string>

#include "reconcile/observed.hpp"

namespace swo::reconcile {

std::string way_out(const ChildKey& child, const kube::Error& error);

}  // namespace swo::reconcile
