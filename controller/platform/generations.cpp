// The generations as data: what a fresh cluster of each looks like to the operator. Versions are
// those each is built on (docs.openshift.com release notes, "About this release"; cri-o/cri-o
// compatibility matrix: CRI-O 1.N goes with Kubernetes 1.N).

#include <algorithm>
#include <array>

#include "platform/strategy.hpp"

namespace swo::platform {
namespace {

struct Generation {
  std::string_view name;
  int openshift_minor;  // 0 = not OpenShift
  Version kubernetes;
  Runtime runtime;
  Version runtime_version;
  Version kernel;
  CgroupVersion cgroups;  // by default
};

using enum CgroupVersion;

constexpr Version kRhel8{4, 18, 0};
constexpr Version kRhel9{5, 14, 0};

constexpr std::array kGenerations = {
    Generation{"openshift-4.7", 7, {1, 20, 0}, Runtime::kCrio, {1, 20, 2}, kRhel8, kV1},
    Generation{"openshift-4.8", 8, {1, 21, 0}, Runtime::kCrio, {1, 21, 0}, kRhel8, kV1},
    Generation{"openshift-4.9", 9, {1, 22, 0}, Runtime::kCrio, {1, 22, 0}, kRhel8, kV1},
    Generation{"openshift-4.10", 10, {1, 23, 0}, Runtime::kCrio, {1, 23, 0}, kRhel8, kV1},
    Generation{"openshift-4.11", 11, {1, 24, 0}, Runtime::kCrio, {1, 24, 1}, kRhel8, kV1},
    Generation{"openshift-4.12", 12, {1, 25, 0}, Runtime::kCrio, {1, 25, 1}, kRhel8, kV1},
    Generation{"openshift-4.13", 13, {1, 26, 0}, Runtime::kCrio, {1, 26, 3}, kRhel9, kV1},
    Generation{"openshift-4.14", 14, {1, 27, 0}, Runtime::kCrio, {1, 27, 1}, kRhel9, kV2},
    Generation{"openshift-4.15", 15, {1, 28, 0}, Runtime::kCrio, {1, 28, 3}, kRhel9, kV2},
    Generation{"openshift-4.16", 16, {1, 29, 0}, Runtime::kCrio, {1, 29, 5}, kRhel9, kV2},
    Generation{"openshift-4.17", 17, {1, 30, 0}, Runtime::kCrio, {1, 30, 4}, kRhel9, kV2},
    Generation{"openshift-4.18", 18, {1, 31, 0}, Runtime::kCrio, {1, 31, 4}, kRhel9, kV2},
    Generation{"openshift-4.19", 19, {1, 32, 0}, Runtime::kCrio, {1, 32, 4}, kRhel9, kV2},
    Generation{"openshift-4.20", 20, {1, 33, 0}, Runtime::kCrio, {1, 33, 5}, kRhel9, kV2},
    Generation{"openshift-4.21", 21, {1, 34, 0}, Runtime::kCrio, {1, 34, 2}, kRhel9, kV2},
    Generation{"kubernetes-1.33", 0, {1, 33, 0}, Runtime::kCrio, {1, 33, 8}, {6, 8, 0}, kV2},
    Generation{"kubernetes-1.33-containerd",
               0,
               {1, 33, 0},
               Runtime::kContainerd,
               {2, 1, 0},
               {6, 8, 0},
               kV2},
    Generation{"kubernetes-1.36", 0, {1, 36, 2}, Runtime::kCrio, {1, 36, 3}, {6, 12, 0}, kV2},
};

constexpr int kUserNamespacesGa = 20;       // OpenShift 4.N
constexpr int kUserNamespacesPreview = 17;  // likewise: the gate is there, and off
constexpr int kSccUserNamespaceLevel = 18;
constexpr int kCgroupV1InRenderedBase = 13;
constexpr int kGatewayApi = 19;
constexpr Version kRuntimeHandlers{1, 31,
                                   0};  // Node.status.runtimeHandlers[].features.userNamespaces
constexpr int kWorkers = 3;
constexpr int kMasters = 3;

NodeFacts node(const Generation& generation, const std::string& role, int number) {
  NodeFacts facts;
  facts.name = role + "-" + std::to_string(number);
  facts.labels = {{"kubernetes.io/hostname", facts.name},
                  {"kubernetes.io/os", "linux"},
                  {"node-role.kubernetes.io/" + role, ""}};
  if (role != "worker") {
    facts.taints =
        Json::array({{{"key", "node-role.kubernetes.io/" + role}, {"effect", "NoSchedule"}}});
  }
  facts.ready = true;
  facts.kubelet = generation.kubernetes;
  facts.kernel = generation.kernel;
  facts.tmpfs_idmap = generation.openshift_minor > 0 ? Tri::kUnknown : Tri::kYes;
  facts.runtime = generation.runtime;
  facts.runtime_version = generation.runtime_version;
  if (generation.kubernetes >= kRuntimeHandlers) {
    facts.user_namespaces = Tri::kYes;
  }
  if (generation.openshift_minor == 0) {
    facts.cgroups = generation.cgroups;
    facts.cgroups_source = "kubelet_cgroup_version";
  }
  return facts;
}

PoolFacts pool(const Generation& generation, const std::string& name, int machines) {
  PoolFacts facts;
  facts.name = name;
  facts.generation = facts.observed_generation = 2;
  facts.updated = Tri::kYes;
  facts.updating = facts.degraded = Tri::kNo;
  facts.machine_count = facts.updated_count = facts.ready_count = machines;
  facts.spec_configuration = facts.status_configuration = "rendered-" + name + "-1";
  facts.sources = {"00-" + name, "01-" + name + "-kubelet", "99-" + name + "-ssh"};
  facts.machine_config_selector = {
      {"matchLabels", {{"machineconfiguration.openshift.io/role", name}}}};
  facts.node_selector = {{"matchLabels", {{"node-role.kubernetes.io/" + name, ""}}}};
  facts.crio_user_namespaces = Tri::kNo;
  facts.kernel_arguments.emplace();
  if (generation.openshift_minor == kCgroupV1InRenderedBase) {
    facts.kernel_arguments = {"systemd.unified_cgroup_hierarchy=0",
                              "systemd.legacy_systemd_cgroup_controller=1"};
  } else if (generation.cgroups == kV2) {
    facts.kernel_arguments = {"systemd.unified_cgroup_hierarchy=1", "cgroup_no_v1=\"all\"",
                              "psi=0"};
  }
  return facts;
}

void add_openshift(const Generation& generation, Facts& facts) {
  const int minor = generation.openshift_minor;
  facts.openshift = Version{4, minor, 0};
  facts.has_scc = facts.has_route = facts.has_machine_config = facts.has_config = true;
  facts.has_gateway = minor >= kGatewayApi;
  facts.scc_user_namespace_level = minor >= kSccUserNamespaceLevel;
  if (minor >= kUserNamespacesPreview) {
    facts.user_namespaces_gate = minor >= kUserNamespacesGa ? Tri::kYes : Tri::kNo;
  }
  facts.pools = {pool(generation, "master", kMasters), pool(generation, "worker", kWorkers)};
}

}  // namespace

std::optional<Facts> well_known_generation(std::string_view name) {
  const auto* found = std::ranges::find(kGenerations, name, &Generation::name);
  if (found == kGenerations.end()) {
    return std::nullopt;
  }
  Facts facts;
  facts.kubernetes = found->kubernetes;
  if (found->openshift_minor > 0) {
    add_openshift(*found, facts);
  }
  const std::string master = found->openshift_minor > 0 ? "master" : "control-plane";
  for (int i = 0; i < kMasters; ++i) {
    facts.nodes.push_back(node(*found, master, i));
  }
  for (int i = 0; i < kWorkers; ++i) {
    facts.nodes.push_back(node(*found, "worker", i));
  }
  return facts;
}

std::vector<std::string> well_known_generations() {
  std::vector<std::string> names;
  names.reserve(std::size(kGenerations));
  for (const Generation& generation : kGenerations) {
    names.emplace_back(generation.name);
  }
  return names;
}

}  // namespace swo::platform
