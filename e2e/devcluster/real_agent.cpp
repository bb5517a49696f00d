#include <filesystem>
#include <map>
#include <mutex>

#include <sys/socket.h>
#include <unistd.h>

#include "devcluster/node_agent.hpp"
#include "node/pod_error.hpp"

namespace devcluster {
namespace {

namespace fs = std::filesystem;

// Containers change by themselves: they are looked at this often.
constexpr milliseconds kLook{200};
// 10.244.0 … 255: one subnet for each machine, in the order in which they are first used.
constexpr int kSubnets = 256;
constexpr std::size_t kAnswer = 4096;

// What of a machine decides how its runtime is set up: a reboot may change it.
struct Settings {
  bool cgroups_v1 = false;
  bool userns_annotation = false;
  bool operator==(const Settings&) const = default;
};

int port_of(const Json& probe_port, const Json& container) {
  if (probe_port.is_number_integer()) return probe_port.get<int>();
  for (const auto& port : container.value("ports", Json::array())) {
    if (port.value("name", "") == probe_port) return port.value("containerPort", 0);
  }
  return 0;
}

class RealAgent final : public NodeAgent {
 public:
  RealAgent(World& world, RealAgentOptions options) : world_(world), options_(std::move(options)) {}

  ~RealAgent() override {
    const std::lock_guard lock(mutex_);
    machines_.clear();
    std::error_code error;
    fs::remove_all(options_.scratch_dir, error);
  }

  void start(const std::string& uid, const PodStart& what) override {
    auto volumes = what.volumes;
    for (auto& [name, content] : volumes) {
      if (name.rfind("claim/", 0) != 0) continue;
      const auto directory = fs::path(options_.scratch_dir) / "claims" / content[""];
      fs::create_directories(directory);
      content[""] = directory.string();
    }
    std::shared_ptr<node::PodRuntime> runtime;
    {
      const std::lock_guard lock(mutex_);
      runtime = runtime_of(what.machine);
      pods_[uid] = {runtime, what.pod["spec"]["containers"][0]};
    }
    runtime->start(uid, what.pod, volumes);
  }

  void restart(const std::string& uid) override {
    if (const auto pod = find(uid)) pod->runtime->restart(uid);
  }

  void stop(const std::string& uid, seconds grace) override {
    if (const auto pod = find(uid)) pod->runtime->stop(uid, grace);
  }

  void remove(const std::string& uid) override {
    const auto pod = find(uid);
    if (!pod) return;
    pod->runtime->remove(uid);
    const std::lock_guard lock(mutex_);
    pods_.erase(uid);
  }

  bool resize(const std::string& uid, const Json& resources) override {
    try {
      if (const auto pod = find(uid)) pod->runtime->resize(uid, resources);
      return true;
    } catch (const node::PodError&) {
      return false;
    }
  }

  std::optional<node::ContainerState> state(const std::string& uid) override {
    const auto pod = find(uid);
    return pod ? pod->runtime->state(uid) : std::nullopt;
  }

  std::optional<Time> next_change(const std::string& uid) override {
    if (!find(uid)) return std::nullopt;
    return world_.clock() + kLook;
  }

  std::string ip(const std::string& uid) override {
    const auto pod = find(uid);
    return pod ? pod->runtime->ip(uid) : "";
  }

  ProbeResult probe(const std::string& uid, const Json& probe) override {
    const auto pod = find(uid);
    if (!pod) return {false, "container is not running"};
    const milliseconds limit = seconds(probe.value("timeoutSeconds", 1));
    if (probe.contains("exec")) {
      const auto command = probe["exec"].value("command", std::vector<std::string>{});
      const auto result = pod->runtime->exec(uid, command, limit);
      if (result.timed_out) return {false, "command timed out"};
      return {result.exit_code == 0, result.output};
    }
    const bool http = probe.contains("httpGet");
    const auto& action = http ? probe["httpGet"] : probe.value("tcpSocket", Json::object());
    const int port = port_of(action.value("port", Json()), pod->container);
    const int socket = pod->runtime->connect_to(uid, port, limit);
    if (socket < 0) return {false, "dial tcp: connect: connection refused"};
    auto result = http ? get(socket, action.value("path", "/"), limit) : ProbeResult{true, ""};
    ::close(socket);
    return result;
  }

  std::string log(const std::string& uid, bool previous) override {
    const auto pod = find(uid);
    return pod ? pod->runtime->log(uid, previous) : "";
  }

  int connect_to(const std::string& uid, int port) override {
    const auto pod = find(uid);
    return pod ? pod->runtime->connect_to(uid, port) : -1;
  }

  std::shared_ptr<node::RunningExec> exec(const std::string& uid,
                                          const node::ExecRequest& request) override {
    const auto pod = find(uid);
    const auto program = pod ? pod->runtime->start_exec(uid, request) : nullptr;
    if (program == nullptr) return nullptr;
    // The machine stays for as long as the program is held.
    const auto held = std::make_shared<std::pair<Pod, decltype(program)>>(*pod, program);
    return {held, program.get()};
  }

 private:
  struct MachineRuntime {
    Settings settings;
    int subnet = 0;
    std::shared_ptr<node::PodRuntime> runtime;
  };
  struct Pod {
    std::shared_ptr<node::PodRuntime> runtime;
    Json container;
  };

  std::optional<Pod> find(const std::string& uid) {
    const std::lock_guard lock(mutex_);
    const auto found = pods_.find(uid);
    if (found == pods_.end()) return std::nullopt;
    return found->second;
  }

  // Made when its machine's first Pod starts, and anew after a reboot that changed the settings.
  std::shared_ptr<node::PodRuntime> runtime_of(const Machine& machine) {
    const Settings settings{machine.cgroups == 1, machine.userns_annotation};
    auto& slot = machines_[machine.name];
    if (slot.runtime != nullptr && slot.settings == settings) return slot.runtime;
    if (slot.runtime == nullptr) slot.subnet = next_subnet_++ % kSubnets;
    slot.settings = settings;
    node::RuntimeOptions options;
    options.state_dir = (fs::path(options_.scratch_dir) / machine.name).string();
    options.image_dir = options_.image_dir;
    options.cgroups_v1 = settings.cgroups_v1;
    options.chown_cgroup = world_.profile.chowns_cgroup;
    options.honour_host_users = world_.profile.host_users;
    options.allow_userns_annotation = settings.userns_annotation;
    options.subnet = slot.subnet;
    slot.runtime.reset();
    slot.runtime = std::make_shared<node::PodRuntime>(std::move(options));
    return slot.runtime;
  }

  // An httpGet probe: 200 … 399 is success (kubernetes pkg/probe/http/http.go).
  static ProbeResult get(int socket, const std::string& path, milliseconds limit) {
    const timeval wait{limit.count() / 1000, 0};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    const std::string request =
        "GET " + path + " HTTP/1.0\r\nUser-Agent: kube-probe/devcluster\r\n\r\n";
    std::string answer(kAnswer, '\0');
    const bool sent = send(socket, request.data(), request.size(), MSG_NOSIGNAL) ==
                      static_cast<ssize_t>(request.size());
    const auto got = sent ? recv(socket, answer.data(), answer.size(), 0) : -1;
    if (got < static_cast<ssize_t>(sizeof("HTTP/1.1 200"))) return {false, "EOF"};
    const auto code = answer.substr(answer.find(' ') + 1, 3);
    const bool good = code >= "200" && code < "400";
    return {good, good ? "" : "HTTP probe failed with statuscode: " + code};
  }

  World& world_;
  RealAgentOptions options_;
  std::mutex mutex_;
  std::map<std::string, MachineRuntime> machines_;
  std::map<std::string, Pod> pods_;
  int next_subnet_ = 0;
};

}  // namespace

std::unique_ptr<NodeAgent> real_agent(World& world, RealAgentOptions options) {
  return std::make_unique<RealAgent>(world, std::move(options));
}

}  // namespace devcluster
