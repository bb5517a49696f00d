#include "node/container.hpp"

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/namespaces.hpp"
#include "node/pod_error.hpp"
#include "node/process.hpp"

namespace node {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCreateError = "CreateContainerError";
constexpr const char* kCrun = "/usr/bin/crun";
constexpr const char* kCrunRoot = "--root=/run/crun";
constexpr int kSyncFd = 3;  // conmon writes there what became of the creation
constexpr std::chrono::milliseconds kCreateLimit =
    std::chrono::minutes(2);                   // kubelet runtimeRequestTimeout
constexpr const char* kLogLimit = "10485760";  // kubelet containerLogMaxSize
constexpr int kExitUnknown = 255;              // conmon died before it could tell

// 64 hexadecimal digits, as CRI-O names containers.
std::string random_id() {
  static const char* const kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 64; ++i) id += kDigits[random() % 16];
  return id;
}

// The first line that comes out of a pipe, or what there was of it when the writer closed.
std::string read_line(const Fd& pipe, std::chrono::milliseconds limit) {
  std::string line;
  pollfd waiting{pipe.get(), POLLIN, 0};
  while (line.find('\n') == std::string::npos) {
    if (poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) break;
    std::array<char, 4096> buffer{};
    const ssize_t n = read(pipe.get(), buffer.data(), buffer.size());
    if (n <= 0) break;
    line.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return line;
}

}  // namespace

Container::Container(const Machine& machine, const PodSandbox& sandbox, const Request& request)
    : machine_(machine),
      sandbox_(sandbox),
      id_(random_id()),
      bundle_(sandbox.directory() + "/" + id_.substr(0, 12)),
      cgroup_(sandbox.cgroup() + "/crio-" + id_ + ".scope"),
      exits_(request.host_shared) {
  try {
    set_up(request);
  } catch (...) {
    tear_down();
    throw;
  }
}

void Container::set_up(const Request& request) {
  const Json& container = request.pod.at("spec").at("containers").at(0);
  mount_rootfs(request.image);
  machine_.inside([&] {
    Sandbox provided = sandbox_.for_container(container, request.env);
    provided.cgroup = cgroup_;
    std::ofstream(bundle_ + "/config.json")
        << oci_config(request.pod, container, request.image.config, request.rules, provided);
  });
  create_process(request, container.value("tty", false));
  pid_ = machine_.init_of(cgroup_);
  pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (pid_ == 0 || !pidfd_) throw PodError(kCreateError, "the container's process is gone");
  const bool delegated = !request.rules.cgroups_v1 && request.chown_cgroup;
  if (!delegated && sandbox_.ids()) own_cgroup(0);
}

void Container::mount_rootfs(const Image& image) {
  const Fd lower = clone_mount(image.rootfs, sandbox_.namespaces().user.get());
  const uid_t owner = sandbox_.ids() ? sandbox_.ids()->first : 0;
  machine_.inside([&] {
    for (const char* dir : {"", "/lower", "/upper", "/work", "/rootfs"}) {
      fs::create_directory(bundle_ + dir);
    }
    attach_mount(lower, bundle_ + "/lower");
    const std::string upper = bundle_ + "/upper";
    const std::string options =
        "lowerdir=" + bundle_ + "/lower,upperdir=" + upper + ",workdir=" + bundle_ + "/work";
    if (chown(upper.c_str(), owner, owner) != 0 ||
        mount("overlay", (bundle_ + "/rootfs").c_str(), "overlay", 0, options.c_str()) != 0) {
      throw PodError(kCreateError, "cannot mount the root filesystem of " + image.rootfs);
    }
  });
}

void Container::create_process(const Request& request, bool tty) {
  auto [sync_read, sync_write] = make_pipe();
  std::vector<std::string> argv{"conmon",
                                "--sync",
                                "--api-version",
                                "1",
                                "--socket-dir-path",
                                sandbox_.directory(),
                                "-c",
                                id_,
                                "-u",
                                id_,
                                "-n",
                                "k8s_" + id_.substr(0, 12),
                                "-r",
                                kCrun,
                                "--runtime-arg",
                                kCrunRoot,
                                "-b",
                                bundle_,
                                "-p",
                                bundle_ + "/pid",
                                "--exit-dir",
                                request.shared,
                                "--persist-dir",
                                bundle_,
                                "--log-size-max",
                                kLogLimit,
                                "-l",
                                "k8s-file:" + request.shared + "/" + request.log_name};
  if (tty) argv.emplace_back("-t");
  conmon_ = spawn({.argv = machine_.command(argv),
                   .env = {{"_OCI_SYNCPIPE", std::to_string(kSyncFd)}},
                   .fds = {{kSyncFd, sync_write.get()}}});
  sync_write.reset();
  const std::string line = read_line(sync_read, kCreateLimit);
  const Json answer = Json::parse(line, nullptr, false);
  if (answer.is_object() && answer.value("data", -1) > 0) return;
  const std::string said = answer.is_object() ? answer.value("message", "") : "";
  // Behind a terminal a cluster shows only this (seen with CRI-O 1.36), even where conmon knows
  // more.
  throw PodError(kCreateError, tty || said.empty()
                                   ? "error reading container (probably exited) json message: EOF"
                                   : "container create failed: " + said);
}

void Container::own_cgroup(uid_t owner) const {
  const std::string host = machine_.host_cgroup() + cgroup_;
  for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"}) {
    if (chown((host + file).c_str(), owner, owner) != 0) {
      throw PodError(kCreateError, "chown " + host + file + " failed");
    }
  }
}

// The files that crun writes at the start (crun src/libcrun/cgroup-resources.c).
void Container::limit(const Json& resources) const {
  const std::string host = machine_.host_cgroup() + cgroup_;
  const auto write = [&](const char* file, const std::string& value) {
    std::ofstream out(host + file);
    out << value << std::flush;
    if (!out) throw PodError("RunContainerError", "cannot write " + value + " to " + host + file);
  };
  if (resources.contains("memory")) {
    write("/memory.max", resources["memory"]["limit"].dump());
  }
  if (resources.contains("cpu")) {
    write("/cpu.max", resources["cpu"]["quota"].dump() + " " + resources["cpu"]["period"].dump());
  }
}

Container::~Container() { tear_down(); }

void Container::tear_down() {
  try {
    run(machine_.command({kCrun, kCrunRoot, "delete", "--force", id_}));
    if (conmon_ > 0) wait_for(conmon_);
    machine_.inside([&] {
      umount2((bundle_ + "/rootfs").c_str(), MNT_DETACH);
      umount2((bundle_ + "/lower").c_str(), MNT_DETACH);
      std::error_code ignored;
      fs::remove_all(bundle_, ignored);
    });
  } catch (const std::exception&) {
    // The machine is going: it takes all of this with it.
  }
  remove_cgroup(machine_.host_cgroup() + cgroup_);
}

void Container::start() {
  const Finished done = node::run(machine_.command({kCrun, kCrunRoot, "start", id_}));
  if (done.exit_code != 0)
    throw PodError("RunContainerError", "container start failed: " + done.output);
}

int Container::wait() {
  wait_for(conmon_);
  conmon_ = -1;
  int code = kExitUnknown;
  std::ifstream(exits_ + "/" + id_) >> code;
  return code;
}

bool Container::oom_killed() const {
  bool found = false;
  machine_.inside([&] { found = fs::exists(bundle_ + "/oom"); });  // conmon's mark
  return found;
}

void Container::kill(int signal) const {
  syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

std::string Container::exec_pid_file() const {
  static std::atomic<int> count{0};
  return bundle_ + "/exec-" + std::to_string(++count);
}

std::vector<std::string> Container::exec_line(const std::string& pid_file,
                                              const std::vector<std::string>& command,
                                              bool tty) const {
  std::vector<std::string> argv{kCrun, kCrunRoot, "exec", "--pid-file", pid_file};
  if (tty) argv.emplace_back("--tty");
  argv.push_back(id_);
  argv.insert(argv.end(), command.begin(), command.end());
  return machine_.command(argv);
}

// `kill`: crun is dead by now, but not what it started.
void Container::forget_exec(const std::string& pid_file, bool kill) const {
  const std::string script = kill ? "kill -9 $(cat \"$0\"); rm -f \"$0\"" : "rm -f \"$0\"";
  node::run(machine_.command({"sh", "-c", script, pid_file}));
}

ExecResult Container::exec(const std::vector<std::string>& command,
                           std::chrono::milliseconds limit) const {
  const std::string pid_file = exec_pid_file();
  Finished done = node::run(exec_line(pid_file, command, false), limit);
  forget_exec(pid_file, done.timed_out);
  return {
      .exit_code = done.exit_code, .output = std::move(done.output), .timed_out = done.timed_out};
}

std::unique_ptr<RunningExec> Container::start_exec(const ExecRequest& request) const {
  const std::string pid_file = exec_pid_file();
  return std::make_unique<RunningExec>(exec_line(pid_file, request.command, request.tty), request,
                                       [this, pid_file] { forget_exec(pid_file, true); });
}

std::string plain_log(const std::string& cri_log) {
  // "2021-03-30T12:00:00.000000000Z stdout F text": F ends a line, P is a part of one.
  std::string out;
  std::istringstream lines(cri_log);
  for (std::string line; std::getline(lines, line);) {
    std::size_t at = 0;
    std::string tag;
    for (int field = 0; field < 3 && at != std::string::npos; ++field) {
      const std::size_t space = line.find(' ', at);
      tag = line.substr(at, space - at);
      at = space == std::string::npos ? space : space + 1;
    }
    if (at == std::string::npos) continue;
    out += line.substr(at);
    if (tag != "P") out += '\n';
  }
  return out;
}

}  // namespace node
