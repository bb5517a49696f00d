// What the kubelet asks of a container runtime: the seam between the stand-in's cluster and what
// runs a Pod.
//
// Implementations: SimulatedAgent (by rules, in the clock's time); one over node::PodRuntime runs
// them for real. Thread-safe: logs are read from serving threads.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "devcluster/controller.hpp"
#include "node/pod_runtime.hpp"

namespace devcluster {

constexpr int kSigkill = 128 + 9;  // the exit code of what was killed

struct PodStart {
  const Json& pod;
  const Machine& machine;
  // ConfigMaps and Secrets by name; of a claim the name of its volume, for which the agent has
  // storage.
  const node::PodRuntime::VolumeContents& volumes;
  const std::set<std::string>& nfs_claims;  // whose filesystem cannot be id-mapped
};

struct ProbeResult {
  bool success = false;
  std::string output;  // what the probe's program printed, or why the connection failed
};

class NodeAgent {
 public:
  virtual ~NodeAgent() = default;

  // `uid` is the Pod's everywhere. All return at once; state() tells what came of it. A state of
  // kFailed has error_reason FailedCreatePodSandBox, ErrImagePull, CreateContainerError, …;
  // restart() tries again.
  virtual void start(const std::string& uid, const PodStart& what) = 0;
  virtual void restart(const std::string& uid) = 0;
  virtual void stop(const std::string& uid, seconds grace) = 0;
  virtual void remove(const std::string& uid) = 0;

  // The container's `resources` have changed (KEP-1287). False: it cannot have them. Where nothing
  // runs there is nothing to do.
  virtual bool resize(const std::string& /*uid*/, const Json& /*resources*/) { return true; }

  virtual std::optional<node::ContainerState> state(const std::string& uid) = 0;
  // When state() or a probe's answer may next change by itself; nothing: not without a call from
  // outside.
  virtual std::optional<Time> next_change(const std::string& uid) = 0;
  virtual std::string ip(const std::string& uid) = 0;
  virtual ProbeResult probe(const std::string& uid, const Json& probe) = 0;
  virtual std::string log(const std::string& uid, bool previous) = 0;
  // A connected socket to a port of the Pod, the caller's to close; -1 where Pods have no network.
  virtual int connect_to(const std::string& /*uid*/, int /*port*/) { return -1; }
  // A program run in the Pod's container; null where no container runs. It ends with what is
  // returned.
  virtual std::shared_ptr<node::RunningExec> exec(const std::string& /*uid*/,
                                                  const node::ExecRequest& /*request*/) {
    return nullptr;
  }
};

// Pods that are simulated by boot_rules.hpp. `world` must outlive it.
std::unique_ptr<NodeAgent> simulated_agent(World& world);

// Runs Pods for real, by crun, with one node::PodRuntime for each of the world's machines.
//
// Needs what node::unsupported_because() asks for and an image store; see main.cpp for when it is
// chosen. Time is the machine's: there is no virtual time with it.
struct RealAgentOptions {
  std::string image_dir;    // OCI layout, see node/image_store.hpp
  std::string scratch_dir;  // bundles, logs, what claims hold; made, and removed with the agent
};

// `world` must outlive it.
std::unique_ptr<NodeAgent> real_agent(World& world, RealAgentOptions options);

}  // namespace devcluster
