#include "devcluster/node_start.hpp"

namespace devcluster {

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

}  // namespace devcluster
