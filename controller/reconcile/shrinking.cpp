#include "reconcile/shrinking.hpp"

#include <map>
#include <string_view>

#include "render/quantity.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

using ByName = std::map<std::string_view, const ClaimFacts*>;

ByName by_name(const Observed& observed) {
  ByName claims;
  for (const auto& facts : observed.claims) {
    claims[facts->key.name] = facts.get();
  }
  return claims;
}

// The first instance's that is larger than asked for; null: none is.
const ClaimFacts* larger_one(const ByName& claims, const api::Workload& workload,
                             const api::Claim& claim) {
  for (int ordinal = 0; ordinal < workload.spec.replicas; ++ordinal) {
    const auto live = claims.find(render::claim_name(claim, workload, ordinal));
    if (live != claims.end() && render::quantity_less(claim.size, live->second->requested)) {
      return live->second;
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
  const ByName claims = by_name(input.observed);
  for (const api::Claim& claim : input.workload.spec.storage.claims) {
    const ClaimFacts* live = larger_one(claims, input.workload, claim);
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
