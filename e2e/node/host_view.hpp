// What the host sees of a container, whoever started it: its first process, and whose that is.
//
// Read from /proc and the cgroup tree; nothing is changed. Thread-safe. What cannot be read,
// because the process has just ended, is left at its default.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace node {

struct HostView {
  pid_t pid = 0;
  std::uint32_t host_uid = 0;  // of PID 1
  std::string uid_map;
  std::uint32_t cgroup_owner_uid = 0;
  std::vector<std::string>
      namespaces;  // that differ from ours: pid, net, ipc, uts, mnt, cgroup, user
};

// The host's process id of the container's PID 1 in that cgroup or below; 0 when there is none.
pid_t init_below(const std::string& cgroup);

// `cgroup` is the directory of the container's own.
HostView host_view_of(pid_t pid, const std::string& cgroup);

}  // namespace node
