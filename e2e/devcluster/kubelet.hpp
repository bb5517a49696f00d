// The kubelets of all nodes: Pods bound to a node become containers, and what these do becomes Pod
// status.
//
// Sources: kubernetes pkg/kubelet (kubelet_pods.go for phases and conditions, prober/ for probes,
// kuberuntime/ for restarts and back-off, events/event.go for the Events' words).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "devcluster/controller.hpp"
#include "devcluster/node_agent.hpp"

namespace devcluster {

class Kubelet final : public Controller {
 public:
  Kubelet(World& world, NodeAgent& agent);
  ~Kubelet() override;

  void observe(const Delta& delta) override;
  void work(Time now) override;
  std::optional<Time> due() const override { return agenda_.next(); }

  // A node went down with all its containers, or came back.
  void node_changed(const std::string& node);
  // Node-pressure eviction: killed at once, phase Failed. False: no such Pod on a node.
  bool evict(const std::string& ns, const std::string& pod, const std::string& message);

 private:
  struct Run;
  struct Prober;
  void sync(const std::string& key, Time now);
  void begin(Run& run, const Json& pod, Time now);
  void follow(Run& run, const Json& pod, Time now);
  void resize(Run& run, const Json& pod);
  void started(Run& run, const Json& pod, const node::ContainerState& state);
  void failed(Run& run, const Json& pod, const node::ContainerState& state, Time now);
  void exited(Run& run, const Json& pod, const node::ContainerState& state, Time now);
  bool create(Run& run, const Json& pod, Time now);
  bool restart(Run& run, const Json& pod, Time now);
  void terminate(Run& run, const Json& pod, Time now);
  void again_at(Run& run, const Json& pod, Time when);
  std::optional<bool> try_probe(const Run& run, Prober& prober, const char* words, const Json& pod,
                                Time now);
  void run_probes(Run& run, const Json& pod, Time now);
  Json status_of(const Run& run, const Json& pod, Time now);
  void write_status(const Run& run, const Json& pod, Time now);
  void event(const Json& pod, const char* type, const char* reason, const std::string& message);

  NodeAgent& agent_;
  std::map<std::string, Run> runs_;  // by "ns/name"
  Agenda agenda_;
};

}  // namespace devcluster
