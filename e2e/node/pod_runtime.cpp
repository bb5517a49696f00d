#include "node/pod_runtime.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/container.hpp"
#include "node/image_store.hpp"
#include "node/machine.hpp"
#include "node/pod_error.hpp"
#include "node/pod_sandbox.hpp"

namespace node {
namespace {

namespace fs = std::filesystem;
using std::chrono::system_clock;

constexpr int kPodsPerNode = 110;                   // the kubelet's default maxPods
constexpr std::chrono::seconds kLeastAfterHook{2};  // kubelet minimumGracePeriodInSeconds

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Connects within `limit`; the descriptor, or -errno.
int connect_within(const std::string& ip, int port, std::chrono::milliseconds limit) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return -errno;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, ip.c_str(), &to.sin_addr);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    if (errno != EINPROGRESS) return -errno;
    pollfd waiting{fd.get(), POLLOUT, 0};
    if (poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) return -ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return -error;
  }
  fcntl(fd.get(), F_SETFL, 0);
  return fd.release();
}

struct Pod {
  Pod(std::string id, Json document, PodRuntime::VolumeContents volumes)
      : uid(std::move(id)), pod(std::move(document)), contents(std::move(volumes)) {}
  const std::string uid;
  const Json pod;
  const PodRuntime::VolumeContents contents;

  mutable std::mutex mutex;
  std::condition_variable changed;
  ContainerState state;
  bool stopping = false;
  bool kill_now = false;
  int runs = 0;
  Json resources;  // since a resize; null: those of `pod`
  std::string ip, stop_signal;
  std::shared_ptr<Container> container;  // while it runs
  std::optional<int> slot;

  // Only the runner touches it, and remove() after the runner has ended.
  std::unique_ptr<PodSandbox> sandbox;
  bool initialized = false;
  std::thread runner, stopper;
};

}  // namespace

struct PodRuntime::Impl {
  explicit Impl(RuntimeOptions given)
      : options(std::move(given)),
        images(options.image_dir),
        machine((fs::create_directories(options.state_dir), options.state_dir),
                "10.244." + std::to_string(options.subnet) + ".1/24") {
    std::ifstream controllers(machine.host_cgroup() + "/cgroup.controllers");
    for (std::string name; controllers >> name;) {
      if (name == "memory") rules.resource_limits = true;
    }
    rules.cgroups_v1 = options.cgroups_v1;
    rules.userns_annotation = options.allow_userns_annotation;
    rules.honour_host_users = options.honour_host_users;
  }

  std::shared_ptr<Pod> find(const std::string& uid) const {
    const std::scoped_lock lock(mutex);
    const auto found = pods.find(uid);
    return found == pods.end() ? nullptr : found->second;
  }

  std::shared_ptr<Container> container_of(const std::string& uid) const {
    const auto pod = find(uid);
    if (!pod) return nullptr;
    const std::scoped_lock lock(pod->mutex);
    return pod->container;
  }

  // Changes a Pod's record under its lock, then tells whoever waits.
  template <typename Change>
  void update(Pod& pod, Change change) const {
    {
      const std::scoped_lock lock(pod.mutex);
      change(pod);
    }
    pod.changed.notify_all();
    if (options.on_change) options.on_change(pod.uid);
  }

  void make_sandbox(Pod& pod) {
    {
      const std::scoped_lock lock(mutex);
      pod.slot = slots.take();
    }
    if (!pod.slot) {
      throw PodError("FailedCreatePodSandBox",
                     "can't allocate user namespace: could not find an empty slot to allocate a "
                     "user namespace");
    }
    pod.sandbox = std::make_unique<PodSandbox>(machine, SandboxRequest{.uid = pod.uid,
                                                                       .pod = pod.pod,
                                                                       .contents = pod.contents,
                                                                       .rules = rules,
                                                                       .subnet = options.subnet,
                                                                       .slot = *pod.slot});
    const std::scoped_lock lock(pod.mutex);
    pod.ip = pod.sandbox->ip();
  }

  Image image_of(const Json& container) {
    const std::string reference = container.value("image", "");
    std::optional<Image> image = images.find(reference);
    if (!image) {
      throw PodError("ErrImagePull",
                     "image \"" + reference + "\" is not in the store " + options.image_dir);
    }
    return *std::move(image);
  }

  // `document` is the Pod with this one as its only container. Created, not started.
  std::shared_ptr<Container> make_container(Pod& pod, const Json& document, const Image& image,
                                            const std::string& log_name) {
    const Json& container = document.at("spec").at("containers").at(0);
    return std::make_shared<Container>(
        machine, *pod.sandbox,
        Container::Request{
            .pod = document,
            .image = image,
            .rules = rules,
            .env = container_env(document, container, pod.contents, pod.sandbox->ip()),
            .chown_cgroup = options.chown_cgroup,
            .shared = std::string(Machine::kSharedDir) + "/" + pod.uid,
            .host_shared = options.state_dir + "/" + pod.uid,
            .log_name = log_name});
  }

  void run_init_containers(Pod& pod) {
    for (const Json& container : pod.pod.at("spec").value("initContainers", Json::array())) {
      Json document = pod.pod;
      document["spec"]["containers"] = Json::array({container});
      const std::string log_name = "init-" + container.value("name", "") + ".log";
      const auto running = make_container(pod, document, image_of(container), log_name);
      running->start();
      update(pod, [&](Pod& p) {
        p.container = running;
        if (p.kill_now) running->kill(SIGKILL);
      });
      const int code = running->wait();
      const std::scoped_lock lock(pod.mutex);
      pod.container = nullptr;
      if (code != 0) {
        pod.state.exit_code = code;
        throw PodError(kInitFailed,
                       plain_log(read_file(options.state_dir + "/" + pod.uid + "/" + log_name)));
      }
    }
  }

  int run_container(Pod& pod, int run) {
    Json document = pod.pod;
    Json& container = document.at("spec").at("containers").at(0);
    {
      const std::scoped_lock lock(pod.mutex);
      if (!pod.resources.is_null()) container["resources"] = pod.resources;
    }
    const Image image = image_of(container);
    const auto running = make_container(pod, document, image, std::to_string(run) + ".log");
    running->start();
    update(pod, [&](Pod& p) {
      p.container = running;
      p.stop_signal = image.config.stop_signal;
      p.state.phase = ContainerState::Phase::kRunning;
      p.state.pid = running->pid();
      p.state.started_at = system_clock::now();
      if (p.kill_now) running->kill(SIGKILL);
    });
    const int code = running->wait();
    const bool oom = running->oom_killed();
    const std::scoped_lock lock(pod.mutex);
    pod.container = nullptr;
    pod.state.oom_killed = oom;
    return code;
  }

  void run(Pod& pod, int number) {
    try {
      if (!pod.sandbox) make_sandbox(pod);
      if (!pod.initialized) {
        run_init_containers(pod);
        pod.initialized = true;
      }
      const int code = run_container(pod, number);
      update(pod, [&](Pod& p) {
        p.state.phase = ContainerState::Phase::kExited;
        p.state.exit_code = code;
        p.state.finished_at = system_clock::now();
        p.state.pid = 0;
      });
    } catch (const std::exception& e) {
      const auto* known = dynamic_cast<const PodError*>(&e);
      update(pod, [&](Pod& p) {
        p.state.phase = ContainerState::Phase::kFailed;
        p.state.error = e.what();
        p.state.error_reason = known != nullptr ? known->reason() : "CreateContainerError";
        p.state.finished_at = system_clock::now();
      });
    }
  }

  void begin(Pod& pod) {
    if (pod.stopper.joinable()) pod.stopper.join();
    if (pod.runner.joinable()) pod.runner.join();
    int number = 0;
    update(pod, [&](Pod& p) {
      p.state = {};
      p.stopping = false;  // a failed liveness probe stops and restarts
      number = p.runs++;
    });
    pod.runner = std::thread([this, &pod, number] { run(pod, number); });
  }

  static bool over(const Pod& pod) {
    return pod.state.phase == ContainerState::Phase::kExited ||
           pod.state.phase == ContainerState::Phase::kFailed;
  }

  // The kubelet's killContainer (pkg/kubelet/kuberuntime/kuberuntime_container.go): the hook's time
  // counts.
  static void end(Pod& pod, std::chrono::seconds grace) {
    const auto begun = std::chrono::steady_clock::now();
    std::shared_ptr<Container> container;
    std::string signal;
    {
      std::unique_lock lock(pod.mutex);
      pod.changed.wait(lock, [&] { return pod.state.phase != ContainerState::Phase::kCreating; });
      container = pod.container;
      signal = pod.stop_signal;
    }
    if (!container) return;
    const Json& spec = pod.pod.at("spec").at("containers").at(0);
    const Json hook = spec.value("/lifecycle/preStop"_json_pointer, Json::object());
    if (grace.count() > 0 && hook.contains("exec")) {
      container->exec(hook["exec"].value("command", std::vector<std::string>()), grace);
    } else if (grace.count() > 0 && hook.contains("sleep")) {
      std::unique_lock lock(pod.mutex);
      pod.changed.wait_for(lock,
                           std::min(grace, std::chrono::seconds(hook["sleep"].value("seconds", 0))),
                           [&] { return over(pod) || pod.kill_now; });
    }
    const auto deadline = std::max(
        begun + grace, std::chrono::steady_clock::now() + std::min(grace, kLeastAfterHook));
    container->kill(signal_number(signal).value_or(SIGTERM));
    std::unique_lock lock(pod.mutex);
    if (!pod.changed.wait_until(lock, deadline, [&] { return over(pod) || pod.kill_now; }) ||
        pod.kill_now) {
      container->kill(SIGKILL);
    }
  }

  void forget(Pod& pod) {
    if (pod.stopper.joinable()) pod.stopper.join();
    if (pod.runner.joinable()) pod.runner.join();
    pod.sandbox.reset();
    std::error_code ignored;
    fs::remove_all(options.state_dir + "/" + pod.uid, ignored);
    const std::scoped_lock lock(mutex);
    if (pod.slot) slots.give_back(*pod.slot);
  }

  void kill_at_once(Pod& pod) const {
    update(pod, [](Pod& p) {
      p.kill_now = true;
      if (p.container) p.container->kill(SIGKILL);
    });
  }

  const RuntimeOptions options;
  NodeRules rules;
  ImageStore images;
  Machine machine;
  mutable std::mutex mutex;
  std::map<std::string, std::shared_ptr<Pod>> pods;
  Slots slots{kPodsPerNode};
};

PodRuntime::PodRuntime(RuntimeOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

PodRuntime::~PodRuntime() {
  for (const auto& [uid, pod] : impl_->pods) impl_->kill_at_once(*pod);
  for (const auto& [uid, pod] : impl_->pods) impl_->forget(*pod);
  impl_->pods.clear();
  const std::string directory = impl_->options.state_dir;
  impl_.reset();
  std::error_code ignored;
  fs::remove_all(directory, ignored);
}

void PodRuntime::start(const std::string& uid, const Json& pod, const VolumeContents& volumes) {
  const bool plain = !uid.empty() && std::all_of(uid.begin(), uid.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-';
  });
  if (!plain) throw std::invalid_argument("Pod uid \"" + uid + "\": letters, digits and - only");
  const auto record = std::make_shared<Pod>(uid, pod, volumes);
  {
    const std::scoped_lock lock(impl_->mutex);
    if (!impl_->pods.emplace(uid, record).second) {
      throw std::invalid_argument("Pod uid \"" + uid + "\" is already started");
    }
  }
  fs::create_directories(impl_->options.state_dir + "/" + uid);
  impl_->begin(*record);
}

void PodRuntime::restart(const std::string& uid) {
  if (const auto pod = impl_->find(uid)) impl_->begin(*pod);
}

std::optional<ContainerState> PodRuntime::state(const std::string& uid) const {
  const auto pod = impl_->find(uid);
  if (!pod) return std::nullopt;
  const std::scoped_lock lock(pod->mutex);
  return pod->state;
}

std::optional<HostView> PodRuntime::host_view(const std::string& uid) const {
  const auto container = impl_->container_of(uid);
  if (!container) return std::nullopt;
  return host_view_of(container->pid(), impl_->machine.host_cgroup() + container->cgroup());
}

void PodRuntime::resize(const std::string& uid, const Json& resources) {
  const auto pod = impl_->find(uid);
  if (!pod) return;
  std::shared_ptr<Container> container;
  {
    const std::scoped_lock lock(pod->mutex);
    pod->resources = resources;
    container = pod->container;
  }
  if (container && impl_->rules.resource_limits) {
    container->limit(resource_limits({{"resources", resources}}));
  }
}

std::string PodRuntime::ip(const std::string& uid) const {
  const auto pod = impl_->find(uid);
  if (!pod) return {};
  const std::scoped_lock lock(pod->mutex);
  return pod->ip;
}

int PodRuntime::connect_to(const std::string& uid, int port,
                           std::chrono::milliseconds limit) const {
  const std::string address = ip(uid);
  int result = -EHOSTUNREACH;
  if (!address.empty()) {
    impl_->machine.in_network([&] { result = connect_within(address, port, limit); });
  }
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

std::string PodRuntime::log(const std::string& uid, bool previous) const {
  const auto pod = impl_->find(uid);
  if (!pod) return {};
  int number = 0;
  {
    const std::scoped_lock lock(pod->mutex);
    number = pod->runs - (previous ? 2 : 1);
  }
  return plain_log(
      read_file(impl_->options.state_dir + "/" + uid + "/" + std::to_string(number) + ".log"));
}

ExecResult PodRuntime::exec(const std::string& uid, const std::vector<std::string>& command,
                            std::chrono::milliseconds limit) {
  const auto container = impl_->container_of(uid);
  if (!container) return {.exit_code = 1, .output = "container is not running\n"};
  return container->exec(command, limit);
}

std::shared_ptr<RunningExec> PodRuntime::start_exec(const std::string& uid,
                                                    const ExecRequest& request) {
  const auto container = impl_->container_of(uid);
  if (!container) return nullptr;
  // The container stays for as long as the program is held.
  struct Held {
    std::shared_ptr<Container> container;
    std::unique_ptr<RunningExec> exec;
  };
  const auto held = std::make_shared<Held>(Held{container, container->start_exec(request)});
  return {held, held->exec.get()};
}

void PodRuntime::stop(const std::string& uid, std::chrono::seconds grace) {
  const auto pod = impl_->find(uid);
  if (!pod) return;
  const std::scoped_lock lock(pod->mutex);
  if (std::exchange(pod->stopping, true)) return;
  pod->stopper = std::thread([pod = pod.get(), grace] { Impl::end(*pod, grace); });
}

void PodRuntime::remove(const std::string& uid) {
  const auto pod = impl_->find(uid);
  if (!pod) return;
  impl_->kill_at_once(*pod);
  impl_->forget(*pod);
  const std::scoped_lock lock(impl_->mutex);
  impl_->pods.erase(uid);
}

}  // namespace node
