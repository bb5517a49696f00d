// A whole scenario in one thread and in virtual time: a devcluster, the operator against it, and
// what a person does. Nothing sleeps; time moves only in advance() and until().
//
// The operator runs under its own ServiceAccount and the rights of config/rbac, so a scenario also
// shows that they suffice.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "devcluster/cluster.hpp"
#include "kube/client.hpp"
#include "platform/collector.hpp"
#include "reconcile/operator.hpp"
#include "runtime/clock.hpp"
#include "runtime/event_recorder.hpp"
#include "support/in_process_transport.hpp"

namespace swo::test {

struct SimulationOptions {
  std::string profile = "openshift-4.20";
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
  bool cleanup_machine_configs = false;
  std::function<void(devcluster::Profile&)> adjust = nullptr;
  std::vector<std::string> namespaces = {};  // WATCH_NAMESPACE; empty: all
  std::vector<Json> rights = {};             // RBAC objects in place of config/rbac's
};

class Simulation {
 public:
  explicit Simulation(SimulationOptions options = {});

  // ---- what a person does, with full rights
  devcluster::Api& admin() { return admin_; }
  // Creates or merges a SystemdWorkload into namespace demo; only spec is given.
  void apply(const std::string& name, const Json& spec);
  void remove(const std::string& name);
  static std::string workloads_path() {
    return "/apis/workloads.systemd-operator.dev/v1alpha1/namespaces/demo/systemdworkloads";
  }
  static std::string pods_path() { return "/api/v1/namespaces/demo/pods"; }

  // ---- time
  // Until nothing more happens at this moment.
  void settle();
  void advance(std::chrono::milliseconds by);
  // As advance(), in jumps of a minute at most whatever longest_step says. The writes meanwhile:
  // none, where everything is at rest.
  int writes_in(std::chrono::minutes time);
  // Moves time on, event by event, until `done` or `limit` is over; false: it was never done.
  bool until(const std::function<bool()>& done,
             std::chrono::seconds limit = std::chrono::minutes(30));

  // ---- what is to be seen
  Json workload(const std::string& name);
  std::string phase(const std::string& name);  // the STATUS column
  bool running(const std::string& name) { return phase(name) == "Running"; }
  std::vector<std::string> phases_seen(
      const std::string& name) const;  // in order, without repetitions
  std::string condition_message(const std::string& name, const std::string& type);
  // Every write of the operator but Events and Leases, "PATCH systemdworkloads/demo/nginx/status",
  // and how often. Refused ones do not count.
  const std::map<std::string, int>& writes() const { return writes_; }
  int write_count() const;
  int writes_to(const std::string& what) const;
  void forget_writes() { writes_.clear(); }
  // What the operator has logged since the newest simulation began. Printed as well where SWO_LOG
  // is set.
  static std::string log();

  // ---- what befalls the operator
  void stop_operator();  // and its replicas
  void start_operator();
  // One more that believes itself to be the leader.
  void start_replica();
  InProcessTransport& transport() { return *replicas_.front()->transport; }
  devcluster::Cluster& cluster() { return cluster_; }
  reconcile::Operator& op() { return *replicas_.front()->op; }

  // Called after each write of the operator.
  std::function<void()> after_write;
  // Asked before each request of the operator, whichever process of it sends it.
  std::function<Fate(const kube::HttpRequest&)> fate;
  // The answer to give instead of carrying the request out; nullopt: none.
  std::function<std::optional<kube::HttpResponse>(const kube::HttpRequest&)> instead;
  // Time moves by no more than this at once: what waits inside a watch is not known to until().
  std::chrono::milliseconds longest_step = std::chrono::minutes(1);

 private:
  // One process of the operator.
  struct Replica {
    std::unique_ptr<InProcessTransport> transport;
    std::unique_ptr<kube::Client> client;
    std::unique_ptr<runtime::EventRecorder> recorder;
    std::unique_ptr<platform::Collector> collector;
    std::unique_ptr<reconcile::Operator> op;
  };
  void install();
  void grant(const std::vector<Json>& rights);
  bool step();
  void note_phases();
  void note_write(const kube::HttpRequest& request, int status);

  SimulationOptions options_;
  runtime::ManualClock clock_;
  devcluster::Cluster cluster_;
  devcluster::Api admin_;
  std::string token_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::map<std::string, int> writes_;
  std::map<std::string, std::vector<std::string>> phases_;
};

}  // namespace swo::test
