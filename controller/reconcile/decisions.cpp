#include "reconcile/decisions.hpp"

#include <algorithm>
#include <utility>

namespace swo::reconcile {

namespace {

// A cluster has few kinds of workloads as far as a decision goes; comparing with more of them would
// cost more than a copy.
constexpr std::size_t kShared = 16;

}  // namespace

bool Decisions::Kept::stands_for(const api::Workload& workload) const {
  return uid == workload.uid && generation == workload.generation &&
         user_namespaces == workload.status.platform.user_namespaces;
}

Decisions::StrategyPtr Decisions::one_of(State& state, platform::Strategy strategy) {
  const auto same =
      std::ranges::find_if(state.shared, [&](const StrategyPtr& one) { return *one == strategy; });
  if (same != state.shared.end()) {
    return *same;
  }
  if (state.shared.size() == kShared) {
    state.shared.erase(state.shared.begin());
  }
  state.shared.push_back(std::make_shared<const platform::Strategy>(std::move(strategy)));
  return state.shared.back();
}

Decisions::StrategyPtr Decisions::of(const api::Workload& workload, const FactsPtr& facts) {
  const kube::ObjectKey key{workload.ns, workload.name};
  {
    const auto state = state_.lock();
    if (state->facts != facts) {
      *state = {.facts = facts, .kept = {}, .shared = {}};
    }
    const auto found = state->kept.find(key);
    if (found != state->kept.end() && found->second.stands_for(workload)) {
      return found->second.strategy;
    }
  }
  platform::Strategy strategy = platform::decide(workload, *facts, mode_);
  const auto state = state_.lock();
  if (state->facts != facts) {  // overtaken by a newer snapshot
    return std::make_shared<const platform::Strategy>(std::move(strategy));
  }
  StrategyPtr decided = one_of(*state, std::move(strategy));
  state->kept[key] = {workload.uid, workload.generation, workload.status.platform.user_namespaces,
                      decided};
  return decided;
}

void Decisions::forget(const kube::ObjectKey& key) { state_.lock()->kept.erase(key); }

}  // namespace swo::reconcile
