#include "devcluster/furnish.hpp"

#include <string>

#include "devcluster/kubelet_status.hpp"
#include "devcluster/node_start.hpp"
#include "devcluster/objects.hpp"

namespace devcluster {
namespace {

std::string role_label(const std::string& role) { return "node-role.kubernetes.io/" + role; }
constexpr const char* kMachineRole = "machineconfiguration.openshift.io/role";

Json node_of(const World& world, const std::string& name, const std::string& role, Time now) {
  const auto& profile = world.profile;
  Json labels = {{"kubernetes.io/hostname", name},
                 {"kubernetes.io/os", "linux"},
                 {"kubernetes.io/arch", "amd64"},
                 {role_label(role), ""}};
  Json spec = Json::object();
  if (role == "master") {
    labels[role_label("control-plane")] = "";
    spec["taints"] = Json::array({{{"key", role_label("master")}, {"effect", "NoSchedule"}}});
  }
  const Json resources = {
      {"cpu", "8"}, {"memory", "32Gi"}, {"ephemeral-storage", "100Gi"}, {"pods", "250"}};
  Json status = {{"capacity", resources},
                 {"allocatable", resources},
                 {"nodeInfo",
                  {{"kubeletVersion", profile.kubernetes},
                   {"kubeProxyVersion", profile.kubernetes},
                   {"containerRuntimeVersion", profile.runtime},
                   {"kernelVersion", profile.kernel},
                   {"osImage", profile.os_image},
                   {"operatingSystem", "linux"},
                   {"architecture", "amd64"},
                   {"machineID", hash_of(name)},
                   {"systemUUID", hash_of(name)},
                   {"bootID", hash_of(name + "boot")}}}};
  Json conditions;
  for (const char* pressure : {"MemoryPressure", "DiskPressure", "PIDPressure"}) {
    set_condition(conditions, now, pressure, "False", "KubeletHasSufficientResources");
  }
  set_condition(conditions, now, "Ready", "True", "KubeletReady",
                "kubelet is posting ready status");
  status["conditions"] = conditions;
  status["addresses"] =
      Json::array({{{"type", "InternalIP"}, {"address", node_address(world, name)}},
                   {{"type", "Hostname"}, {"address", name}}});
  if (profile.runtime_handlers) {
    // KEP-127: what the runtime claims, whether or not the API server's gate is on.
    const Json features = {{"userNamespaces", true}, {"recursiveReadOnlyMounts", true}};
    status["runtimeHandlers"] = Json::array({{{"name", ""}, {"features", features}}});
    if (!profile.is_crio()) {
      status["runtimeHandlers"].push_back({{"name", "cgroup-writable"}, {"features", features}});
    }
  }
  auto node = object_of("v1", "Node", name);
  node["metadata"]["labels"] = labels;
  node["spec"] = spec;
  node["status"] = status;
  return node;
}

void storage_classes(Api& api) {
  for (const auto& [name, provisioner] : {std::pair{"standard", "devcluster.example.com/block"},
                                          std::pair{"nfs", "devcluster.example.com/nfs"}}) {
    auto storage_class = object_of("storage.k8s.io/v1", "StorageClass", name);
    storage_class["provisioner"] = provisioner;
    storage_class["reclaimPolicy"] = "Delete";
    storage_class["volumeBindingMode"] = "Immediate";
    storage_class["allowVolumeExpansion"] = true;
    if (name == std::string("standard")) {
      storage_class["metadata"]["annotations"] = {
          {"storageclass.kubernetes.io/is-default-class", "true"}};
    }
    api.create("/apis/storage.k8s.io/v1/storageclasses", storage_class);
  }
}

// The restricted SCCs are everyone's by RBAC since 4.11 (cluster-kube-apiserver-operator
// bindata/bootkube/scc-manifests: ClusterRole and binding per SCC).
void sccs(World& world) {
  for (const auto& scc : default_sccs(world.profile)) {
    world.api.create("/apis/security.openshift.io/v1/securitycontextconstraints", scc);
    const std::string name = scc["metadata"]["name"];
    if (name != "restricted-v2" && name != "restricted-v3") continue;
    const auto role_name = "system:openshift:scc:" + name;
    auto role = object_of("rbac.authorization.k8s.io/v1", "ClusterRole", role_name);
    role["rules"] = Json::array({{{"apiGroups", {"security.openshift.io"}},
                                  {"resources", {"securitycontextconstraints"}},
                                  {"resourceNames", {name}},
                                  {"verbs", {"use"}}}});
    world.api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", role);
    auto binding = object_of("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", role_name);
    binding["roleRef"] = {
        {"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", role_name}};
    binding["subjects"] = Json::array({{{"apiGroup", "rbac.authorization.k8s.io"},
                                        {"kind", "Group"},
                                        {"name", "system:authenticated"}}});
    world.api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding);
  }
}

void pools(World& world) {
  for (const std::string pool : {"master", "worker"}) {
    for (const auto& [name, text] :
         {std::pair<std::string, const char*>{"00-" + pool, "/etc/tmpfiles.d/cleanup.conf"},
          {"01-" + pool + "-container-runtime", "/etc/containers/storage.conf"},
          {"01-" + pool + "-kubelet", "/etc/kubernetes/kubelet-ca.crt"},
          {"99-" + pool + "-ssh", nullptr}}) {
      auto config = object_of("machineconfiguration.openshift.io/v1", "MachineConfig", name);
      config["metadata"]["labels"] = {{kMachineRole, pool}};
      config["spec"]["config"]["ignition"]["version"] = "3.2.0";
      if (text != nullptr) {
        config["spec"]["config"]["storage"]["files"] =
            Json::array({{{"path", text},
                          {"mode", 420},
                          {"overwrite", true},
                          {"contents", {{"source", "data:,"}}}}});
      }
      world.api.create("/apis/machineconfiguration.openshift.io/v1/machineconfigs", config);
    }
    auto object_of_pool =
        object_of("machineconfiguration.openshift.io/v1", "MachineConfigPool", pool);
    object_of_pool["spec"] = {{"machineConfigSelector", {{"matchLabels", {{kMachineRole, pool}}}}},
                              {"nodeSelector", {{"matchLabels", {{role_label(pool), ""}}}}},
                              {"paused", false}};
    world.api.create("/apis/machineconfiguration.openshift.io/v1/machineconfigpools",
                     object_of_pool);
  }
}

void openshift_config(World& world, Time now) {
  const std::string config = "/apis/config.openshift.io/v1/";
  const char* const version = "config.openshift.io/v1";
  auto cluster_version = object_of(version, "ClusterVersion", "version");
  cluster_version["spec"] = {{"clusterID", hash_of(world.profile.name)}, {"channel", "stable"}};
  Json conditions;
  set_condition(conditions, now, "Available", "True", "",
                "Done applying " + world.profile.openshift);
  set_condition(conditions, now, "Progressing", "False", "",
                "Cluster version is " + world.profile.openshift);
  cluster_version["status"] = {{"desired", {{"version", world.profile.openshift}}},
                               {"history", Json::array({{{"state", "Completed"},
                                                         {"version", world.profile.openshift},
                                                         {"startedTime", rfc3339(now)},
                                                         {"completionTime", rfc3339(now)},
                                                         {"verified", true}}})},
                               {"conditions", conditions}};
  world.api.create(config + "clusterversions", cluster_version);
  world.patch_status(config + "clusterversions", "version", cluster_version["status"]);
  const auto singleton = [&](const char* plural, const char* kind, const Json& spec) {
    auto object = object_of(version, kind, "cluster");
    object["spec"] = spec;
    world.api.create(config + plural, object);
  };
  singleton("nodes", "Node", Json::object());
  singleton("ingresses", "Ingress", {{"domain", world.domain}});
  singleton("apiservers", "APIServer",
            {{"tlsSecurityProfile", {{"type", "Intermediate"}, {"intermediate", Json::object()}}}});
}

}  // namespace

void furnish(World& world, int masters, int workers) {
  const auto now = world.clock();
  const auto add = [&](const std::string& role, int count) {
    for (int i = 0; i < count; ++i) {
      const auto name = role + "-" + std::to_string(i);
      world.machines[name] = {name, true, world.profile.cgroups, false, false, -1};
      const auto node = node_of(world, name, role, now);
      world.api.create(kNodes, node);
      world.patch_status(kNodes, name, node["status"]);
      announce_start(world, name);
    }
  };
  add("master", masters);
  add("worker", workers);
  storage_classes(world.api);
  if (!world.profile.is_crio()) {
    auto runtime_class = object_of("node.k8s.io/v1", "RuntimeClass", "cgroup-writable");
    runtime_class["handler"] = "cgroup-writable";
    world.api.create("/apis/node.k8s.io/v1/runtimeclasses", runtime_class);
  }
  if (!world.profile.is_openshift()) return;
  sccs(world);
  openshift_config(world, now);
  if (world.profile.machine_configs) pools(world);
}

}  // namespace devcluster
