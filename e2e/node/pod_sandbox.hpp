// What a Pod has for as long as it lives, through all restarts of its container: namespaces,
// address, volumes, and the files that the kubelet and CRI-O bind into the container. Not
// thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "node/machine.hpp"
#include "node/namespaces.hpp"
#include "node/oci_config.hpp"
#include "node/pod_env.hpp"

namespace node {

// Hands out the smallest free number of [0, count); thread-safe only under the owner's lock.
class Slots {
 public:
  explicit Slots(int count) : count_(count) {}
  std::optional<int> take();
  void give_back(int slot) { taken_.erase(slot); }

 private:
  int count_;
  std::set<int> taken_;
};

struct SandboxRequest {
  std::string uid;
  const Json& pod;
  const Contents& contents;
  NodeRules rules;
  int subnet = 0;
  int slot = 0;  // of the node's Pods: decides the address and the id range
};

class PodSandbox {
 public:
  // Throws PodError (FailedCreatePodSandBox, FailedMount).
  PodSandbox(const Machine& machine, const SandboxRequest& request);
  ~PodSandbox();
  PodSandbox(const PodSandbox&) = delete;
  PodSandbox& operator=(const PodSandbox&) = delete;

  const std::string& ip() const { return ip_; }
  const std::string& directory() const { return directory_; }  // inside the machine
  const std::string& cgroup() const { return cgroup_; }
  const PodNamespaces& namespaces() const { return namespaces_; }
  const std::optional<IdRange>& ids() const { return ids_; }
  // Fills in what this sandbox gives a container; call inside the machine.
  Sandbox for_container(const Json& container, Env env) const;

 private:
  void set_up(const SandboxRequest& request);
  void set_up_network(int slot, int subnet);
  void tear_down();
  std::uint32_t owner() const { return ids_ ? ids_->first : 0; }

  const Machine& machine_;
  std::string name_, directory_, cgroup_, ip_;
  std::optional<IdRange> ids_;
  PodNamespaces namespaces_;
  std::map<std::string, std::string> volumes_;  // name → path inside the machine
  std::set<std::string> mounted_;
};

}  // namespace node
