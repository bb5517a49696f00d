#include <algorithm>
#include <map>
#include <mutex>

#include "devcluster/boot_rules.hpp"
#include "devcluster/node_agent.hpp"

namespace devcluster {
namespace {

using node::ContainerState;
using Phase = ContainerState::Phase;

constexpr int kSigkill = 128 + 9;
constexpr int kSigterm = 128 + 15;
constexpr seconds kFlapPeriod{30};

struct Container {
  Fate fate;
  Time started{};
  std::optional<Time> stops_at;  // a stop is under way; its exit code:
  int stop_code = 0;
  std::string previous_log;
  bool ran_before = false;
};

class SimulatedAgent final : public NodeAgent {
 public:
  explicit SimulatedAgent(World& world) : world_(world) {}

  void start(const std::string& uid, const PodStart& what) override {
    const std::lock_guard lock(mutex_);
    auto& container = containers_[uid];
    container = {};
    container.fate = fate_of(what.pod, what.machine, world_.profile, what.nfs_claims);
    container.started = world_.clock();
    if (ips_.emplace(uid, next_ip_).second) ++next_ip_;
  }

  void restart(const std::string& uid) override {
    const std::lock_guard lock(mutex_);
    const auto found = containers_.find(uid);
    if (found == containers_.end()) return;
    auto& container = found->second;
    container.previous_log = log_of(container);
    container.ran_before = true;
    container.started = world_.clock();
    container.stops_at.reset();
  }

  void stop(const std::string& uid, seconds grace) override {
    const std::lock_guard lock(mutex_);
    const auto found = containers_.find(uid);
    if (found == containers_.end() || found->second.stops_at) return;
    auto& container = found->second;
    const auto now = world_.clock();
    const auto clean =
        std::chrono::duration_cast<std::chrono::system_clock::duration>(world_.pace.stop);
    if (container.fate.stops && clean <= grace) {
      container.stops_at = now + clean;
      container.stop_code = container.fate.systemd ? 0 : kSigterm;
    } else {
      container.stops_at = now + grace;
      container.stop_code = kSigkill;
    }
  }

  void remove(const std::string& uid) override {
    const std::lock_guard lock(mutex_);
    containers_.erase(uid);
    ips_.erase(uid);
  }

  std::optional<ContainerState> state(const std::string& uid) override {
    const std::lock_guard lock(mutex_);
    const auto found = containers_.find(uid);
    if (found == containers_.end()) return std::nullopt;
    return state_of(found->second);
  }

  std::optional<Time> next_change(const std::string& uid) override {
    const std::lock_guard lock(mutex_);
    const auto found = containers_.find(uid);
    if (found == containers_.end()) return std::nullopt;
    const auto& container = found->second;
    const auto now = world_.clock();
    std::optional<Time> next;
    const auto consider = [&](Time when) {
      if (when > now && (!next || when < *next)) next = when;
    };
    if (container.stops_at) consider(*container.stops_at);
    consider(boot_over(container));
    if (container.fate.flaps) consider(now + kFlapPeriod - phase_of_flap(container, now));
    return next;
  }

  std::string ip(const std::string& uid) override {
    const std::lock_guard lock(mutex_);
    const auto found = ips_.find(uid);
    if (found == ips_.end()) return {};
    constexpr unsigned kByte = 256;
    const unsigned n = found->second;
    return "10." + std::to_string(128 + n / kByte / kByte) + "." +
           std::to_string(n / kByte % kByte) + "." + std::to_string(n % kByte);
  }

  ProbeResult probe(const std::string& uid, const Json& probe) override {
    const std::lock_guard lock(mutex_);
    const auto found = containers_.find(uid);
    if (found == containers_.end() || state_of(found->second).phase != Phase::kRunning) {
      return {false, "container is not running"};
    }
    return answer(found->second, probe);
  }

  std::string log(const std::string& uid, bool previous) override {
    const std::lock_guard lock(mutex_);
    const auto found = containers_.find(uid);
    if (found == containers_.end()) return {};
    return previous ? found->second.previous_log : log_of(found->second);
  }

 private:
  Time boot_over(const Container& container) const { return container.started + world_.pace.boot; }

  std::chrono::system_clock::duration phase_of_flap(const Container& container, Time now) const {
    return (now - container.started) % std::chrono::system_clock::duration(kFlapPeriod);
  }

  ContainerState state_of(const Container& container) const {
    ContainerState state;
    const auto now = world_.clock();
    state.started_at = container.started;
    const auto failed = [&](const char* reason) {
      state.phase = Phase::kFailed;
      state.error = container.fate.error;
      state.error_reason = reason;
    };
    switch (container.fate.kind) {
      case Fate::Kind::kSandboxError:
        failed("FailedCreatePodSandBox");
        return state;
      case Fate::Kind::kImageError:
        failed("ErrImagePull");
        return state;
      case Fate::Kind::kCreateError:
        failed("CreateContainerError");
        return state;
      case Fate::Kind::kInitError:
        state.exit_code = 1;
        state.finished_at = now;
        failed(node::kInitFailed);
        return state;
      case Fate::Kind::kExits:
      case Fate::Kind::kRuns:
        break;
    }
    state.phase = Phase::kRunning;
    const auto exited = [&](Time when, int code) {
      if (when > now) return;
      state.phase = Phase::kExited;
      state.finished_at = when;
      state.exit_code = code;
    };
    if (container.fate.kind == Fate::Kind::kExits) {
      exited(container.fate.at_once ? container.started : boot_over(container),
             container.fate.exit_code);
      state.oom_killed = state.phase == Phase::kExited && container.fate.oom;
    }
    if (state.phase == Phase::kRunning && container.stops_at)
      exited(*container.stops_at, container.stop_code);
    return state;
  }

  std::string log_of(const Container& container) const {
    std::string text;
    // The last two lines of a boot come when it is over.
    constexpr std::size_t kLate = 2;
    const auto& lines = container.fate.log;
    const bool all = container.fate.at_once && container.fate.kind == Fate::Kind::kExits;
    const bool over = all || world_.clock() >= boot_over(container);
    const auto shown = over || lines.size() < kLate ? lines.size() : lines.size() - kLate;
    for (std::size_t i = 0; i < shown; ++i) text += lines[i] + "\r\n";  // a terminal's line ends
    return text;
  }

  // What systemctl would make such a probe say (systemctl(1): is-system-running, is-active,
  // list-jobs). The lines are those of a probe script that names the units: "systemd is STATE;
  // failed: UNIT…".
  ProbeResult answer(const Container& container, const Json& probe) const {
    const auto now = world_.clock();
    const auto& fate = container.fate;
    if (!fate.probe_fault.empty()) return {false, fate.probe_fault};
    const bool booted = now >= boot_over(container) && fate.boot_ends;
    const bool down = fate.flaps && (now - container.started) / kFlapPeriod % 2 == 1;
    const auto failed = down ? std::vector<std::string>{"nginx.service"} : fate.failed_units;
    if (!probe.contains("exec")) {
      const bool nginx = std::find(failed.begin(), failed.end(), "nginx.service") == failed.end();
      return booted && nginx ? ProbeResult{true, ""}
                             : ProbeResult{false, "dial tcp: connect: connection refused"};
    }
    const auto command = probe["exec"].value("command", Json::array()).dump();
    const auto says = [&](std::string_view words) {
      return command.find(words) != std::string::npos;
    };
    if (!says("systemctl")) return {true, ""};
    if (says("uid_map") && !fate.user_namespace) {
      return {false, "no user namespace: root here is root of the node"};
    }
    if (!fate.systemd) {
      return {false,
              "System has not been booted with systemd as init system (PID 1). Can't operate."};
    }
    const std::string state = !booted ? "starting" : failed.empty() ? "running" : "degraded";
    const auto line = [&](const char* what, const std::vector<std::string>& units) {
      std::string text = "systemd is " + state;
      for (const auto& unit : units)
        text += (&unit == &units.front() ? "; " + std::string(what) + ": " : " ") + unit;
      return ProbeResult{false, text};
    };
    if (says("is-active")) {
      std::vector<std::string> inactive;
      for (const auto& unit : booted ? failed : std::vector<std::string>{"nginx.service"}) {
        if (says(unit)) inactive.push_back(unit);
      }
      return inactive.empty() ? ProbeResult{true, ""} : line("not active", inactive);
    }
    if (!booted) {
      const auto unit =
          fate.waiting_for.empty() ? std::string("multi-user.target") : fate.waiting_for;
      return says("list-jobs") ? line("waiting for", {unit}) : line("", {});
    }
    if (failed.empty() || says("running|degraded")) return {true, state};
    return line("failed", failed);
  }

  World& world_;
  std::mutex mutex_;
  std::map<std::string, Container> containers_;
  std::map<std::string, unsigned> ips_;
  unsigned next_ip_ = 10;
};

}  // namespace

std::unique_ptr<NodeAgent> simulated_agent(World& world) {
  return std::make_unique<SimulatedAgent>(world);
}

}  // namespace devcluster
