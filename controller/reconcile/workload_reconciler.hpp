// Brings one SystemdWorkload in line: observe, plan, carry out, say how it stands.
//
// Thread-safe; one key is reconciled by one thread at a time (the work queue sees to that). A
// reconcile that finds nothing to do writes nothing.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "kube/client.hpp"
#include "kube/expectations.hpp"
#include "platform/facts.hpp"
#include "reconcile/decisions.hpp"
#include "reconcile/execute.hpp"
#include "reconcile/observe.hpp"
#include "reconcile/shared_needs.hpp"
#include "reconcile/shared_plan.hpp"
#include "reconcile/world.hpp"

namespace swo::reconcile {

// What came of one look: when to look again, if at all.
struct Outcome {
  std::optional<kube::Error> error;                        // again, with backoff
  std::optional<std::chrono::milliseconds> requeue_after;  // again, then
};

struct ReconcilerOptions {
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
  std::function<std::shared_ptr<const platform::Facts>()> facts;
  std::function<std::chrono::system_clock::time_point()> now;
  std::function<kube::Instant()> steady_now;
  // An Event about a workload.
  std::function<void(const api::Workload&, const Notice&)> notify;
  // One line per decision: what was done to whom, and why.
  std::function<void(const kube::ObjectKey& workload, const std::string& line, bool failed)> log;
  // The sum of what workloads need of the shared pieces has changed.
  std::function<void()> needs_changed;
  // An instance of that namespace has booted with its user namespace had that way: proof where
  // there was a claim.
  std::function<void(platform::UserNamespaceVia, const std::string& ns)> prove;
  // Why a pool's shared pieces are not as needed.
  std::function<SharedProblems()> shared_problems;
};

class WorkloadReconciler {
 public:
  WorkloadReconciler(World& world, kube::Client& client, kube::Expectations& expectations,
                     SharedNeeds& needs, ReconcilerOptions options);

  Outcome reconcile(const kube::ObjectKey& key);

  // A workload's status has this resourceVersion now. True when that is our own last write come
  // back, and nobody waits for it: there is nothing to look at.
  bool only_an_echo(const kube::ObjectKey& key, std::uint64_t version);

 private:
  // Status writes that the watch has not shown, and workloads that were turned away until it has
  // shown what was written for them.
  struct Echoes {
    std::map<kube::ObjectKey, std::uint64_t> written;
    std::set<kube::ObjectKey> turned_away;
  };

  Outcome look_at(const kube::ObjectKey& key, const WorkloadFacts& facts);
  bool is_overtaken(const api::Workload& workload, bool or_changed);
  std::optional<kube::Error> write_status(const api::Workload& workload, const api::Status& status);
  void forget(const kube::ObjectKey& key);
  Memory take_memory(const kube::ObjectKey& key);
  void keep_memory(const kube::ObjectKey& key, Memory memory);
  void remember_told(const kube::ObjectKey& key, std::set<std::string> unshrunk);
  void report_unknown_need(const kube::ObjectKey& key);
  void report_need(const kube::ObjectKey& key, const api::Workload& workload,
                   const platform::Strategy& strategy);

  World& world_;
  kube::Client& client_;
  kube::Expectations& expectations_;
  SharedNeeds& needs_;
  ReconcilerOptions options_;
  Decisions decisions_;
  Observer observer_;
  Executor executor_;
  kube::Guarded<std::map<kube::ObjectKey, Memory>>
      memories_;  // only of workloads with something to remember
  kube::Guarded<Echoes> echoes_;
};

}  // namespace swo::reconcile
