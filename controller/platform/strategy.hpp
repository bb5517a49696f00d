// How systemd is to be had on this cluster, decided from the facts and the workload's wishes.
//
// Pure. decide() runs an ordered chain of small rules; each that applies adds a Reason, so the list
// reads like the specification and is shown to users (condition, `render --explain`, log). Facts
// and sources: the generations table in docs/platforms.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/workload.hpp"
#include "platform/facts.hpp"

namespace swo::platform {

enum class UserNamespaceVia { kHostUsers, kAnnotation };
enum class CgroupsBy { kNothing, kKernelArguments, kCgroupMode };

// One decision: what, and why.
struct Reason {
  std::string topic = {};  // "user namespace", "cgroups", "MachineConfig", "SCC", "exposure", …
  std::string text = {};  // "hostUsers: false, because OpenShift ≥ 4.20 has user namespaces as GA"
  bool operator==(const Reason&) const = default;
};

// Why the platform cannot serve the workload (yet): becomes PlatformReady=False and the STATUS
// column.
struct Blocker {
  std::string reason =
      {};  // CamelCase: "WaitingForNodes", "CgroupsV1", "UserNamespacesUnsupported", …
  std::string detail = {};   // appended in the STATUS column: "2/5 updated"
  std::string message = {};  // for a person: what is missing, and what to do
  bool waiting = false;      // true: resolves by itself; false: someone must act
  bool holds_pods = true;    // false: Pods are created all the same (a warning)
  bool operator==(const Blocker&) const = default;
};

// How user namespaces are had, as status.platform.userNamespaces tells it.
inline constexpr const char* kHadByHostUsers = "hostUsers";
inline constexpr const char* kHadByAnnotation = "annotation";

// The reason of a blocker: neither way to a user namespace is open.
inline constexpr const char* kUserNamespacesUnsupported = "UserNamespacesUnsupported";

// The content of the one MachineConfig of a pool. It includes what is written already: taking
// anything back would reboot the pool. A writer that finds more in the live object keeps that, too.
struct MachineConfigNeed {
  std::string pool = {};
  bool kernel_arguments = false;  // systemd.unified_cgroup_hierarchy=1, cgroup_no_v1="all", psi=1
  bool crio_files = false;        // crio.conf.d drop-in, subuid, subgid
  // The drop-in allows the annotation to the runtime rather than to a workload class: CRI-O before
  // 1.23 knows no other way (cri-o tutorials/userns.md). Only with crio_files.
  bool crio_runtime_table = false;
  bool operator==(const MachineConfigNeed&) const = default;
};

struct Strategy {
  UserNamespaceVia user_namespace = UserNamespaceVia::kHostUsers;
  bool host_users_doubtful = false;  // the API server may well drop hostUsers: false
  CgroupsBy cgroups = CgroupsBy::kNothing;
  // What the eligible nodes are on, as status.platform.cgroups tells it: "v1", "v2", "mixed";
  // "unknown" where nothing tells of any.
  std::string cgroups_seen = "unknown";
  std::optional<MachineConfigNeed> machine_config = {};  // wanted on this platform, written or not
  // The node settings above may be written now: the administrator and the workload consent, and no
  // pool is in a state to wait for. False also when there is nothing to write.
  bool may_write_node_settings = false;
  bool use_scc = false;  // render required-scc, Role and RoleBinding for `use`
  bool scc_user_namespace_level = false;
  bool ping_group_range_sysctl = false;  // CRI-O < 1.31 with a user namespace
  bool selinux_type = false;  // seLinuxOptions.type: container_init_t in the Pod (no SCC to set it)
  bool runtime_mounts = false;   // containerd: container= env, memory emptyDirs on /run, /tmp, …
  bool host_route = false;       // Route API; else Ingress or HTTPRoute
  bool in_place_resize = false;  // Pod resize subresource (Kubernetes ≥ 1.33)
  bool disruption_budgets = true;  // policy/v1; OpenShift 4.7 has v1beta1 alone
  // The API server knows unhealthyPodEvictionPolicy of a PodDisruptionBudget (Kubernetes ≥ 1.27).
  bool evict_unhealthy = false;
  // Why the workload is not exposed as it asks, so that no Ingress or HTTPRoute is made: becomes
  // Exposed=False.
  std::optional<Blocker> exposure_blocker = {};
  std::vector<Reason> reasons = {};
  std::vector<Blocker> blockers = {};  // most important first
  std::vector<Blocker> warnings = {};  // known version faults, reported before they bite
  bool operator==(const Strategy&) const = default;
};

// What keeps the workload from running, then what keeps it from being exposed.
std::vector<Blocker> every_blocker(const Strategy& strategy);

enum class MachineConfigMode { kApply, kPreview, kOff };

Strategy decide(const api::Workload& workload, const Facts& facts, MachineConfigMode mode);

// The nodes that the workload's Pods may land on (nodeSelector, required node affinity, taints).
std::vector<const NodeFacts*> eligible_nodes(const api::Workload& workload, const Facts& facts);

// Facts of a well-known generation, for `render --cluster openshift-4.8` and for tests:
// openshift-4.7 … openshift-4.21, kubernetes-1.33, kubernetes-1.33-containerd, kubernetes-1.36.
// nullopt: unknown name.
std::optional<Facts> well_known_generation(std::string_view name);
std::vector<std::string> well_known_generations();

// The name of the operator's MachineConfig for a pool: 99-worker-systemd-workload. The 99 lets it
// come after 97-<pool>-generated-kubelet, which holds the Machine Config Operator's own cgroup
// arguments.
std::string machine_config_name(std::string_view pool);

// True when the pool has rolled out the configuration that `config` (a MachineConfig's name) is
// part of, by the whole rule: observedGeneration, source, names equal, Updated, not Degraded.
bool rolled_out(const PoolFacts& pool, std::string_view config);

}  // namespace swo::platform
