// How each workload is to be had on this cluster, kept for as long as what it follows from stands.
//
// A decision looks at every node, and a workload is looked at some ten times until it runs: on a
// cluster of 500 nodes deciding anew each time would cost as much as planning. It follows from the
// spec (the generation), the platform's facts (one snapshot, immutable) and the way to a user
// namespace that the status tells; a workload by the same name has another uid.
// Thread-safe. Decisions that say the same are one value.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kube/guarded.hpp"
#include "kube/resource.hpp"
#include "platform/strategy.hpp"

namespace swo::reconcile {

class Decisions {
 public:
  using FactsPtr = std::shared_ptr<const platform::Facts>;
  using StrategyPtr = std::shared_ptr<const platform::Strategy>;

  explicit Decisions(platform::MachineConfigMode mode) : mode_(mode) {}

  StrategyPtr of(const api::Workload& workload, const FactsPtr& facts);
  void forget(const kube::ObjectKey& key);

 private:
  struct Kept {
    std::string uid;
    std::int64_t generation = 0;
    std::string user_namespaces;
    StrategyPtr strategy;

    bool stands_for(const api::Workload& workload) const;
  };
  // All of it follows from one snapshot, and goes with it.
  struct State {
    FactsPtr facts;
    std::map<kube::ObjectKey, Kept> kept;
    std::vector<StrategyPtr> shared;  // the latest distinct ones, newest last
  };

  static StrategyPtr one_of(State& state, platform::Strategy strategy);

  platform::MachineConfigMode mode_;
  kube::Guarded<State> state_;
};

}  // namespace swo::reconcile
