#include "devcluster/furnish.hpp"

#include <map>
#include <string>
#include <vector>

#include <boost/algorithm/string/replace.hpp>

#include "devcluster/data.hpp"
#include "devcluster/kubelet_status.hpp"
#include "devcluster/objects.hpp"

namespace devcluster {
namespace {

std::string role_label(const std::string& role) { return "node-role.kubernetes.io/" + role; }

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

// The objects of data/cluster.yaml that this cluster has.
void add_objects(World& world) {
  const auto& profile = world.profile;
  const std::map<std::string, bool> clusters = {
      {"", true},
      {"OpenShift", profile.is_openshift()},
      {"not CRI-O", !profile.is_crio()},
      {"restricted_v2", profile.restricted_v2},
      {"restricted_v3", profile.user_namespace_level && profile.host_users},
      {"machine configs", profile.is_openshift() && profile.machine_configs}};
  each_entry("cluster.yaml", [&](const std::string&, const Json& entry) {
    check_keys(entry, {{"in", "object"}, {"only", "for"}});
    if (!meaning(clusters, entry.value("only", ""))) return;
    const std::string collection = entry["in"];
    for (const auto& it : entry.value("for", std::vector<std::string>{""})) {
      std::string text = entry["object"].dump();
      for (const auto& [word, value] :
           std::map<std::string, std::string>{{"$it", it},
                                              {"$openshift", profile.openshift},
                                              {"$domain", kDomain},
                                              {"$id", hash_of(profile.name)},
                                              {"$now", rfc3339(world.clock())}}) {
        boost::algorithm::replace_all(text, word, value);
      }
      const Json object = Json::parse(text);
      world.api.create(collection, object);
      if (object.contains("status"))
        world.patch_status(collection, name_of(object), object["status"]);
    }
  });
}

}  // namespace

void announce_start(World& world, const std::string& node) {
  // As the kubelet has it: a reference to the node whose uid is its name.
  const Json about = {{"kind", "Node"}, {"metadata", {{"name", node}, {"uid", node}}}};
  world.recorder.event(about, "Normal", "Starting", "Starting kubelet.", "kubelet", node);
  constexpr int kWarnsSince = 31;
  if (world.machines.at(node).cgroups == 1 && world.profile.minor() >= kWarnsSince) {
    world.recorder.event(about, "Warning", "CgroupV1",
                         "cgroup v1 support is in maintenance mode, please migrate to cgroup v2",
                         "kubelet", node);
  }
}

void report_boot(World& world, const std::string& node) {
  world.patch_status(kNodes, node,
                     {{"nodeInfo",
                       {{"bootID", hash_of(node + rfc3339(world.clock()))},
                        {"kubeletVersion", world.profile.kubernetes},
                        {"containerRuntimeVersion", world.profile.runtime},
                        {"kernelVersion", world.profile.kernel}}}});
}

void furnish(World& world, int workers) {
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
  add("master", 1);
  add("worker", workers);
  for (const auto& scc : default_sccs(world.profile)) {
    world.api.create("/apis/security.openshift.io/v1/securitycontextconstraints", scc);
  }
  add_objects(world);
}

}  // namespace devcluster
