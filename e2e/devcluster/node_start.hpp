// What a kubelet says of its node when it starts.
// Source: kubernetes pkg/kubelet/kubelet.go (BirthCry, the check of the cgroup version; since 1.31
// a node on v1 gets an Event CgroupV1), kubelet_node_status.go (bootID).
#pragma once

#include <string>

#include "devcluster/controller.hpp"

namespace devcluster {

// Events of the start of `node`, as it is now.
void announce_start(World& world, const std::string& node);
// The node's status after it has booted anew: another boot id, and the versions of the profile.
void report_boot(World& world, const std::string& node);

}  // namespace devcluster
