// The SecurityContextConstraints that systemd's Pods are admitted by: uid 0 and setuid programs,
// but inside a user namespace, without host access, and only for ServiceAccounts that hold `use`.
//
// Fields: openshift/api security/v1. Tried on an OpenShift API server with SCC admission: a Pod
// with hostUsers: false and runAsUser: 0 is admitted, one with hostUsers: true is refused
// ("Host Users must be set to false").
#include <algorithm>
#include <string>
#include <vector>

#include "api/names.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

constexpr std::string_view kDescription =
    "Admits Pods that run systemd as root of a user namespace of their own. Managed by "
    "systemd-workload-operator; granted to the ServiceAccounts of its workloads alone.";

// MKNOD is worth nothing in a user namespace; everything else is in the runtime's default set or
// asked for.
std::vector<std::string> required_drops(const std::vector<std::string>& capabilities) {
  const bool wanted =
      std::find(capabilities.begin(), capabilities.end(), "MKNOD") != capabilities.end();
  return wanted ? std::vector<std::string>{} : std::vector<std::string>{"MKNOD"};
}

}  // namespace

Json security_context_constraints(std::string_view name,
                                  const std::vector<std::string>& capabilities,
                                  bool user_namespace_level) {
  std::vector<std::string> allowed = capabilities;
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  Json scc = {
      {"apiVersion", "security.openshift.io/v1"},
      {"kind", "SecurityContextConstraints"},
      {"metadata",
       {{"name", name},
        {"annotations", {{"kubernetes.io/description", kDescription}}},
        {"labels",
         {{std::string(api::kLabelManagedBy), api::kFieldManager},
          {std::string(api::kLabelShared), "true"}}}}},
      {"allowHostDirVolumePlugin", false},
      {"allowHostIPC", false},
      {"allowHostNetwork", false},
      {"allowHostPID", false},
      {"allowHostPorts", false},
      {"allowPrivilegeEscalation", true},  // su, sudo, ping and polkit are setuid programs
      {"allowPrivilegedContainer", false},
      {"allowedCapabilities", allowed},
      {"defaultAddCapabilities", nullptr},
      {"fsGroup", {{"type", "RunAsAny"}}},
      {"priority", nullptr},  // with a number it would capture Pods of others that may use it
      {"readOnlyRootFilesystem", false},
      {"requiredDropCapabilities", required_drops(capabilities)},
      {"runAsUser", {{"type", "MustRunAsRange"}, {"uidRangeMin", 0}, {"uidRangeMax", 65534}}},
      // container_t may not write cgroups; cri-o labels init container_init_t by itself only in
      // some releases.
      {"seLinuxContext",
       {{"type", "MustRunAs"}, {"seLinuxOptions", {{"type", "container_init_t"}}}}},
      {"seccompProfiles", {"runtime/default"}},
      {"supplementalGroups", {{"type", "RunAsAny"}}},
      {"volumes",
       {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image",
        "persistentVolumeClaim", "projected", "secret"}},
  };
  if (user_namespace_level) {
    scc["userNamespaceLevel"] = "RequirePodLevel";  // OpenShift ≥ 4.18
  }
  return scc;
}

}  // namespace swo::render
