#include "support.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include <sys/socket.h>
#include <unistd.h>

#include "node/fd.hpp"
#include "node/image_store.hpp"
#include "node/machine.hpp"

namespace node::testing {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds kPatience{60};

}  // namespace

void RealBoot::SetUp() {
  if (const std::string why = unsupported_because(); !why.empty()) {
    GTEST_SKIP() << "Pods cannot run for real here: " << why;
  }
  if (ImageStore(demo_image_dir()).references().empty()) {
    GTEST_SKIP()
        << "no demo image in " << demo_image_dir()
        << " (make it with e2e/node/build-demo-image.sh, or point SWO_DEMO_IMAGE_DIR to it)";
  }
  before_ = left_behind();
}

void RealBoot::TearDown() {
  runtime_.reset();
  if (IsSkipped()) return;
  EXPECT_EQ(left_behind(), before_) << "something was left behind";
}

std::vector<std::string> RealBoot::left_behind() const {
  std::vector<std::string> found;
  for (const std::string& cgroup : machine_cgroups(getpid())) found.push_back("cgroup " + cgroup);
  std::ifstream mounts("/proc/self/mounts");
  int count = 0;
  for (std::string line; std::getline(mounts, line);) ++count;
  found.push_back("mounts: " + std::to_string(count));
  // Processes of ours: the runtime's are children of this program or in a pid namespace below it.
  std::ifstream children("/proc/self/task/" + std::to_string(getpid()) + "/children");
  for (std::string pid; children >> pid;) found.push_back("process " + pid);
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    const std::string target = fs::read_symlink(entry.path(), ignored);
    if (target.rfind("net:", 0) == 0 || target.rfind("user:", 0) == 0) found.push_back(target);
  }
  if (!state_dir_.empty() && fs::exists(state_dir_)) found.push_back(state_dir_);
  return found;
}

PodRuntime& RealBoot::node(RuntimeOptions options) {
  if (!runtime_) {
    std::string dir = ::testing::TempDir() + "node.XXXXXX";
    if (mkdtemp(dir.data()) == nullptr) throw std::runtime_error("cannot write to " + dir);
    state_dir_ = dir;
    options.state_dir = dir;
    options.image_dir = demo_image_dir();
    options.on_change = [this](const std::string&) {
      const std::scoped_lock lock(mutex_);
      changed_.notify_all();
    };
    runtime_ = std::make_unique<PodRuntime>(std::move(options));
  }
  return *runtime_;
}

std::string RealBoot::start(const Json& pod, const PodRuntime::VolumeContents& contents) {
  std::string uid = "pod-" + std::to_string(++pods_);
  node().start(uid, pod, contents);
  return uid;
}

ContainerState RealBoot::wait_for(const std::string& uid, Phase phase) {
  std::unique_lock lock(mutex_);
  ContainerState state;
  const bool came = changed_.wait_for(lock, kPatience, [&] {
    state = *runtime_->state(uid);
    return state.phase == phase || state.phase == Phase::kExited || state.phase == Phase::kFailed;
  });
  EXPECT_TRUE(came && state.phase == phase)
      << "phase " << static_cast<int>(state.phase) << " " << state.error_reason << ": "
      << state.error << " exit " << state.exit_code << "\n"
      << log(uid);
  return state;
}

std::string RealBoot::boot(const std::string& uid) {
  if (wait_for(uid, Phase::kRunning).phase != Phase::kRunning) return "not running";
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string said;
  // Until systemd listens, systemctl cannot wait for it and fails at once.
  while (std::chrono::steady_clock::now() < deadline) {
    said = sh(uid, "systemctl is-system-running --wait");
    const std::string state = said.substr(said.find_last_of('\n') + 1);
    if (state == "running" || state == "degraded" || state == "maintenance") return state;
    if (runtime_->state(uid)->phase != Phase::kRunning) break;
  }
  return said;
}

std::string RealBoot::sh(const std::string& uid, const std::string& script) {
  std::string out = runtime_->exec(uid, {"/bin/sh", "-c", script}, kPatience).output;
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::string RealBoot::eventually(const std::string& uid, const std::string& script,
                                 const std::string& wanted) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string said;
  do {
    said = sh(uid, script);
  } while (said.find(wanted) == std::string::npos && std::chrono::steady_clock::now() < deadline);
  return said;
}

std::string RealBoot::http_head(const std::string& uid) {
  const Fd socket(runtime_->connect_to(uid, 80));
  if (!socket) return {};
  const std::string request = "HEAD / HTTP/1.1\r\nHost: nginx\r\nConnection: close\r\n\r\n";
  send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string answer;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(socket.get(), buffer.data(), buffer.size())) > 0;) {
    answer.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return answer;
}

std::string RealBoot::log(const std::string& uid, bool previous) {
  static const std::regex kNoise("\x1b\\[[0-9;]*m|\r");
  return std::regex_replace(runtime_->log(uid, previous), kNoise, "");
}

Json right_pod(const Json& with, const Json& spec) {
  Json container{{"name", "systemd"},
                 {"image", "localhost/test-nginx:latest"},
                 {"tty", true},
                 {"command", {"/sbin/init"}},
                 {"securityContext", {{"runAsUser", 0}}}};
  container.merge_patch(with);
  Json pod_spec{{"hostUsers", false}, {"containers", Json::array({container})}};
  pod_spec.merge_patch(spec);
  return {{"metadata", {{"name", "nginx"}, {"namespace", "demo"}}}, {"spec", pod_spec}};
}

}  // namespace node::testing
