// The generations of clusters that the stand-in can be: what differs between them, as data.
//
// Values; immutable. Versions are those of a release of that generation (release notes of OpenShift
// and CRI-O); which behaviour goes with which version is cited at each field.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace devcluster {

struct Profile {
  std::string name;
  std::string
      openshift;  // version of the ClusterVersion; "" = plain Kubernetes, no OpenShift groups
  std::string kubernetes;            // "v1.33.5": of API server and kubelets
  std::string runtime;               // "cri-o://1.33.2", as in nodeInfo.containerRuntimeVersion
  std::string oci_runtime = "crun";  // whose words a failed create has: runc | crun
  std::string kernel;
  std::string os_image;

  int cgroups = 2;  // what a node boots into without kernel arguments of ours
  // The API server has and keeps spec.hostUsers (KEP-127: beta and on from 1.33); else dropped
  // silently.
  bool host_users = true;
  // status.runtimeHandlers exists (from 1.31).
  bool runtime_handlers = true;
  bool selinux = true;
  // The runtime labels an init container_init_t by itself (CRI-O until 1.33.8, 1.34.4, 1.35.0).
  bool labels_init = true;
  // The runtime gives the cgroup to the container's root (runc ≥ 1.1, crun; not CRI-O 1.35.0).
  bool chowns_cgroup = true;
  // CRI-O ≥ 1.31 sets net.ipv4.ping_group_range to what fits a user namespace.
  bool ping_group_range_fits = true;
  bool restricted_v2 = true;         // SCCs of OpenShift ≥ 4.11
  bool user_namespace_level = true;  // SCC field of OpenShift ≥ 4.18, with it restricted-v3 (4.20)
  bool cgroup_mode = true;           // nodes.config spec.cgroupMode exists (OpenShift ≥ 4.13)
  // The API of MachineConfigs and pools exists (not with hosted control planes, nor on MicroShift).
  bool machine_configs = true;
  bool cgroup_v1_arguments = false;  // the rendered base carries those of cgroups v1 (4.13)

  bool is_openshift() const { return !openshift.empty(); }
  bool is_crio() const { return runtime.rfind("cri-o", 0) == 0; }
  int minor() const;
};

int minor_of(const std::string& kubernetes);  // 33 of v1.33.5

// nullptr: no such profile.
const Profile* find_profile(std::string_view name);
std::vector<std::string> profile_names();

// The files of data/ with the types that this profile has beyond Kubernetes' own.
std::vector<std::string> extra_types(const Profile& profile);
// The SecurityContextConstraints that its cluster comes with; empty on plain Kubernetes.
std::vector<nlohmann::json> default_sccs(const Profile& profile);

// True when files on tmpfs can be id-mapped, which a projected volume in a user namespace needs:
// kernel 6.3, or a RHEL kernel of 9.x with the change carried back.
bool kernel_maps_tmpfs(std::string_view kernel);

}  // namespace devcluster
