// Gathers what plan() looks at: the children from the stores, the evidence of instances in trouble,
// and whether the wanted host is free.
//
// Thread-safe. Reads only; what cannot be read is left unknown.
#pragma once

#include <chrono>

#include "kube/client.hpp"
#include "reconcile/evidence.hpp"
#include "reconcile/observed.hpp"
#include "reconcile/world.hpp"

namespace swo::reconcile {

class Observer {
 public:
  Observer(World& world, kube::Client& client)
      : world_(world), client_(client), evidence_(client) {}

  Observed observe(const api::Workload& workload, const platform::Facts& facts,
                   const platform::Strategy& strategy, std::chrono::system_clock::time_point now);

 private:
  void gather_children(const api::Workload& workload, const platform::Strategy& strategy,
                       Observed& observed);
  void gather_evidence(const api::Workload& workload, const platform::Facts& facts,
                       const platform::Strategy& strategy,
                       std::chrono::system_clock::time_point now, Observed& observed);
  void find_former(const api::Workload& workload, const platform::Strategy& strategy,
                   Observed& observed);
  std::optional<std::string> find_host_holder(const api::Workload& workload);

  World& world_;
  kube::Client& client_;
  EvidenceReader evidence_;
};

}  // namespace swo::reconcile
