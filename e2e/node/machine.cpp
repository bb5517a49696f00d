#include "node/machine.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/host_view.hpp"
#include "node/namespaces.hpp"
#include "node/write_file.hpp"

namespace node {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "swo-node-";
constexpr const char* kOwnCgroup = "/node.scope";  // of everything that is not a Pod
// The kernel frees a killed process a moment after the kill; waiting longer than this means a
// fault.
constexpr std::chrono::seconds kCgroupEmpties{5};
constexpr std::chrono::milliseconds kPoll{2};

void must(bool ok, const std::string& what) {
  if (!ok) throw std::system_error(errno, std::generic_category(), what);
}

// Cgroups of machines whose program is dead.
void sweep(const std::string& root) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    const std::string name = entry.path().filename();
    if (name.rfind(kPrefix, 0) != 0) continue;
    const int pid = std::atoi(name.c_str() + std::string(kPrefix).size());
    if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) remove_cgroup(entry.path());
  }
}

// All of it, however many children.
void remove_dirs(const fs::path& cgroup) {
  std::error_code ignored;
  std::vector<fs::path> children;
  for (const auto& entry : fs::directory_iterator(cgroup, ignored)) {
    if (entry.is_directory(ignored)) children.push_back(entry.path());
  }
  for (const fs::path& child : children) remove_dirs(child);
  rmdir(cgroup.c_str());
}

}  // namespace

std::string cgroup2_mount() {
  std::ifstream mounts("/proc/self/mounts");
  std::string device;
  std::string path;
  std::string type;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream(line) >> device >> path >> type;
    if (type == "cgroup2") return path;
  }
  return {};
}

std::vector<std::string> machine_cgroups(pid_t program) {
  const std::string prefix = kPrefix + std::to_string(program) + "-";
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(cgroup2_mount(), ignored)) {
    const std::string name = entry.path().filename();
    if (name.rfind(prefix, 0) == 0) found.push_back(entry.path());
  }
  return found;
}

void remove_cgroup(const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + kCgroupEmpties;
  while (fs::exists(path)) {
    const Fd kill_file(open((path + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
    if (kill_file && write(kill_file.get(), "1", 1) < 0 && errno != ENOENT) return;
    remove_dirs(path);
    if (std::chrono::steady_clock::now() > deadline) return;
    if (fs::exists(path))
      std::this_thread::sleep_for(kPoll);  // the kernel has no event for "rmdir-able"
  }
}

Machine::Machine(const std::string& shared_dir, const std::string& gateway) {
  static std::atomic<int> count{0};
  const std::string root = cgroup2_mount();
  if (root.empty()) throw std::runtime_error("no cgroup2 mount on this machine");
  sweep(root);
  cgroup_ = root + "/" + kPrefix + std::to_string(getpid()) + "-" + std::to_string(++count);
  must(mkdir(cgroup_.c_str(), 0755) == 0, "mkdir " + cgroup_);
  try {
    set_up(shared_dir, gateway);
  } catch (...) {
    tear_down();
    throw;
  }
}

Machine::~Machine() { tear_down(); }

void Machine::set_up(const std::string& shared_dir, const std::string& gateway) {
  auto [lifeline_read, lifeline_write] = make_pipe();
  auto [ready_read, ready_write] = make_pipe();
  // Enters the cgroup first, so that the cgroup namespace is rooted there. The keeper, PID 1
  // inside, lets the kernel reap orphans (SIGCHLD ignored) and lives until the lifeline closes.
  const std::string keeper = "echo ready; exec env --ignore-signal=CHLD cat >/dev/null";
  keeper_parent_ = spawn(
      {.argv = {"sh", "-c", "echo 0 >\"$0\" && exec \"$@\"", cgroup_ + "/cgroup.procs", "unshare",
                "--mount", "--cgroup", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child",
                "--mount-proc", "--propagation", "private", "sh", "-c", keeper},
       .env = {},
       .fds = {{0, lifeline_read.get()}, {1, ready_write.get()}}});
  lifeline_ = std::move(lifeline_write);
  ready_write.reset();
  std::array<char, 16> ready{};
  must(read(ready_read.get(), ready.data(), ready.size()) > 0, "unshare namespaces");
  const std::string parent = std::to_string(keeper_parent_);
  std::ifstream("/proc/" + parent + "/task/" + parent + "/children") >> keeper_;
  must(keeper_ > 0, "find the child of unshare (CONFIG_PROC_CHILDREN)");
  mnt_ = open_namespace(keeper_, "mnt");
  cgroup_ns_ = open_namespace(keeper_, "cgroup");
  net_ = open_namespace(keeper_, "net");

  const Fd shared = clone_mount(shared_dir);
  inside([&] {
    umount2(kCgroupRoot, MNT_DETACH);  // absent on some machines; then the mount below says so
    must(mount("cgroup2", kCgroupRoot, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0,
         "mount cgroup2");
    const std::string own = std::string(kCgroupRoot) + kOwnCgroup;
    must(mkdir(own.c_str(), 0755) == 0, "mkdir " + own);
    write_file(own + "/cgroup.procs", std::to_string(keeper_));
    write_file(own + "/cgroup.procs", parent);
    must(mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") == 0, "mount /run");
    for (const char* dir : {kSharedDir, "/run/netns", "/run/crun", "/run/pods"}) {
      must(mkdir(dir, 0755) == 0, std::string("mkdir ") + dir);
    }
    attach_mount(shared, kSharedDir);
  });
  run_inside(
      {"sh", "-c",
       // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one script
       "ip link set lo up && ip link add \"$0\" type bridge && ip addr add \"$1\" dev \"$0\" && "
       "ip link set \"$0\" up",
       kBridge, gateway});
}

void Machine::tear_down() {
  lifeline_.reset();
  remove_cgroup(cgroup_);
  if (keeper_parent_ > 0) wait_for(keeper_parent_);
}

void Machine::inside(const std::function<void()>& work) const {
  in_namespaces(
      {{cgroup_ns_.get(), CLONE_NEWCGROUP}, {net_.get(), CLONE_NEWNET}, {mnt_.get(), CLONE_NEWNS}},
      work);
}

void Machine::in_network(const std::function<void()>& work) const {
  in_namespaces({{net_.get(), CLONE_NEWNET}}, work);
}

std::vector<std::string> Machine::command(const std::vector<std::string>& argv) const {
  // Into the machine's cgroup before its namespaces: with nsdelegate, a move across the border of a
  // cgroup namespace is refused from inside.
  std::vector<std::string> line{"sh",
                                "-c",
                                "echo 0 >\"$0\" && exec \"$@\"",
                                cgroup_ + kOwnCgroup + "/cgroup.procs",
                                "nsenter",
                                "--target",
                                std::to_string(keeper_),
                                "--mount",
                                "--pid",
                                "--cgroup",
                                "--net",
                                "--ipc",
                                "--uts",
                                "--"};
  line.insert(line.end(), argv.begin(), argv.end());
  return line;
}

std::string Machine::run_inside(const std::vector<std::string>& argv) const {
  return run_or_throw(command(argv));
}

pid_t Machine::init_of(const std::string& cgroup) const { return init_below(cgroup_ + cgroup); }

}  // namespace node
