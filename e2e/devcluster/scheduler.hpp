// What stands between a Pod and its node: claims bound, a node chosen, and Pods of a lost node
// given up.
//
// Sources: kubernetes pkg/scheduler (filters: node affinity, taints, unschedulable, resources;
// messages of framework/types.go FitError), pkg/controller/volume/persistentvolume,
// pkg/controller/nodelifecycle and tainteviction.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "devcluster/controller.hpp"

namespace devcluster {

// Picks, of the ready nodes that a Pod fits, the one with the fewest Pods; by name among equals.
class Scheduler final : public Controller {
 public:
  explicit Scheduler(World& world);
  void observe(const Delta& delta) override;
  void work(Time now) override;

 private:
  // What is asked for, or had, in thousandths of the unit.
  struct Resources {
    std::int64_t cpu = 0, memory = 0;
    void add(const Resources& other, int times = 1);
  };
  struct Placed {
    std::string node;
    Resources requests;
  };
  struct Load {
    int pods = 0;
    Resources requests;
  };
  static Resources resources_of(const Json& amounts);
  static Resources requests_of(const Json& pod);
  void place(const std::string& key, const std::string& node, const Resources& requests);
  // Why the Pod cannot go to that node; "" when it can.
  std::string lacks(const std::string& node, const Resources& requests) const;
  std::string lacks_claim(const Json& pod);
  void schedule(const std::string& key, Time now);
  void bind(const Json& pod, const std::string& node, const Resources& requests);
  void retry();                           // those that fitted nowhere
  std::map<std::string, Json> nodes_;     // spec, labels and allocatable resources alone
  std::map<std::string, Placed> placed_;  // by Pod
  std::map<std::string, Load> load_;      // by node
  std::set<std::string> pending_, unschedulable_;
};

// What a claim has until it is deleted and no Pod on a node uses it (volume/util/finalizer.go).
inline constexpr const char* kClaimProtection = "kubernetes.io/pvc-protection";

// Binds each claim at once, grows it when asked to, and lets it go when nothing uses it
// (pkg/controller/volume/pvcprotection).
class ClaimBinder final : public Controller {
 public:
  explicit ClaimBinder(World& world);
  void observe(const Delta& delta) override;
  void work(Time now) override;

 private:
  void observe_pod(const std::string& key, const Json* pod);
  void bind(const std::string& key, const Json& claim);
  void let_go(const std::string& key, const Json& claim);
  std::set<std::string> changed_, without_class_;
  std::map<std::string, std::set<std::string>> claims_of_, users_;  // Pod → claims, claim → Pods
};

// Taints nodes whose kubelet is silent; their Pods are not ready, and are deleted when their
// toleration ends.
class NodeLifecycle final : public Controller {
 public:
  explicit NodeLifecycle(World& world) : Controller(world, {kPods}) {}
  void observe(const Delta& delta) override;
  void work(Time now) override;
  std::optional<Time> due() const override { return evictions_.next(); }

  void lost(const std::string& node);
  void restored(const std::string& node);

 private:
  Agenda evictions_;
};

// Ready True or False (a reboot that was announced) or Unknown (silence), with the taints that go
// with it.
void set_node_ready(World& world, const std::string& node, const std::string& status);

}  // namespace devcluster
