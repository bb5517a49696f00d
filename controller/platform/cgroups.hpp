// Which cgroup hierarchy a node is on, from whatever tells it: the API has no field for it.
//
// Pure. In this order, the first that knows wins:
//   1. what the node itself said (NodeFacts::cgroups: the kubelet's metric, or its Event CgroupV1);
//   2. a Ready kubelet ≥ 1.35: it refuses to start on v1, unless failCgroupV1 is false (KEP-5573);
//   3. OpenShift ≥ 4.19, which has dropped v1;
//   4. systemd.unified_cgroup_hierarchy= in the rendered MachineConfig of the node's pool;
//   5. nodes.config.openshift.io/cluster spec.cgroupMode (4.13 – 4.18);
//   6. the default of the generation: marked as assumed.
#pragma once

#include <string>

#include "platform/facts.hpp"

namespace swo::platform {

struct NodeCgroups {
  CgroupVersion version = CgroupVersion::kUnknown;
  std::string source;    // "kubelet_cgroup_version", "the pool's kernel arguments", …
  bool assumed = false;  // a default, read from nowhere
  // By a default, if a likely one: the node itself knows better.
  bool may_be_contradicted = false;
};

NodeCgroups cgroups_of(const NodeFacts& node, const Facts& facts);

}  // namespace swo::platform
