#include "node/namespaces.hpp"

#include <cerrno>
#include <exception>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "node/write_file.hpp"

namespace node {
namespace {

std::system_error failure(const std::string& what) {
  return {errno, std::generic_category(), what};
}

Fd clone_tree(int at, const std::string& path, unsigned flags, int user_namespace) {
  Fd tree(static_cast<int>(
      syscall(SYS_open_tree, at, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags)));
  if (!tree) throw failure("open_tree " + path);
  if (user_namespace >= 0) {
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(user_namespace);
    if (syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                sizeof attributes) != 0) {
      throw failure("mount_setattr " + path +
                    " (maybe the file system used doesn't support idmap mounts on this kernel?)");
    }
  }
  return tree;
}

}  // namespace

Fd open_namespace(pid_t process, const std::string& kind) {
  const std::string path = "/proc/" + std::to_string(process) + "/ns/" + kind;
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw failure("open " + path);
  return fd;
}

void in_namespaces(const std::vector<std::pair<int, int>>& namespaces,
                   const std::function<void()>& work) {
  std::exception_ptr error;
  std::thread([&] {
    try {
      // A mount namespace can be entered only by a thread that shares no working directory or root.
      if (unshare(CLONE_FS) != 0) throw failure("unshare");
      for (const auto& [fd, kind] : namespaces) {
        if (setns(fd, kind) != 0) throw failure("setns");
      }
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

PodNamespaces make_pod_namespaces(const std::optional<IdRange>& ids) {
  // A user namespace cannot be made by a thread among others, so a child makes them and is held
  // only until they are open here. It touches nothing but the kernel: other threads may hold any
  // lock.
  const unsigned long flags = CLONE_NEWNET | (ids ? CLONE_NEWUSER : 0) | SIGCHLD;
  const auto child = static_cast<pid_t>(syscall(SYS_clone, flags, nullptr, nullptr, nullptr, 0));
  if (child < 0) throw failure("clone");
  if (child == 0) {
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    for (;;) syscall(SYS_pause);
  }
  struct Reaped {
    pid_t pid;
    ~Reaped() {
      kill(pid, SIGKILL);
      while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  } const reaped{child};
  PodNamespaces made;
  if (ids) {
    const std::string map =
        "0 " + std::to_string(ids->first) + " " + std::to_string(ids->size) + "\n";
    write_file("/proc/" + std::to_string(child) + "/uid_map", map);
    write_file("/proc/" + std::to_string(child) + "/gid_map", map);
    made.user = open_namespace(child, "user");
  }
  made.net = open_namespace(child, "net");
  return made;
}

Fd clone_mount(const std::string& path, int user_namespace) {
  return clone_tree(AT_FDCWD, path, AT_RECURSIVE, user_namespace);
}

Fd clone_mount(int file, int user_namespace) {
  return clone_tree(file, "", AT_EMPTY_PATH, user_namespace);
}

void attach_mount(const Fd& mount, const std::string& target) {
  if (syscall(SYS_move_mount, mount.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) !=
      0) {
    throw failure("move_mount to " + target);
  }
}

}  // namespace node
