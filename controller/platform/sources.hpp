// Where facts come from, and how they are put together. Internal to this floor: what the watching
// and the one-shot collector share.
//
// Not thread-safe; each is used by one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/client.hpp"
#include "kube/discovery.hpp"
#include "kube/watcher.hpp"
#include "platform/facts.hpp"
#include "platform/node_events.hpp"
#include "platform/projections.hpp"

namespace swo::platform {

inline constexpr kube::ResourceType kNodes{"", "v1", "nodes", "Node", false};
inline constexpr kube::ResourceType kPools{"machineconfiguration.openshift.io", "v1",
                                           "machineconfigpools", "MachineConfigPool", false};
inline constexpr kube::ResourceType kMachineConfigs{"machineconfiguration.openshift.io", "v1",
                                                    "machineconfigs", "MachineConfig", false};
inline constexpr kube::ResourceType kClusterVersions{"config.openshift.io", "v1", "clusterversions",
                                                     "ClusterVersion", false};
inline constexpr kube::ResourceType kNodesConfigs{"config.openshift.io", "v1", "nodes", "Node",
                                                  false};
inline constexpr kube::ResourceType kFeatureGates{"config.openshift.io", "v1", "featuregates",
                                                  "FeatureGate", false};

// What to keep of a MachineConfig.
const std::vector<std::string>& machine_config_fields();

// What was read of each kind, as it came.
struct Pieces {
  Facts served;  // of discovery: the version and the API groups
  std::vector<NodeFacts> nodes;
  std::vector<PoolFacts> pools;
  std::map<std::string, MachineConfigFacts> own_configs;  // by name
  std::optional<Json> cluster_version;
  std::optional<Json> nodes_config;
  std::optional<Json> feature_gate;
};

// Nodes and pools in order of their names.
Facts assemble(const Pieces& pieces);

// The API server's version and groups. Errors: those of Discovery::read().
struct Served {
  Facts facts;
  bool pools = false;
  bool cluster_versions = false;
  bool nodes_configs = false;
  bool feature_gates = false;
};
kube::Result<Served> discover(kube::Client& client);

// What no watch brings: read when something new asks for it, and kept. A read that failed leaves
// the fact unknown and is tried again after kRetry.
//   Rendered MachineConfigs: by name; they never change.
//   The kubelets' Events CgroupV1: where neither the node nor OpenShift tells (node_events.hpp).
//   kubelet_cgroup_version: by node, until its boot id changes, and only where nothing else tells.
class Details {
 public:
  explicit Details(kube::Client& client) : client_(client), events_(client) {}
  // Completes `facts`; returns when a failed read is due again, at the latest.
  kube::Instant fill(Facts& facts, kube::Instant now);

 private:
  struct Rendered {
    std::optional<MachineConfigFacts> facts;
    kube::Instant retry_at{};
  };
  struct Metric {
    std::string boot_id;
    CgroupVersion version = CgroupVersion::kUnknown;
    kube::Instant retry_at{};
  };
  const Rendered& rendered(const std::string& name, kube::Instant now);
  const Metric& metric(const NodeFacts& node, kube::Instant now);

  kube::Client& client_;
  NodeEvents events_;
  std::map<std::string, Rendered> rendered_;  // by name
  std::map<std::string, Metric> metrics_;     // by node
  kube::Instant metrics_forbidden_until_{};
};

}  // namespace swo::platform
