// Brings the cluster-scoped pieces that workloads share in line: one key, one look at a time.
//
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kube/expectations.hpp"
#include "kube/guarded.hpp"
#include "reconcile/execute.hpp"
#include "reconcile/shared_plan.hpp"
#include "reconcile/workload_reconciler.hpp"
#include "reconcile/world.hpp"

namespace swo::reconcile {

struct SharedReconcilerOptions {
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
  bool cleanup_machine_configs = false;
  bool whole_cluster =
      true;  // all namespaces are watched, so the users of a shared piece are all known
  std::function<std::shared_ptr<const platform::Facts>()> facts;
  std::function<kube::Instant()> steady_now;
  std::function<void(const std::string& line, bool failed)> log;
  // Problems or rights have changed: every workload is to be looked at again.
  std::function<void()> look_at_workloads;
};

class SharedReconciler {
 public:
  SharedReconciler(World& world, kube::Client& client, kube::Expectations& expectations,
                   SharedNeeds& needs, SharedReconcilerOptions options);

  Outcome reconcile();
  SharedProblems problems() const { return *problems_.lock(); }

 private:
  World& world_;
  kube::Expectations& expectations_;
  SharedNeeds& needs_;
  SharedReconcilerOptions options_;
  Executor executor_;
  Memory memory_;  // one look at a time
  kube::Guarded<SharedProblems> problems_;
};

}  // namespace swo::reconcile
