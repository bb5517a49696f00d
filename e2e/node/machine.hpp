// A machine of its own inside this one, in which Pods run: private mount, pid, cgroup, net, ipc and
// uts namespaces, /sys/fs/cgroup as cgroup v2 even where the host is hybrid, a private /run, and a
// bridge.
//
// Nothing global changes. One process keeps the namespaces; it ends when this object goes or this
// program dies, however it dies, and with it the kernel ends every process and mount of the
// machine. What then may remain is an empty cgroup, which the next machine sweeps. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "node/fd.hpp"
#include "node/process.hpp"

namespace node {

class Machine {
 public:
  // `shared_dir` of the host is seen inside as kSharedDir. `gateway` ("10.244.0.1/16") is the
  // bridge's address. Throws std::runtime_error when the kernel refuses.
  Machine(const std::string& shared_dir, const std::string& gateway);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  static constexpr const char* kSharedDir = "/run/shared";
  static constexpr const char* kCgroupRoot = "/sys/fs/cgroup";
  static constexpr const char* kBridge = "cni0";

  // Runs `work` on a thread inside (mounts, cgroups and network; process ids stay the host's).
  void inside(const std::function<void()>& work) const;
  // The same in its network only.
  void in_network(const std::function<void()>& work) const;
  // The command line that runs `argv` inside.
  std::vector<std::string> command(const std::vector<std::string>& argv) const;
  // run_or_throw() of that command line.
  std::string run_inside(const std::vector<std::string>& argv) const;
  // The machine's cgroup as the host sees it.
  const std::string& host_cgroup() const { return cgroup_; }
  // The host's process id of the first process of that number, as the cgroup below `cgroup` (a path
  // inside) has it: container PID 1. 0 when there is none.
  pid_t init_of(const std::string& cgroup) const;

 private:
  void set_up(const std::string& shared_dir, const std::string& gateway);
  void tear_down();

  std::string cgroup_;
  Fd lifeline_;  // the keeper reads its other end until this one closes
  pid_t keeper_parent_ = -1;
  pid_t keeper_ = -1;
  Fd mnt_, cgroup_ns_, net_;
};

// The path of the first cgroup2 mount; empty when there is none.
std::string cgroup2_mount();

// The cgroups, as the host sees them, of the machines that a program has made and that are still
// there.
std::vector<std::string> machine_cgroups(pid_t program);

// Ends all processes of a cgroup and its children, then removes it, waiting for them to be gone.
void remove_cgroup(const std::string& path);

}  // namespace node
