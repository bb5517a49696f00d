// The stand-in for a cluster: API server, controllers and nodes of one profile, in one process.
//
// Nothing runs by itself: tick() brings everything to rest at the clock's present time, next_due()
// says when something will happen next without a change from outside. Deterministic: equal calls at
// equal times give an equal cluster (uids and suffixes aside). api() is thread-safe; everything
// else takes one lock, and may be called from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "devcluster/api_server.hpp"
#include "devcluster/collector.hpp"
#include "devcluster/controller.hpp"
#include "devcluster/kubelet.hpp"
#include "devcluster/logs.hpp"
#include "devcluster/machine_config.hpp"
#include "devcluster/node_agent.hpp"
#include "devcluster/scheduler.hpp"

namespace devcluster {

struct ClusterOptions {
  std::string profile = "openshift-4.20";  // see profile_names()
  Clock clock = [] { return std::chrono::system_clock::now(); };
  int workers = 3;
  Pace pace;
  // Changes to the profile, for one cluster: an older kernel, a faulty runtime.
  std::function<void(Profile&)> adjust;
  // What runs the Pods; left out: they are simulated.
  std::function<std::unique_ptr<NodeAgent>(World&)> agent;
};

class Cluster {
 public:
  // std::runtime_error when there is no such profile.
  explicit Cluster(const ClusterOptions& options);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  ApiServer& api() { return server_; }
  const Profile& profile() const { return profile_; }

  void tick();
  std::optional<Time> next_due() const;

  // What befalls machines and Pods.
  void fail_node(const std::string& name);     // power lost: its kubelet falls silent
  void restore_node(const std::string& name);  // it boots again
  bool evict(const std::string& ns, const std::string& pod,
             const std::string& message = "The node was low on resource: memory.");
  // A setting of a machine, in force for the Pods that are started from now on.
  void change_machine(const std::string& node, const std::function<void(Machine&)>& change);
  // Other software on the nodes, which are rebooted for it, all at once.
  void change_software(const std::function<void(Profile&)>& change);
  void degrade_pool(const std::string& pool, const std::string& message);  // "" ends it

  // A connected socket to a port of a Pod, as from its node; -1 where Pods are simulated.
  int connect_to(const std::string& pod_uid, int port) { return agent_->connect_to(pod_uid, port); }

  // How often a pool's target configuration has changed, and a node has rebooted for one.
  int rollouts(const std::string& pool) const;
  int reboots(const std::string& node) const;
  int cgroups_of(const std::string& node) const;

 private:
  void power(const std::string& node, bool up, bool announced);
  bool poll();
  void serve_metrics();

  Profile profile_;
  ApiServer server_;
  World world_;
  std::unique_ptr<NodeAgent> agent_;
  Logs logs_;
  Kubelet* kubelet_ = nullptr;
  NodeLifecycle* lifecycle_ = nullptr;
  MachineConfigOperator* machine_configs_ = nullptr;
  std::vector<std::unique_ptr<Controller>> controllers_;
  std::map<std::string, std::vector<Controller*>> interested_;
  std::vector<Controller*> interested_in_all_;
  mutable std::mutex mutex_;
};

}  // namespace devcluster
