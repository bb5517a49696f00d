// One run of a Pod's container: made, started, waited for and removed with crun under conmon, as
// CRI-O does it (cri-o internal/oci/runtime_oci.go). kill() and exec() may come from any thread
// while another waits.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "node/exec.hpp"
#include "node/image_store.hpp"
#include "node/machine.hpp"
#include "node/pod_runtime.hpp"
#include "node/pod_sandbox.hpp"

namespace node {

class Container {
 public:
  struct Request {
    const Json& pod;
    const Image& image;
    NodeRules rules;
    Env env;
    bool chown_cgroup = true;
    std::string shared;       // directory for log and exit code, below Machine::kSharedDir
    std::string host_shared;  // the same as the host sees it
    std::string log_name;
  };

  // Creates it: the process exists but has not begun. Throws PodError (CreateContainerError, …).
  Container(const Machine& machine, const PodSandbox& sandbox, const Request& request);
  ~Container();  // removes it, killing what is left
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  void start();  // throws PodError (RunContainerError)
  int wait();    // for its end; the exit code
  bool oom_killed() const;
  void kill(int signal) const;
  // Other limits while it runs (resource_limits()); those left out stay.
  void limit(const Json& resources) const;
  ExecResult exec(const std::vector<std::string>& command, std::chrono::milliseconds limit) const;
  // The same with its streams; must not outlive this.
  std::unique_ptr<RunningExec> start_exec(const ExecRequest& request) const;

  pid_t pid() const { return pid_; }                     // on the host
  const std::string& cgroup() const { return cgroup_; }  // inside the machine

 private:
  void set_up(const Request& request);
  void mount_rootfs(const Image& image);
  void create_process(const Request& request, bool tty);
  void own_cgroup(uid_t owner) const;
  void tear_down();
  // Where an exec's process id is told, and the command line of such an exec inside the machine.
  std::string exec_pid_file() const;
  std::vector<std::string> exec_line(const std::string& pid_file,
                                     const std::vector<std::string>& command, bool tty) const;
  void forget_exec(const std::string& pid_file, bool kill) const;

  const Machine& machine_;
  const PodSandbox& sandbox_;
  std::string id_, bundle_, cgroup_, exits_;
  pid_t conmon_ = -1;
  pid_t pid_ = 0;
  Fd pidfd_;
};

// The text of a conmon log (the CRI's format) without its stamps.
std::string plain_log(const std::string& cri_log);

}  // namespace node
