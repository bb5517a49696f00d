// What is known of this cluster: the facts that decide how systemd can be had, as plain values.
//
// "Unknown" is a value of its own: a fact that cannot be read (RBAC, an old kubelet) is never taken
// for a "no". A claim (the runtime says it can do user namespaces) is not a proof (a workload that
// booted). Values; collected by collector.hpp, judged by strategy.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.hpp"

namespace swo::platform {

enum class Tri { kUnknown, kNo, kYes };
enum class CgroupVersion { kUnknown, kV1, kV2 };
enum class Runtime { kUnknown, kCrio, kContainerd, kOther };

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
  bool known() const { return *this != Version{}; }
  auto operator<=>(const Version&) const = default;
};
// "v1.33.2", "4.20.0-rc.1", "6.1.0-37-amd64", "cri-o://1.33.8": the first three numbers. Empty when
// there is none.
std::optional<Version> parse_version(std::string_view text);
std::string to_string(const Version& version);  // "1.33.2"

struct NodeFacts {
  std::string name = {};
  std::map<std::string, std::string> labels = {};
  Json taints = Json::array();
  bool ready = false;
  bool schedulable = true;
  std::optional<Version> kubelet = {};
  std::optional<Version> kernel = {};
  // Whether a tmpfs can be mounted with mapped ids, as Secrets and service account tokens need in a
  // user namespace: since Linux 6.3. Unknown on Red Hat's kernels, whose number says nothing of
  // their backports.
  Tri tmpfs_idmap = Tri::kUnknown;
  Runtime runtime = Runtime::kUnknown;
  std::optional<Version> runtime_version = {};
  Tri user_namespaces =
      Tri::kUnknown;  // status.runtimeHandlers[name==""].features.userNamespaces: a claim
  CgroupVersion cgroups = CgroupVersion::kUnknown;
  std::string cgroups_source = {};  // where that was learned: "kubelet_cgroup_version"
  std::string boot_id =
      {};  // status.nodeInfo.bootID: what was learned of a node holds until it changes
  bool operator==(const NodeFacts&) const = default;
};

// A MachineConfigPool, and what its rendered configuration holds.
struct PoolFacts {
  std::string name = {};
  std::int64_t generation = 0;
  std::int64_t observed_generation = 0;
  std::string resource_version = {};
  bool paused = false;     // by someone else than the operator
  bool hold_mark = false;  // it has the operator's annotation
  bool held = false;       // paused by the operator, until its two changes are in one configuration
  Tri updated = Tri::kUnknown;
  Tri updating = Tri::kUnknown;
  Tri degraded = Tri::kUnknown;
  std::string degraded_message = {};
  int machine_count = 0;
  int updated_count = 0;
  int ready_count = 0;
  int unavailable_count = 0;
  int degraded_count = 0;
  std::string spec_configuration = {};      // spec.configuration.name
  std::string status_configuration = {};    // status.configuration.name
  std::set<std::string> sources = {};       // status.configuration.source[].name
  std::set<std::string> spec_sources = {};  // spec.configuration.source[].name
  Json machine_config_selector = Json::object();
  Json node_selector = Json::object();
  // Of the rendered MachineConfig `status_configuration`; empty when it could not be read.
  std::optional<std::vector<std::string>> kernel_arguments = {};
  // The same configuration lets CRI-O make user namespaces for annotated Pods (drop-in, subuid).
  Tri crio_user_namespaces = Tri::kUnknown;
  // It lets it by [crio.runtime.runtimes.runc], which CRI-O before 1.23 obeys, too.
  bool crio_runtime_table = false;
  // The same of `spec_configuration`, which is only read while the pool is held.
  CgroupVersion target_cgroups = CgroupVersion::kUnknown;
  bool target_asks_for_v2 = false;  // somebody's argument in it does, whoever's counts
  Tri target_crio_user_namespaces = Tri::kUnknown;
  // What the operator's own MachineConfig of this pool holds at present: never taken back by
  // itself, because any change reboots the pool.
  bool written_kernel_arguments = false;
  bool written_crio_files = false;
  bool written_crio_runtime_table = false;
  bool operator==(const PoolFacts&) const = default;
};

struct Facts {
  Version kubernetes;                     // of the API server
  std::optional<Version> openshift = {};  // ClusterVersion; empty: not OpenShift, or not readable
  bool has_scc = false;                   // security.openshift.io
  bool has_route = false;                 // route.openshift.io
  bool has_machine_config = false;        // machineconfiguration.openshift.io
  bool has_config = false;                // config.openshift.io
  bool has_gateway = false;               // gateway.networking.k8s.io HTTPRoute
  bool scc_user_namespace_level = false;  // SCC field userNamespaceLevel (OpenShift ≥ 4.18)
  std::string cgroup_mode = {};           // nodes.config/cluster spec.cgroupMode: "", "v1", "v2"
  bool cgroup_mode_written = false;       // the operator has set it once (its annotation is there)
  // featuregates.config/cluster: UserNamespacesSupport in the API server and the kubelets.
  Tri user_namespaces_gate = Tri::kUnknown;
  std::vector<NodeFacts> nodes = {};
  std::vector<PoolFacts> pools = {};
  // Workloads of this cluster have been seen to boot that way: proof, not claim.
  bool proven_host_users = false;
  // Per namespace: a Pod that only looks like one is its tenant's to make.
  std::set<std::string> proven_annotation = {};
  bool operator==(const Facts&) const = default;

  // The OpenShift version; where ClusterVersion is absent or unreadable (MicroShift) but SCCs are
  // there, the one that is built on this Kubernetes. Empty: not OpenShift.
  std::optional<Version> openshift_generation() const;

  // "OpenShift 4.20 (Kubernetes 1.33)" or "Kubernetes 1.33".
  std::string generation() const;
};

}  // namespace swo::platform
