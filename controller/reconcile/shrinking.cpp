#include "reconcile/shrinking.hpp"

#include <algorithm>

#include "render/quantity.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

// The first instance's that is larger than asked for; null: none is.
const ClaimFacts* larger_one(const PlanInput& input, const api::Claim& claim) {
  for (int ordinal = 0; ordinal < input.workload.spec.replicas; ++ordinal) {
    const std::string name = render::claim_name(claim, input.workload, ordinal);
    const auto live = std::ranges::find_if(
        input.observed.claims, [&](const auto& facts) { return facts->key.name == name; });
    if (live != input.observed.claims.end() &&
        render::quantity_less(claim.size, (*live)->requested)) {
      return live->get();
    }
  }
  return nullptr;
}

}  // namespace

Unshrunk find_unshrunk(const PlanInput& input) {
  Unshrunk found;
  if (input.observed.claims.empty()) {
    return found;
  }
  // What its status speaks of has been told of already, by this operator or the one before.
  const bool changed = input.workload.status.observed_generation != input.workload.generation;
  for (const api::Claim& claim : input.workload.spec.storage.claims) {
    const ClaimFacts* live = larger_one(input, claim);
    if (live == nullptr) {
      continue;
    }
    const std::string wish = claim.name + " " + claim.size;
    if (changed && !input.memory.unshrunk.contains(wish)) {
      found.notices.push_back(
          {true, "ClaimNotShrunk",
           live->key.name + " stays at " + live->requested + ": the size " + claim.size +
               " of claim " + claim.name +
               " in spec.storage.claims is less, and a claim never shrinks; set size to what it "
               "has, or add a claim of another name and move the data"});
    }
    found.sizes.insert(wish);
  }
  return found;
}

}  // namespace swo::reconcile
