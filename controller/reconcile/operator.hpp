// The operator as one piece: its view of the cluster, its two reconcilers, their queues and
// workers.
//
// Start it in two steps, as leader election wants it: watch() fills the caches (also on standby),
// work() starts the workers that write. Thread-safe. The client, the facts and the metrics must
// outlive it; but the metrics' text is asked for no more once it is gone.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kube/client.hpp"
#include "kube/expectations.hpp"
#include "reconcile/shared_reconciler.hpp"
#include "reconcile/workload_metrics.hpp"
#include "reconcile/workload_reconciler.hpp"
#include "reconcile/world.hpp"
#include "runtime/controller.hpp"
#include "runtime/event_recorder.hpp"
#include "runtime/metrics.hpp"
#include "runtime/work_queue.hpp"

namespace swo::reconcile {

struct OperatorOptions {
  WorldOptions world;
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
  bool cleanup_machine_configs = false;
  int workers = 4;
  std::function<std::shared_ptr<const platform::Facts>()> facts;
  std::function<void(platform::UserNamespaceVia, const std::string& ns)>
      prove;                                   // see ReconcilerOptions
  std::function<bool()> facts_known;           // the first pass of the facts is over
  const runtime::Clock* clock = nullptr;       // nullptr: the machine's
  runtime::Metrics* metrics = nullptr;         // may be left out
  runtime::EventRecorder* recorder = nullptr;  // may be left out
};

class Operator {
 public:
  Operator(kube::Client& client, OperatorOptions options);
  ~Operator();
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  // Lists and watches, in a thread per resource type.
  void watch();
  // Starts the workers once the caches are filled; returns at once. After stop_work() it does
  // nothing.
  void work();
  // Lets the workers finish what they are at, at most `limit`: nothing is begun any more. False:
  // one is still at it.
  bool stop_work(std::chrono::milliseconds limit);
  // Tells the watches to end, and does not wait for them.
  void end_watches();
  // Both, and waits for the watches.
  void stop(std::chrono::milliseconds limit);

  // The facts about the platform have changed: every workload is looked at again.
  void facts_changed();

  bool synced();
  // Why the process is of no more use: a watch silent past its limit, a worker that hangs. Empty:
  // well.
  std::optional<std::string> unwell();
  World& world() { return world_; }

  // ---- for tests: everything on the caller's thread, in virtual time.
  // Reads what the watches have, then reconciles one key that is ready. False: nothing was.
  bool step(kube::Instant now);
  // When the next delayed look is due; Instant::max() when none is.
  kube::Instant next_due() const;

 private:
  ReconcilerOptions reconciler_options();
  SharedReconcilerOptions shared_options();
  // Those of that namespace; "" = all.
  void look_at_all(const std::string& ns = "");
  void begin();
  void tell(const kube::ObjectKey& workload, const std::string& uid, const Notice& notice);
  void instance_gone(const PodFacts& last_seen);
  runtime::Outcome reconcile_workload(const kube::ObjectKey& key);
  runtime::Outcome reconcile_shared();

  OperatorOptions options_;
  const runtime::Clock& clock_;
  World world_;
  kube::Expectations expectations_;
  SharedNeeds needs_;
  runtime::WorkQueue queue_;
  runtime::WorkQueue shared_queue_;
  SharedReconciler shared_;
  WorkloadReconciler workloads_;
  runtime::Controller controller_;
  runtime::Controller shared_controller_;
  std::unique_ptr<WorkloadMetrics> workload_metrics_;  // null without metrics
  std::atomic<bool> acting_{false};                    // not a standby: it may tell of what it sees
  std::vector<std::jthread> watchers_;
  std::mutex starting_;   // of what follows: leader election starts, and a signal stops
  bool stopped_ = false;  // for good
  std::jthread starter_;
};

}  // namespace swo::reconcile
