#include <algorithm>
#include <map>
#include <mutex>

#include <boost/algorithm/string/join.hpp>

#include "devcluster/boot_rules.hpp"
#include "devcluster/members.hpp"
#include "devcluster/node_agent.hpp"
#include "devcluster/objects.hpp"

namespace devcluster {
namespace {

using node::ContainerState;
using Phase = ContainerState::Phase;

constexpr int kSigterm = 128 + 15;
constexpr seconds kFlapPeriod{30};

struct Container {
  Fate fate;
  Time started{};
  std::optional<Time> stops_at;  // a stop is under way; its exit code:
  int stop_code = 0;
  std::string previous_log;
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
    auto* const container = find(uid);
    if (container == nullptr) return;
    container->previous_log = log_of(*container);
    container->started = world_.clock();
    container->stops_at.reset();
  }

  void stop(const std::string& uid, seconds grace) override {
    const std::lock_guard lock(mutex_);
    auto* const container = find(uid);
    if (container == nullptr || container->stops_at) return;
    const auto now = world_.clock();
    if (container->fate.stops && world_.pace.stop <= grace) {
      container->stops_at = now + world_.pace.stop;
      container->stop_code = container->fate.systemd ? 0 : kSigterm;
    } else {
      container->stops_at = now + grace;
      container->stop_code = kSigkill;
    }
  }

  void remove(const std::string& uid) override {
    const std::lock_guard lock(mutex_);
    containers_.erase(uid);
    ips_.erase(uid);
  }

  std::optional<ContainerState> state(const std::string& uid) override {
    const std::lock_guard lock(mutex_);
    const auto* const container = find(uid);
    return container == nullptr ? std::nullopt : std::optional(state_of(*container));
  }

  std::optional<Time> next_change(const std::string& uid) override {
    const std::lock_guard lock(mutex_);
    const auto* const container = find(uid);
    if (container == nullptr) return std::nullopt;
    const auto now = world_.clock();
    std::optional<Time> next;
    const auto consider = [&](Time when) {
      if (when > now && (!next || when < *next)) next = when;
    };
    if (container->stops_at) consider(*container->stops_at);
    consider(boot_over(*container));
    if (container->fate.flaps) {
      consider(now + kFlapPeriod - (now - container->started) % Time::duration(kFlapPeriod));
    }
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
    const auto* const container = find(uid);
    if (container == nullptr || state_of(*container).phase != Phase::kRunning) {
      return {false, "container is not running"};
    }
    return answer(*container, probe);
  }

  std::string log(const std::string& uid, bool previous) override {
    const std::lock_guard lock(mutex_);
    const auto* const container = find(uid);
    if (container == nullptr) return {};
    return previous ? container->previous_log : log_of(*container);
  }

 private:
  Container* find(const std::string& uid) {
    const auto found = containers_.find(uid);
    return found == containers_.end() ? nullptr : &found->second;
  }

  Time boot_over(const Container& container) const { return container.started + world_.pace.boot; }

  ContainerState state_of(const Container& container) const {
    const auto& fate = container.fate;
    const auto now = world_.clock();
    ContainerState state;
    state.started_at = container.started;
    if (fate.kind == Fate::Kind::kFails) {
      state.phase = Phase::kFailed;
      state.error = fate.error;
      state.error_reason = fate.error_reason;
      state.exit_code = 1;  // of an init container
      state.finished_at = now;
      return state;
    }
    state.phase = Phase::kRunning;
    const auto exits = [&](Time when, int code) {
      if (when > now || state.phase == Phase::kExited) return;
      state.phase = Phase::kExited;
      state.finished_at = when;
      state.exit_code = code;
    };
    if (fate.kind == Fate::Kind::kExits) {
      exits(fate.at_once ? container.started : boot_over(container), fate.exit_code);
      state.oom_killed = state.phase == Phase::kExited && fate.oom;
    }
    if (container.stops_at) exits(*container.stops_at, container.stop_code);
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
      return booted && !holds(failed, "nginx.service")
                 ? ProbeResult{true, ""}
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
      const auto named = std::string("; ") + what + ": " + boost::algorithm::join(units, " ");
      return ProbeResult{false, "systemd is " + state + (units.empty() ? "" : named)};
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
