// The kernel's namespaces and id-mapped mounts, as far as running Pods needs them (Linux ≥ 5.12).
//
// All functions throw std::system_error naming the call that failed. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "node/fd.hpp"

namespace node {

// Host ids that a user namespace maps its ids 0 … size-1 to.
struct IdRange {
  std::uint32_t first = 0;
  std::uint32_t size = 65536;  // ids 0 … 65535 inside: KEP-127 gives each Pod so many
};

// A namespace file such as "/proc/1/ns/net".
Fd open_namespace(pid_t process, const std::string& kind);

// Runs `work` on a thread of its own that has entered these namespaces (descriptors and their
// CLONE_NEW… kinds) and ends afterwards, so that no other thread ever sees them. What `work` throws
// is thrown here.
void in_namespaces(const std::vector<std::pair<int, int>>& namespaces,
                   const std::function<void()>& work);

// The namespaces that outlive a Pod's containers. They live as long as a descriptor or a mount of
// them.
struct PodNamespaces {
  Fd user;  // none: the host's
  Fd net;   // owned by `user`, so that the Pod's root may bind port 80 in it
};
PodNamespaces make_pod_namespaces(const std::optional<IdRange>& ids);

// A detached copy of the mount at `path` (a file, a directory with what is mounted below it, or a
// namespace descriptor's file), to be attached in any mount namespace. With `user_namespace` its
// owners are shifted as that namespace maps them.
Fd clone_mount(const std::string& path, int user_namespace = -1);
Fd clone_mount(int file, int user_namespace = -1);
void attach_mount(const Fd& mount, const std::string& target);

}  // namespace node
