// Runs Pods for real with crun and conmon, by the rules that CRI-O follows. Knows nothing of an API
// server: a Pod goes in as JSON with its volumes' contents, and what became of it is asked for.
//
// Needs root, a cgroup2 mount, crun, conmon, iproute2 and util-linux; unsupported_because() says
// what is missing. Everything happens in a machine of its own (machine.hpp), so nothing global of
// this one changes, and no process, mount, cgroup, network namespace or file is left behind once
// the runtime is destroyed. Thread-safe. Calls about a uid that is not known do nothing, or answer
// nothing.
//
// Not imitated: seccomp, SELinux, AppArmor, devices, sidecar containers, hostNetwork, hostPID and
// hostIPC; resource limits only where the cgroup2 hierarchy has the controllers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/exec.hpp"
#include "node/host_view.hpp"

namespace node {

using Json = nlohmann::json;

// What of this machine is missing, in words; empty = Pods can run for real.
std::string unsupported_because();

struct RuntimeOptions {
  std::string state_dir = {};  // scratch: bundles, logs, sockets; made and removed
  std::string image_dir = {};  // OCI layout (see image_store.hpp)
  bool cgroups_v1 = false;     // imitate a node on cgroups v1: no cgroup namespace, not delegated
  bool chown_cgroup = true;    // false: imitate runc < 1.1 or CRI-O 1.35.0
  bool honour_host_users = true;         // false: an old kubelet, which ignores spec.hostUsers
  bool allow_userns_annotation = false;  // CRI-O's userns-mode annotation is allowed
  int subnet =
      0;  // 0 … 255: Pods get 10.244.SUBNET.2 and up; one per node, so that addresses differ
  // Called from any thread, outside locks, whenever state() of that Pod has changed.
  std::function<void(const std::string& uid)> on_change = nullptr;
};

// An init container ended with another exit code than 0: error holds its output, exit_code that.
inline constexpr const char* kInitFailed = "InitContainerFailed";

struct ContainerState {
  enum class Phase { kCreating, kRunning, kExited, kFailed } phase = Phase::kCreating;
  std::string
      error;  // kFailed: what the runtime said (behind a tty only the opaque form, as CRI-O does)
  std::string error_reason;  // CreateContainerError, ErrImagePull, …; kInitFailed
  int exit_code = 0;
  bool oom_killed = false;
  std::chrono::system_clock::time_point started_at, finished_at;
  std::int64_t pid = 0;  // on the host
};

struct ExecResult {
  int exit_code = 0;
  std::string output;  // stdout and stderr
  bool timed_out = false;
};

class PodRuntime {
 public:
  explicit PodRuntime(RuntimeOptions options);
  ~PodRuntime();  // stops everything, removes everything
  PodRuntime(const PodRuntime&) = delete;
  PodRuntime& operator=(const PodRuntime&) = delete;

  // ConfigMaps and Secrets by "configmap/NAME", "secret/NAME" → key → content (decoded), for
  // volumes, envFrom and valueFrom; claims by "claim/NAME" → host directory under ""; a projected
  // ServiceAccount token by "token/VOLUME" → path → token.
  using VolumeContents = std::map<std::string, std::map<std::string, std::string>>;

  // Makes the sandbox (network namespace with an address, user namespace range, cgroup) of a Pod
  // with one container, runs its init containers one after the other (state: kCreating), and starts
  // it; returns at once. `uid` is the Pod's metadata.uid.
  void start(const std::string& uid, const Json& pod, const VolumeContents& volumes);
  // Starts the container again in its sandbox after it exited (restartPolicy).
  void restart(const std::string& uid);
  std::optional<ContainerState> state(const std::string& uid) const;
  std::optional<HostView> host_view(const std::string& uid) const;
  // The Pod's address (10.244.…), reachable from the other Pods of this runtime and by
  // connect_to(), not from the machine itself; empty until the sandbox is made.
  std::string ip(const std::string& uid) const;
  // A connected TCP socket (close-on-exec, the caller's) to a port of the Pod, as from its node; -1
  // with errno set when it cannot be had within `limit`.
  int connect_to(const std::string& uid, int port,
                 std::chrono::milliseconds limit = std::chrono::seconds(2)) const;
  // The container's output so far (`previous`: of the run before), with escape sequences as
  // written.
  std::string log(const std::string& uid, bool previous = false) const;
  ExecResult exec(const std::string& uid, const std::vector<std::string>& command,
                  std::chrono::milliseconds limit);
  // The same with its streams held by the caller; null when no container runs. Must not outlive
  // this.
  std::shared_ptr<RunningExec> start_exec(const std::string& uid, const ExecRequest& request);
  // Other limits of the container's `resources`, now and after each restart. Throws PodError when
  // the kernel refuses them.
  void resize(const std::string& uid, const Json& resources);
  // preStop hook, stop signal (the image's STOPSIGNAL or SIGTERM), SIGKILL when the grace period is
  // over. Returns at once; state() tells when it is done.
  void stop(const std::string& uid, std::chrono::seconds grace);
  // After it has exited: removes the sandbox and all that belongs to it.
  void remove(const std::string& uid);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace node
