#include <algorithm>
#include <array>
#include <charconv>

#include "devcluster/profile.hpp"

namespace devcluster {
namespace {

Profile openshift(std::string version, std::string kubernetes, std::string crio,
                  std::string kernel) {
  Profile p;
  p.name = "openshift-" + version.substr(0, version.rfind('.'));
  p.openshift = std::move(version);
  p.kubernetes = std::move(kubernetes);
  p.runtime = "cri-o://" + std::move(crio);
  p.kernel = std::move(kernel);
  p.os_image = "Red Hat Enterprise Linux CoreOS " + p.openshift;
  // What the generations before 4.20 have in common.
  const int minor = p.minor();
  p.host_users = minor >= 33;
  p.runtime_handlers = minor >= 31;
  p.ping_group_range_fits = minor >= 31;
  p.oci_runtime = minor >= 31 ? "crun" : "runc";
  p.cgroups = minor >= 27 ? 2 : 1;
  p.restricted_v2 = minor >= 24;
  p.user_namespace_level = minor >= 31;
  p.cgroup_mode = minor >= 26;
  p.cgroup_v1_arguments = minor == 26;
  return p;
}

Profile kubernetes(std::string name, std::string version, std::string runtime) {
  Profile p;
  p.name = std::move(name);
  p.kubernetes = std::move(version);
  p.runtime = std::move(runtime);
  p.kernel = "6.12.38+deb13-amd64";
  p.os_image = "Debian GNU/Linux 13 (trixie)";
  p.selinux = false;
  p.restricted_v2 = p.user_namespace_level = p.cgroup_mode = false;
  return p;
}

const std::vector<Profile>& profiles() {
  static const std::vector<Profile> all = {
      openshift("4.8.57", "v1.21.14", "1.21.8", "4.18.0-305.76.1.el8_4.x86_64"),
      openshift("4.13.58", "v1.26.15", "1.26.5", "5.14.0-284.104.1.el9_2.x86_64"),
      openshift("4.14.50", "v1.27.16", "1.27.8", "5.14.0-284.109.1.el9_2.x86_64"),
      openshift("4.16.38", "v1.29.14", "1.29.13", "5.14.0-427.62.1.el9_4.x86_64"),
      openshift("4.18.15", "v1.31.8", "1.31.8", "5.14.0-427.68.1.el9_4.x86_64"),
      openshift("4.19.4", "v1.32.5", "1.32.5", "5.14.0-570.26.1.el9_6.x86_64"),
      openshift("4.20.1", "v1.33.5", "1.33.2", "5.14.0-570.55.1.el9_6.x86_64"),
      kubernetes("kubernetes-1.33", "v1.33.5", "cri-o://1.33.2"),
      kubernetes("kubernetes-1.33-containerd", "v1.33.5", "containerd://2.1.4"),
  };
  return all;
}

// Compact tables of what `oc get scc` shows on a new cluster; fields at their API default are
// filled in by scc(). Source: openshift/cluster-kube-apiserver-operator
// bindata/bootkube/scc-manifests.
nlohmann::json scc(const char* name, const char* differences) {
  using nlohmann::json;
  json object = json::parse(R"({
    "apiVersion": "security.openshift.io/v1", "kind": "SecurityContextConstraints",
    "allowHostDirVolumePlugin": false, "allowHostIPC": false, "allowHostNetwork": false,
    "allowHostPID": false, "allowHostPorts": false, "allowPrivilegeEscalation": true,
    "allowPrivilegedContainer": false, "allowedCapabilities": null, "defaultAddCapabilities": null,
    "fsGroup": {"type": "MustRunAs"}, "groups": [], "priority": null,
    "readOnlyRootFilesystem": false, "requiredDropCapabilities": ["MKNOD"],
    "runAsUser": {"type": "MustRunAsRange"}, "seLinuxContext": {"type": "MustRunAs"},
    "supplementalGroups": {"type": "RunAsAny"}, "users": [],
    "volumes": ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
                "projected", "secret"]})");
  object["metadata"] = {{"name", name}};
  object.update(json::parse(differences));
  return object;
}

}  // namespace

int Profile::minor() const {
  const auto dot = kubernetes.find('.');
  int value = 0;
  if (dot != std::string::npos) {
    std::from_chars(kubernetes.data() + dot + 1, kubernetes.data() + kubernetes.size(), value);
  }
  return value;
}

const Profile* find_profile(std::string_view name) {
  const auto& all = profiles();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Profile& p) { return p.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const auto& p : profiles()) names.push_back(p.name);
  return names;
}

std::vector<TypeInfo> extra_types(const Profile& profile) {
  if (!profile.is_openshift()) {
    return {
        {"gateway.networking.k8s.io", "v1", "httproutes", "httproute", "HTTPRoute", true, true, {}},
        {"gateway.networking.k8s.io", "v1", "gateways", "gateway", "Gateway", true, true, {"gtw"}}};
  }
  const std::string config = "config.openshift.io";
  const std::string machines = "machineconfiguration.openshift.io";
  std::vector<TypeInfo> types = {
      {"route.openshift.io", "v1", "routes", "route", "Route", true, true, {}},
      {"security.openshift.io",
       "v1",
       "securitycontextconstraints",
       "securitycontextconstraints",
       "SecurityContextConstraints",
       false,
       false,
       {"scc"}},
      {config, "v1", "clusterversions", "clusterversion", "ClusterVersion", false, true, {}},
      {config, "v1", "nodes", "node", "Node", false, true, {}},
      {config, "v1", "ingresses", "ingress", "Ingress", false, true, {}},
      {config, "v1", "apiservers", "apiserver", "APIServer", false, true, {}},
  };
  if (profile.machine_configs) {
    types.push_back(
        {machines, "v1", "machineconfigs", "machineconfig", "MachineConfig", false, false, {"mc"}});
    types.push_back({machines,
                     "v1",
                     "machineconfigpools",
                     "machineconfigpool",
                     "MachineConfigPool",
                     false,
                     true,
                     {"mcp"}});
  }
  return types;
}

std::vector<nlohmann::json> default_sccs(const Profile& profile) {
  if (!profile.is_openshift()) return {};
  std::vector<nlohmann::json> all = {
      scc("anyuid", R"({"priority": 10, "groups": ["system:cluster-admins"],
                        "fsGroup": {"type": "RunAsAny"}, "runAsUser": {"type": "RunAsAny"}})"),
      scc("nonroot", R"({"fsGroup": {"type": "RunAsAny"}, "runAsUser": {"type": "MustRunAsNonRoot"},
                         "requiredDropCapabilities": ["KILL", "MKNOD", "SETUID", "SETGID"]})"),
      scc("privileged", R"({"allowHostDirVolumePlugin": true, "allowHostIPC": true,
          "allowHostNetwork": true, "allowHostPID": true, "allowHostPorts": true,
          "allowPrivilegedContainer": true, "allowedCapabilities": ["*"],
          "allowedUnsafeSysctls": ["*"], "fsGroup": {"type": "RunAsAny"},
          "groups": ["system:cluster-admins", "system:nodes", "system:masters"],
          "requiredDropCapabilities": null, "runAsUser": {"type": "RunAsAny"},
          "seLinuxContext": {"type": "RunAsAny"}, "seccompProfiles": ["*"], "volumes": ["*"],
          "users": ["system:admin", "system:serviceaccount:openshift-infra:build-controller"]})"),
      scc("restricted", R"({"requiredDropCapabilities": ["KILL", "MKNOD", "SETUID", "SETGID"]})"),
  };
  if (!profile.restricted_v2) {
    all.back()["groups"] = {"system:authenticated"};
    return all;
  }
  const char* const v2 = R"({"allowPrivilegeEscalation": false,
      "allowedCapabilities": ["NET_BIND_SERVICE"], "requiredDropCapabilities": ["ALL"],
      "seccompProfiles": ["runtime/default"]})";
  all.push_back(scc("restricted-v2", v2));
  if (profile.user_namespace_level && profile.host_users) {
    auto v3 = scc("restricted-v3", v2);
    v3.update(nlohmann::json::parse(R"({"userNamespaceLevel": "RequirePodLevel",
        "fsGroup": {"type": "MustRunAs", "ranges": [{"min": 1000, "max": 65534}]},
        "supplementalGroups": {"type": "MustRunAs", "ranges": [{"min": 1000, "max": 65534}]},
        "runAsUser": {"type": "MustRunAsRange", "uidRangeMin": 1000, "uidRangeMax": 65534}})"));
    all.push_back(std::move(v3));
  }
  return all;
}

bool kernel_maps_tmpfs(std::string_view kernel) {
  int major = 0;
  int minor = 0;
  const char* const end = kernel.data() + kernel.size();
  const auto [after, error] = std::from_chars(kernel.data(), end, major);
  if (error == std::errc() && after != end) std::from_chars(after + 1, end, minor);
  const bool carried_back = kernel.find(".el9") != std::string_view::npos;
  return carried_back || major > 6 || (major == 6 && minor >= 3);
}

}  // namespace devcluster
