// Keeps Facts fresh: watches Nodes and, where they are served, MachineConfigPools, the operator's
// own MachineConfigs, ClusterVersion, nodes.config and FeatureGates; reads what no watch brings.
//
//   Collector collector(client, {.note = …});
//   collector.on_change([&] { queue.add_all(); });
//   std::jthread thread([&](std::stop_token stop) { collector.run(stop); });   // or, in tests:
//   collector.step(now);
//
// API groups that are absent are looked for again every five minutes. What may not be read (403)
// stays unknown, and what was read once stays known through a fault. Rights: get, list and watch of
// nodes, machineconfigpools, machineconfigs, clusterversions, nodes.config.openshift.io,
// featuregates; each may be missing. `get` of nodes/proxy is used where granted (see sources.cpp),
// and not asked for.
//
// snapshot(), synced() and prove() from any thread; step() and run() by one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "kube/client.hpp"
#include "kube/guarded.hpp"
#include "kube/informer.hpp"
#include "platform/facts.hpp"
#include "platform/sources.hpp"
#include "platform/strategy.hpp"

namespace swo::platform {

struct CollectorOptions {
  kube::WatcherOptions watcher = {};
  kube::Random random = nullptr;  // empty: the machine's
  std::function<void(const std::string& message)> note =
      nullptr;  // one line per fault, for the log
};

class Collector {
 public:
  // `client` must outlive the collector.
  explicit Collector(kube::Client& client, CollectorOptions options = {});
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Never null; empty facts until something has been read.
  std::shared_ptr<const Facts> snapshot() const;
  // Everything that is served has been listed, or may not be.
  bool synced() const { return synced_; }
  // Called on the collector's thread when the facts have changed. Before run() or step().
  void on_change(std::function<void()> handler) { handlers_.push_back(std::move(handler)); }
  // A workload of that namespace has booted that way. From any thread; the snapshot has it at once.
  void prove(UserNamespaceVia via, const std::string& ns);

  // Does all that can be done without waiting; returns when it wants to be called at the latest.
  kube::Instant step(kube::Instant now);
  void run(const std::stop_token& stop);

 private:
  template <class T>
  struct Row {
    kube::ObjectKey key;
    std::string uid;
    std::uint64_t resource_version = 0;
    T facts;
  };
  template <class T>
  using RowInformer = kube::Informer<Row<T>>;

  template <class T>
  std::unique_ptr<RowInformer<T>> watch(const kube::ResourceType& type,
                                        const std::vector<std::string>& fields,
                                        std::function<T(const Json&)> from,
                                        const std::string& label_selector = "");
  void discover_groups(kube::Instant now);
  std::vector<kube::InformerBase*> informers() const;
  bool all_listed(kube::Instant now);
  kube::Instant refresh(kube::Instant now);
  void mark_changed();

  kube::Client& client_;
  CollectorOptions options_;
  std::vector<std::function<void()>> handlers_;
  Details details_;
  Served served_;
  bool discovered_ = false;
  bool loss_seen_ = false;  // the last answer lacked what was served before
  kube::Instant discover_at_{};
  kube::Instant details_at_ = kube::Instant::max();

  std::unique_ptr<RowInformer<NodeFacts>> nodes_;
  std::unique_ptr<RowInformer<PoolFacts>> pools_;
  std::unique_ptr<RowInformer<MachineConfigFacts>> configs_;
  std::unique_ptr<RowInformer<Json>> cluster_version_;
  std::unique_ptr<RowInformer<Json>> nodes_config_;
  std::unique_ptr<RowInformer<Json>> feature_gate_;

  kube::Guarded<std::shared_ptr<const Facts>> snapshot_;
  std::atomic<bool> synced_{false};
  struct Proven {
    bool host_users = false;
    std::set<std::string> annotation;  // namespaces
    void tell(Facts& facts) const {
      facts.proven_host_users = host_users;
      facts.proven_annotation = annotation;
    }
  };
  kube::Guarded<Proven> proven_;
  std::optional<kube::Instant> refused_since_;  // a list that nothing is known of without
  std::atomic<bool> tell_{false};               // the snapshot has changed without a refresh
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool changed_ = false;  // of mutex_
};

// The facts as they are now, by lists in place of watches, for a command that runs once. What may
// not be read is unknown. Errors: the API server cannot be reached or asked for its version and
// groups.
kube::Result<Facts> collect_once(kube::Client& client);

}  // namespace swo::platform
