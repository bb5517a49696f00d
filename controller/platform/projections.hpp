// From the API's objects to facts: pure functions, each beside the list of fields it reads.
//
// They take whole or projected objects alike and never throw: a field that is absent or of the
// wrong type is unknown. Sources: k8s.io/api core/v1 Node, openshift/api config/v1 and
// machineconfiguration/v1, the Ignition 3.2.0 specification, kubelet's metrics reference.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.hpp"
#include "platform/facts.hpp"

namespace swo::platform {

// The paths to keep of an object for the projection of the same name.
const std::vector<std::string>& node_fields();
const std::vector<std::string>& pool_fields();
const std::vector<std::string>& cluster_version_fields();
const std::vector<std::string>& nodes_config_fields();
const std::vector<std::string>& feature_gate_fields();

NodeFacts node_facts(const Json& node);
PoolFacts pool_facts(const Json& pool);

// The version a ClusterVersion has completed last: during an upgrade the old one, which nodes still
// run.
std::optional<Version> openshift_version(const Json& cluster_version);

// nodes.config.openshift.io/cluster spec.cgroupMode: "", "v1", "v2".
std::string cgroup_mode(const Json& nodes_config);
// The operator has set it, whatever it is now.
bool cgroup_mode_written(const Json& nodes_config);

// UserNamespacesSupport as featuregates.config.openshift.io/cluster reports it for `version`.
Tri user_namespaces_gate(const Json& feature_gate, const std::optional<Version>& version);

// What a MachineConfig, rendered or the operator's own, does for systemd.
struct MachineConfigFacts {
  std::vector<std::string> kernel_arguments;
  Tri crio_user_namespaces = Tri::kNo;  // unknown: a file is compressed or kept elsewhere
  bool crio_runtime_table = false;      // by [crio.runtime.runtimes.runc]
  bool operator==(const MachineConfigFacts&) const = default;
};
MachineConfigFacts machine_config_facts(const Json& machine_config);

// What the kernel makes of systemd.unified_cgroup_hierarchy= in these arguments: the last one
// counts.
CgroupVersion cgroups_of(const std::vector<std::string>& kernel_arguments);

// One of them is that by which the Machine Config Operator puts cgroupMode: v2 into the
// configuration of a pool (pkg/controller/kubelet-config/helpers.go), whether or not it is the one
// that counts.
bool ask_for_v2(const std::vector<std::string>& kernel_arguments);

// `kubelet_cgroup_version 2` in the text of the kubelet's metrics.
CgroupVersion cgroups_of_metrics(std::string_view metrics);

}  // namespace swo::platform
