// What the Pod and its company need on this platform, and the faults of versions that would bite.
// Sources: cri-o internal/factory/container (init detection, sysctls), cri-o release notes 1.31 and
// 1.35.1, containerd docs/cri/config.md (cgroup_writable), KEP-127 (kernel; mapped mounts of
// volumes, which CRI-O's own annotation does not ask for), openshift/api security/v1.

#include <algorithm>

#include "api/json_read.hpp"
#include "platform/rules.hpp"

namespace swo::platform {
namespace {

constexpr Version kFirstOpenshift{4, 7, 0};
constexpr Version kCrioWithPingRange{1, 31, 0};
constexpr Version kKubernetesWithPingRange{1, 31,
                                           0};  // OpenShift ships the CRI-O of its Kubernetes
constexpr Version kCrioWithoutChown{1, 35, 0};
constexpr Version kContainerdWritable{2, 1, 0};
constexpr Version kInPlaceResize{1, 33, 0};
constexpr std::size_t kMaxHostName = 64;  // HOST_NAME_MAX; kubernetes pkg/kubelet/util/util.go
constexpr Version kDisruptionBudgets{1, 21, 0};  // policy/v1
constexpr Version kUnhealthyEviction{1, 27, 0};  // KEP-3017: beta, and so on by default

std::string volume_of_memory(const Json& volumes) {
  for (const Json& volume : volumes) {
    if (!volume.is_object()) {
      continue;
    }
    const bool memory = volume.contains("emptyDir") && volume["emptyDir"].is_object() &&
                        volume["emptyDir"].value("medium", Json()) == "Memory";
    if (memory || volume.contains("secret") || volume.contains("projected") ||
        volume.contains("downwardAPI")) {
      return "volume " + (volume.contains("name") ? volume["name"].dump() : std::string("?"));
    }
  }
  return {};
}

// What of the Pod the kubelet mounts from a tmpfs; empty: nothing.
std::string tmpfs_user(const Context& context) {
  const api::Spec& spec = context.workload.spec;
  if (spec.platform.automount_service_account_token) {
    return "the service account token";
  }
  if (!spec.init.credentials.empty()) {
    return "spec.init.credentials";
  }
  if (context.strategy.runtime_mounts) {
    return "/run and /tmp in memory";
  }
  return volume_of_memory(spec.volumes);
}

}  // namespace

std::string persistent_volume(const api::Spec& spec) {
  if (!spec.storage.claims.empty()) {
    return "claim " + spec.storage.claims.front().name;
  }
  for (const Json& volume : spec.volumes) {
    for (const char* kind : {"persistentVolumeClaim", "ephemeral", "csi", "nfs"}) {
      if (volume.is_object() && volume.contains(kind)) {
        return "volume " + text(at(volume, "name"));
      }
    }
  }
  return {};
}

void check_platform(Context& context) {
  context.reason("platform", context.facts.generation());
  if (!context.facts.openshift && context.openshift) {
    context.reason("platform",
                   "SecurityContextConstraints without a ClusterVersion: taken for OpenShift 4." +
                       std::to_string(context.openshift->minor) + " by its Kubernetes");
  }
  if (context.before(kFirstOpenshift)) {
    context.block({.reason = "UnsupportedPlatform",
                   .message = context.facts.generation() +
                              " is older than 4.7: its runtime cannot give a container a cgroup of "
                              "its own. Upgrade the cluster."});
  }
}

void check_nodes(Context& context) {
  if (context.facts.nodes.empty()) {
    context.reason("nodes", "none can be seen: the defaults of the generation are taken");
  } else if (context.nodes.empty()) {
    context.warn("NoEligibleNodes",
                 "None of " + counted(context.facts.nodes.size(), "node") +
                     " matches spec.nodeSelector, spec.affinity and spec.tolerations.");
  } else {
    context.reason("nodes", std::to_string(context.nodes.size()) + " of " +
                                counted(context.facts.nodes.size(), "node") +
                                " may hold the workload");
  }
}

void choose_scc(Context& context) {
  if (!context.facts.has_scc) {
    context.reason("SCC", "none: there is no SecurityContextConstraints API");
    return;
  }
  context.strategy.use_scc = true;
  context.strategy.scc_user_namespace_level =
      context.facts.scc_user_namespace_level && !context.by_annotation();
  const std::string& own = context.workload.spec.platform.security_context_constraints;
  if (!own.empty()) {
    context.reason("SCC", own + ", because the workload names it");
    context.warn("SccOfOnesOwn",
                 "SecurityContextConstraints " + own +
                     " must allow uid 0 and set the SELinux type container_init_t: CRI-O ≥ 1.33.8, "
                     "≥ 1.34.4 and ≥ 1.35.0 no longer do so for an init.");
    return;
  }
  std::string text = "the operator's, which admits only Pods with a user namespace";
  if (!context.strategy.scc_user_namespace_level) {
    text =
        context.by_annotation()
            ? "the operator's without userNamespaceLevel, as the annotation is no field of the Pod"
            : "the operator's without userNamespaceLevel, which came with OpenShift 4.18";
  }
  context.reason("SCC", std::move(text));
}

void choose_selinux(Context& context) {
  if (context.strategy.use_scc) {
    context.reason("SELinux", "type container_init_t, by the SCC");
    return;
  }
  context.strategy.selinux_type = true;
  context.reason("SELinux",
                 "type container_init_t in the Pod, because no SCC sets it and CRI-O "
                 "≥ 1.33.8, ≥ 1.34.4 and ≥ 1.35.0 no longer do; without SELinux it is ignored");
}

void choose_runtime_mounts(Context& context) {
  const auto containerd = names_where(
      context.shaping, [](const NodeFacts& node) { return node.runtime == Runtime::kContainerd; });
  if (containerd.empty()) {
    return;
  }
  context.strategy.runtime_mounts = true;
  context.reason("runtime",
                 "containerd on " + counted(containerd.size(), "node") +
                     ": container= and memory-backed /run and /tmp in the Pod, because it "
                     "does not recognise an init");
  const auto old = names_where(context, [](const NodeFacts& node) {
    return node.runtime == Runtime::kContainerd && node.runtime_version &&
           *node.runtime_version < kContainerdWritable;
  });
  if (!old.empty() && old.size() == context.nodes.size()) {
    context.block({.reason = "ContainerdTooOld",
                   .message = "containerd before 2.1 keeps /sys/fs/cgroup read-only: " +
                              name_list(old) + ". Update it, or use CRI-O."});
    return;
  }
  if (!old.empty()) {
    context.warn("ContainerdTooOld", "containerd before 2.1 keeps /sys/fs/cgroup read-only on " +
                                         name_list(old) +
                                         ". Leave them out with spec.nodeSelector, or update it.");
  }
  if (context.workload.spec.platform.runtime_class_name.empty() &&
      !context.facts.proven_host_users) {
    context.warn("RuntimeClassMissing",
                 "containerd mounts /sys/fs/cgroup read-only unless the runtime handler has "
                 "cgroup_writable = true. Name a RuntimeClass of such a handler in "
                 "spec.platform.runtimeClassName, unless the default handler has it.");
  }
}

void choose_sysctl(Context& context) {
  const auto old = names_where(context.shaping, [](const NodeFacts& node) {
    return node.runtime == Runtime::kCrio && node.runtime_version &&
           *node.runtime_version < kCrioWithPingRange;
  });
  // By the API server's version as well: it moves once in an upgrade, the nodes one by one.
  const bool generation = context.openshift && context.facts.kubernetes.known() &&
                          context.facts.kubernetes < kKubernetesWithPingRange;
  if (generation || !old.empty()) {
    context.strategy.ping_group_range_sysctl = true;
    context.reason("sysctl",
                   "net.ipv4.ping_group_range \"0 65535\", because CRI-O before 1.31 sets a "
                   "range that a user namespace lacks");
  }
}

void check_tmpfs_idmap(Context& context) {
  const auto old =
      names_where(context, [](const NodeFacts& node) { return node.tmpfs_idmap == Tri::kNo; });
  const std::string user = tmpfs_user(context);
  if (!old.empty() && !user.empty()) {
    context.warn("KernelBefore63",
                 user + " is a tmpfs, which kernels before 6.3 cannot mount with mapped ids: " +
                     name_list(old) +
                     ". Leave it out, or leave the nodes out with spec.nodeSelector.");
  }
}

void check_volumes(Context& context) {
  const std::string volume = persistent_volume(context.workload.spec);
  if (volume.empty() || !context.by_annotation()) {
    return;
  }
  context.warn("VolumesNotMapped",
               "With the annotation nothing maps the ids of volumes: the files of " + volume +
                   " belong to ids of the node, which the container sees as nobody, and its root "
                   "cannot write there. hostUsers: false maps them (OpenShift ≥ 4.20); until then "
                   "an administrator has to open the volume's directory to the ids of "
                   "\"containers\" in /etc/subuid, or to everyone. It does not change by itself: "
                   "give the files to the ids that the container is to see, and set "
                   "spec.platform.userNamespace: HostUsers.");
}

// The name is made as render/names.cpp makes it; a domain of the cluster's that is not the usual
// one may be longer or shorter, which nothing here tells.
void check_host_name(Context& context) {
  const api::Workload& workload = context.workload;
  if (!workload.spec.set_hostname_as_fqdn || workload.spec.replicas == 0) {
    return;
  }
  const std::string longest = workload.name + "-" + std::to_string(workload.spec.replicas - 1) +
                              "." + workload.name + "-instances." + workload.ns +
                              ".svc.cluster.local";
  if (longest.size() <= kMaxHostName) {
    return;
  }
  context.warn("HostnameTooLong",
               "With spec.setHostnameAsFQDN the host name of an instance is " + longest + ", of " +
                   std::to_string(longest.size()) +
                   " characters, and Linux takes at most 64: the kubelet does not start it. Use a "
                   "shorter name for the workload or its namespace, or leave the field out.");
}

void check_crio_faults(Context& context) {
  const auto faulty = names_where(context, [](const NodeFacts& node) {
    return node.runtime == Runtime::kCrio && node.runtime_version == kCrioWithoutChown;
  });
  if (!faulty.empty()) {
    context.warn(
        "CrioCgroupFault",
        "CRI-O 1.35.0 does not hand the cgroup to the user namespace, so systemd cannot boot "
        "on " +
            name_list(faulty) + ". Update to 1.35.1.");
  }
}

void choose_api_fields(Context& context) {
  const Version& kubernetes = context.facts.kubernetes;
  context.strategy.in_place_resize = kubernetes.known() && kubernetes >= kInPlaceResize;
  context.strategy.disruption_budgets = !kubernetes.known() || kubernetes >= kDisruptionBudgets;
  context.strategy.evict_unhealthy = kubernetes.known() && kubernetes >= kUnhealthyEviction;
}

}  // namespace swo::platform
