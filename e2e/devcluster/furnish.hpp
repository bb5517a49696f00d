// What a cluster of a profile has in it before anyone has created anything: nodes, pools,
// configuration, SecurityContextConstraints, classes. Written once, through the API. And what a
// kubelet says of its node when it starts.
//
// Source of the latter: kubernetes pkg/kubelet/kubelet.go (BirthCry, the check of the cgroup
// version; since 1.31 a node on v1 gets an Event CgroupV1), kubelet_node_status.go (bootID).
#pragma once

#include <string>

#include "devcluster/controller.hpp"

namespace devcluster {

// Creates the objects and the machines of `world`, one of them a master; throws std::runtime_error
// when the server refuses one.
void furnish(World& world, int workers);

// Events of the start of `node`, as it is now.
void announce_start(World& world, const std::string& node);
// The node's status after it has booted anew: another boot id, and the versions of the profile.
void report_boot(World& world, const std::string& node);

}  // namespace devcluster
