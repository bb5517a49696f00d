#include "reconcile/operator.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "api/names.hpp"
#include "reconcile/proof.hpp"
#include "reconcile/status.hpp"
#include "reconcile/types.hpp"
#include "runtime/log.hpp"

namespace swo::reconcile {
namespace {

namespace log = runtime::log;

constexpr const char* kWorkloadController = "systemdworkload";
constexpr const char* kSharedController = "shared";
const kube::ObjectKey kSharedKey{"", "shared"};

// A silent watch reconnects by itself after 75 s; one that could not for so long needs a new
// process. (One that is refused needs its right back.)
constexpr std::chrono::minutes kWatchSilentTooLong{10};
constexpr std::chrono::milliseconds kSyncPoll{50};

const runtime::Clock& clock_of(const OperatorOptions& options) {
  return options.clock != nullptr ? *options.clock : runtime::system_clock();
}

runtime::WorkQueueOptions queue_options(const OperatorOptions& options, const char* name) {
  runtime::WorkQueueOptions result;
  result.clock = options.clock;
  result.metrics = options.metrics != nullptr ? &options.metrics->queue(name) : nullptr;
  return result;
}

runtime::ControllerOptions controller_options(const OperatorOptions& options, const char* name,
                                              int workers) {
  runtime::ControllerOptions result;
  result.name = name;
  result.workers = workers;
  result.clock = options.clock;
  result.metrics =
      options.metrics != nullptr ? &options.metrics->controller(name, workers) : nullptr;
  return result;
}

runtime::Outcome to_runtime(const Outcome& outcome) {
  if (outcome.error) {
    const bool everyday = outcome.error->kind == kube::ErrorKind::kConflict ||
                          outcome.error->kind == kube::ErrorKind::kAlreadyExists;
    auto failed = runtime::Outcome::error(outcome.error->message, everyday);
    failed.at_least = outcome.error->retry_after.value_or(std::chrono::milliseconds{0});
    return failed;
  }
  return outcome.requeue_after ? runtime::Outcome::requeue_after(*outcome.requeue_after)
                               : runtime::Outcome::done();
}

}  // namespace

Operator::Operator(kube::Client& client, OperatorOptions options)
    : options_(std::move(options)),
      clock_(clock_of(options_)),
      world_(client, options_.world),
      queue_(queue_options(options_, kWorkloadController)),
      shared_queue_(queue_options(options_, kSharedController)),
      shared_(world_, client, expectations_, needs_, shared_options()),
      workloads_(world_, client, expectations_, needs_, reconciler_options()),
      controller_(controller_options(options_, kWorkloadController, options_.workers), queue_,
                  [this](const kube::ObjectKey& key) { return reconcile_workload(key); }),
      shared_controller_(controller_options(options_, kSharedController, 1), shared_queue_,
                         [this](const kube::ObjectKey&) { return reconcile_shared(); }) {
  if (options_.metrics != nullptr) {
    options_.metrics->watch(kWorkloadController, queue_);
    options_.metrics->watch(kSharedController, shared_queue_);
    workload_metrics_ = std::make_unique<WorkloadMetrics>(options_.metrics->registry(), world_,
                                                          expectations_, options_.facts, clock_);
    options_.metrics->before_text([this] { workload_metrics_->update(); });
  }
  // The crowd of the first lists does not hold up what a user changes meanwhile.
  const auto look_at = [this](const kube::ObjectKey& key) {
    queue_.add(key, world_.workloads.synced() ? runtime::Priority::kHigh : runtime::Priority::kLow);
  };
  world_.on_change({.changed = look_at,
                    .status_changed =
                        [this, look_at](const kube::ObjectKey& key, std::uint64_t version) {
                          if (!workloads_.only_an_echo(key, version)) {
                            look_at(key);
                          }
                        },
                    .shared = [this] { shared_queue_.add(kSharedKey); },
                    .refused = [this](const std::string& ns) { look_at_all(ns); }});
  world_.pods.on_change([this](const PodFacts* before, const PodFacts* after) {
    if (before != nullptr && after == nullptr) {
      instance_gone(*before);
    }
  });
  if (world_.sccs != nullptr) {
    world_.sccs->on_change([this](const ChildFacts* before, const ChildFacts* after) {
      if (before == nullptr || after == nullptr) {
        look_at_all();  // instances wait for the SCC that admits them
      }
    });
  }
}

Operator::~Operator() { stop(std::chrono::milliseconds(0)); }

ReconcilerOptions Operator::reconciler_options() {
  ReconcilerOptions result;
  result.machine_config = options_.machine_config;
  result.facts = options_.facts;
  result.now = [this] { return clock_.wall(); };
  result.steady_now = [this] { return clock_.now(); };
  result.notify = [this](const api::Workload& workload, const Notice& notice) {
    tell({workload.ns, workload.name}, workload.uid, notice);
  };
  result.log = [](const kube::ObjectKey& key, const std::string& line, bool failed) {
    log::write(failed ? log::Level::kWarning : log::Level::kInfo, line,
               {{"workload", key.to_string()}});
  };
  result.prove = options_.prove;
  result.needs_changed = [this] { shared_queue_.add(kSharedKey); };
  result.shared_problems = [this] { return shared_.problems(); };
  return result;
}

SharedReconcilerOptions Operator::shared_options() {
  SharedReconcilerOptions result;
  result.machine_config = options_.machine_config;
  result.cleanup_machine_configs = options_.cleanup_machine_configs;
  result.whole_cluster = options_.world.namespaces.empty();
  result.facts = options_.facts;
  result.steady_now = [this] { return clock_.now(); };
  result.log = [](const std::string& line, bool failed) {
    log::write(failed ? log::Level::kWarning : log::Level::kInfo, line, {{"shared", true}});
  };
  result.look_at_workloads = [this] { look_at_all(); };
  return result;
}

void Operator::tell(const kube::ObjectKey& workload, const std::string& uid, const Notice& notice) {
  if (options_.recorder != nullptr) {
    options_.recorder->event(
        {std::string(api::kApiVersion), std::string(api::kKind), workload, uid},
        notice.warning ? runtime::EventRecorder::Type::kWarning
                       : runtime::EventRecorder::Type::kNormal,
        notice.reason, notice.message);
  }
}

// How a machine ended is seen for a moment only: between the kubelet's last word and the end of the
// Pod.
void Operator::instance_gone(const PodFacts& last_seen) {
  const auto notice = farewell(last_seen);
  if (acting_ && notice && !last_seen.owner_uid.empty()) {
    tell({last_seen.key.ns, last_seen.workload}, last_seen.owner_uid, *notice);
  }
}

void Operator::look_at_all(const std::string& ns) {
  for (const auto& workload : world_.workloads.store().all()) {
    if (ns.empty() || workload->key.ns == ns) {
      queue_.add(workload->key, runtime::Priority::kLow);
    }
  }
}

void Operator::facts_changed() {
  look_at_all();
  shared_queue_.add(kSharedKey);
}

runtime::Outcome Operator::reconcile_workload(const kube::ObjectKey& key) {
  return to_runtime(workloads_.reconcile(key));
}

runtime::Outcome Operator::reconcile_shared() { return to_runtime(shared_.reconcile()); }

void Operator::watch() {
  for (kube::InformerBase* informer : world_.informers()) {
    watchers_.emplace_back([informer](const std::stop_token& stop) { informer->run(stop); });
  }
}

void Operator::work() {
  const std::lock_guard starting(starting_);
  if (stopped_) {
    return;  // the lease was won as the signal came
  }
  starter_ = std::jthread([this](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested() && !synced()) {
      wake.wait_for(lock, stop, kSyncPoll, [] { return false; });
    }
    if (!stop.stop_requested()) {
      log::info("caches are filled, reconciling",
                {{"workloads", world_.workloads.store().size()}, {"workers", options_.workers}});
      begin();
      controller_.start();
      shared_controller_.start();
    }
  });
}

// What runs already proves what it proves before the first look: a status must not say otherwise
// for a moment at each start.
void Operator::begin() {
  if (acting_.exchange(true)) {
    return;
  }
  for (const auto& pod : world_.pods.store().all()) {
    if (const auto via = pod->owner_uid.empty() ? std::nullopt : proof_of(*pod)) {
      options_.prove(*via, pod->key.ns);
    }
  }
}

bool Operator::stop_work(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::jthread starter;
  {
    const std::lock_guard starting(starting_);
    stopped_ = true;
    starter.swap(starter_);
  }
  starter = {};  // waits for it: what it starts is stopped below
  acting_ = false;
  queue_.shut_down_now();
  shared_queue_.shut_down_now();
  const bool done = controller_.stop(limit);
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return shared_controller_.stop(std::max(rest, std::chrono::milliseconds(0))) && done;
}

void Operator::end_watches() {
  for (std::jthread& watcher : watchers_) {
    watcher.request_stop();
  }
}

void Operator::stop(std::chrono::milliseconds limit) {
  stop_work(limit);
  end_watches();
  watchers_.clear();
}

bool Operator::synced() { return world_.synced() && options_.facts_known(); }

std::optional<std::string> Operator::unwell() {
  const kube::Instant now = clock_.now();
  for (const runtime::Controller* controller : {&controller_, &shared_controller_}) {
    if (const auto stuck = controller->stuck(now)) {
      return "a worker hangs at " + stuck->key.to_string();
    }
  }
  for (const kube::InformerBase* informer : world_.informers()) {
    if (informer->silent(now, kWatchSilentTooLong)) {
      return "the watch of " + std::string(informer->type().plural) + " is silent";
    }
  }
  return std::nullopt;
}

bool Operator::step(kube::Instant now) {
  world_.step_all(now);
  if (!synced()) {
    return false;
  }
  begin();
  return shared_controller_.run_one(now) || controller_.run_one(now);
}

kube::Instant Operator::next_due() const {
  return std::min(queue_.next_due(), shared_queue_.next_due());
}

}  // namespace swo::reconcile
