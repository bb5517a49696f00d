#include "devcluster/kubelet.hpp"

#include <algorithm>
#include <vector>

#include "devcluster/kubelet_status.hpp"
#include "devcluster/objects.hpp"
#include "devcluster/pod_inputs.hpp"

namespace devcluster {
namespace {

using node::ContainerState;
using Phase = ContainerState::Phase;

// kubelet.go: MaxContainerBackOff and backOffPeriod; a container that ran for twice the maximum
// starts anew.
constexpr seconds kFirstBackOff{10};
constexpr seconds kMaxBackOff{300};
constexpr seconds kForgivenAfter{600};
constexpr seconds kRetry{10};  // pod_workers.go: failed syncs, about
constexpr int kDefaultGrace = 30;

seconds grace_of(const Json& pod) {
  return seconds(pod["spec"].value("terminationGracePeriodSeconds", kDefaultGrace));
}

}  // namespace

// Not asked again until something happens to the container.
constexpr Time kSettled = Time::max();

// One probe's course (prober/worker.go).
struct Kubelet::Prober {
  bool configured = false;
  Json spec;
  Time next{};
  int successes = 0, failures = 0;
  void configure(const Json& container, const char* name) {
    configured = container.contains(name);
    if (configured) spec = container[name];
    successes = failures = 0;
  }
  void begin(Time start) {
    successes = failures = 0;
    if (configured) next = start + seconds(spec.value("initialDelaySeconds", 0));
  }
  seconds period() const { return seconds(std::max(1, spec.value("periodSeconds", 10))); }
  // One more result; true when there are enough of its kind in a row to be believed.
  bool counts(bool success) {
    (success ? failures : successes) = 0;
    return success ? ++successes >= spec.value("successThreshold", 1)
                   : ++failures >= spec.value("failureThreshold", 3);
  }
};

struct Kubelet::Run {
  std::string uid, node;
  enum class Stage { kBefore, kStarted, kBackingOff, kStopping, kOver } stage = Stage::kBefore;
  PodView view;
  Prober startup, readiness, liveness;
  bool announced = false;  // the Events of a start have been written
  bool killing = false;    // a failed probe is why it stops
  seconds back_off{0};
  Time again{};    // when kBackingOff ends
  Json resources;  // that the container has
};

Kubelet::Kubelet(World& world, NodeAgent& agent) : Controller(world, {kPods}), agent_(agent) {}
Kubelet::~Kubelet() = default;

void Kubelet::observe(const Delta& delta) {
  const auto key = key_of(delta.object);
  if (delta.kind != Delta::Kind::kDeleted) {
    if (delta.object["spec"].contains("nodeName") || deleting(delta.object)) agenda_.at(key, {});
    return;
  }
  agenda_.drop(key);
  world_.recorder.forget(uid_of(delta.object));
  const auto run = runs_.find(key);
  if (run == runs_.end()) return;
  agent_.remove(run->second.uid);  // removed by force: the containers go too
  runs_.erase(run);
}

void Kubelet::work(Time now) {
  while (const auto key = agenda_.take_due(now)) sync(*key, now);
}

void Kubelet::event(const Json& pod, const char* type, const char* reason,
                    const std::string& message) {
  world_.recorder.event(pod, type, reason, message, "kubelet", pod["spec"].value("nodeName", ""));
}

void Kubelet::sync(const std::string& key, Time now) {
  const auto pod = world_.api.get(kPods, key);
  if (!pod) return;
  const auto node = (*pod)["spec"].value("nodeName", "");
  if (node.empty()) {
    if (deleting(*pod)) world_.api.remove(kPods, key, 0);
    return;
  }
  auto& run = runs_[key];
  const auto uid = uid_of(*pod);
  if (run.uid != uid) {  // another Pod of that name
    if (!run.uid.empty()) agent_.remove(run.uid);
    run = {};
    run.uid = uid;
    run.node = node;
  }
  const auto machine = world_.machines.find(node);
  if (machine == world_.machines.end() || !machine->second.up) return;
  if (has_ended(*pod)) run.stage = Run::Stage::kOver;
  if (deleting(*pod)) {
    terminate(run, *pod, now);
  } else if (run.stage == Run::Stage::kBefore) {
    begin(run, *pod, now);
  } else if (run.stage != Run::Stage::kOver) {
    follow(run, *pod, now);
  }
}

void Kubelet::begin(Run& run, const Json& pod, Time now) {
  const auto& container = container_of(pod);
  run.startup.configure(container, "startupProbe");
  run.readiness.configure(container, "readinessProbe");
  run.liveness.configure(container, "livenessProbe");
  run.announced = run.killing = false;
  run.resources = container.value("resources", Json::object());
  if (create(run, pod, now)) follow(run, pod, now);
}

void Kubelet::again_at(Run& run, const Json& pod, Time when) {
  run.stage = Run::Stage::kBackingOff;
  run.again = when;
  agenda_.by(key_of(pod), when);
}

// False while something that the container needs is not there; then it is tried again later.
bool Kubelet::create(Run& run, const Json& pod, Time now) {
  const auto inputs = gather_inputs(world_.api, pod);
  if (!inputs.mount_fault.empty()) {
    event(pod, "Warning", "FailedMount", inputs.mount_fault);
    run.view.waiting("ContainerCreating");
  } else if (!inputs.config_fault.empty()) {
    event(pod, "Warning", "Failed", "Error: " + inputs.config_fault);
    run.view.waiting("CreateContainerConfigError", inputs.config_fault);
  } else {
    agent_.start(run.uid, {pod, world_.machines.at(run.node), inputs.contents, inputs.nfs_claims});
    run.stage = Run::Stage::kStarted;
    return true;
  }
  again_at(run, pod, now + kRetry);
  write_status(run, pod, now);
  return false;
}

void Kubelet::follow(Run& run, const Json& pod, Time now) {
  if (run.stage == Run::Stage::kBackingOff) {
    if (now < run.again) {
      agenda_.by(key_of(pod), run.again);
      return;
    }
    if (!restart(run, pod, now)) return;
  }
  const auto state = agent_.state(run.uid);
  if (!state) return;
  switch (state->phase) {
    case Phase::kCreating:
      run.view.waiting(pod["spec"].contains("initContainers") ? "PodInitializing"
                                                              : "ContainerCreating");
      break;
    case Phase::kFailed:
      failed(run, pod, *state, now);
      break;
    case Phase::kRunning:
      if (!run.announced) started(run, pod, *state);
      resize(run, pod);
      run_probes(run, pod, now);
      break;
    case Phase::kExited:
      exited(run, pod, *state, now);
      break;
  }
  write_status(run, pod, now);
  if (const auto next = agent_.next_change(run.uid)) agenda_.by(key_of(pod), *next);
}

void Kubelet::resize(Run& run, const Json& pod) {
  const Json resources = container_of(pod).value("resources", Json::object());
  if (resources == run.resources) return;
  run.resources = resources;
  if (!agent_.resize(run.uid, resources)) {
    event(pod, "Warning", "ResizeError", "the container cannot have " + resources.dump());
  }
}

void Kubelet::started(Run& run, const Json& pod, const ContainerState& state) {
  const auto name = container_of(pod).value("name", "");
  event(pod, "Normal", "Pulled",
        "Container image \"" + container_of(pod).value("image", "") +
            "\" already present on machine");
  event(pod, "Normal", "Created", "Created container: " + name);
  event(pod, "Normal", "Started", "Started container " + name);
  run.announced = true;
  run.view.running(state.started_at, container_id(run.uid, run.view.restarts));
  run.view.started = !run.startup.configured;
  run.view.ready = run.view.started && !run.readiness.configured;
  run.startup.begin(state.started_at);
  run.readiness.begin(state.started_at);
  run.liveness.begin(state.started_at);
}

void Kubelet::failed(Run& run, const Json& pod, const ContainerState& state, Time now) {
  run.view.started = run.view.ready = false;
  seconds wait = kRetry;
  const auto back_off = [&] {
    wait = run.back_off = std::clamp(run.back_off * 2, kFirstBackOff, kMaxBackOff);
  };
  if (state.error_reason == "FailedCreatePodSandBox") {
    event(pod, "Warning", "FailedCreatePodSandBox", state.error);
    run.view.waiting("ContainerCreating");
  } else if (state.error_reason == node::kInitFailed) {
    const auto name = pod["spec"]["initContainers"][0].value("name", "");
    event(pod, "Warning", "BackOff", "Back-off restarting failed container " + name);
    back_off();
    run.view.init_failed(state);
  } else if (state.error_reason == "ErrImagePull") {
    const auto image = "image \"" + container_of(pod).value("image", "") + "\"";
    event(pod, "Normal", "Pulling", "Pulling " + image);
    event(pod, "Warning", "Failed", "Failed to pull " + image + ": " + state.error);
    event(pod, "Warning", "Failed", "Error: ErrImagePull");
    event(pod, "Normal", "BackOff", "Back-off pulling " + image);
    back_off();
    run.view.waiting("ImagePullBackOff",
                     "Back-off pulling " + image + ": ErrImagePull: " + state.error);
  } else {
    event(pod, "Warning", "Failed", "Error: " + state.error);
    run.view.waiting(state.error_reason, state.error);
  }
  again_at(run, pod, now + wait);
}

void Kubelet::exited(Run& run, const Json& pod, const ContainerState& state, Time now) {
  if (!run.announced) started(run, pod, state);  // it ended before anyone looked
  const auto& container = container_of(pod);
  const auto policy = pod["spec"].value("restartPolicy", "Always");
  const bool from_log = state.exit_code != 0 &&
                        container.value("terminationMessagePolicy", "") == "FallbackToLogsOnError";
  run.view.terminated(state, from_log ? agent_.log(run.uid, false) : "");
  run.announced = run.killing = false;
  if (policy == "Never" || (policy == "OnFailure" && state.exit_code == 0)) {
    run.stage = Run::Stage::kOver;
    run.view.phase = state.exit_code == 0 ? "Succeeded" : "Failed";
    return;
  }
  if (state.finished_at - state.started_at >= kForgivenAfter) run.back_off = seconds(0);
  if (run.back_off.count() == 0) {
    again_at(run, pod, std::max(now, state.finished_at + world_.pace.restart));
    run.back_off = kFirstBackOff;
    return;
  }
  const auto name = container.value("name", "");
  const auto in = name_of(pod) + "_" + pod["metadata"].value("namespace", "") + "(" + run.uid + ")";
  event(pod, "Warning", "BackOff",
        "Back-off restarting failed container " + name + " in pod " + in);
  run.view.crash_loop("back-off " + back_off_text(run.back_off) +
                      " restarting failed container=" + name + " pod=" + in);
  again_at(run, pod, state.finished_at + run.back_off);
  run.back_off = std::min(run.back_off * 2, kMaxBackOff);
}

bool Kubelet::restart(Run& run, const Json& pod, Time now) {
  if (run.view.ran()) {
    ++run.view.restarts;
    run.stage = Run::Stage::kStarted;
    agent_.restart(run.uid);
    return true;
  }
  // It never ran: what was wrong may have changed, on the machine or in what it needs.
  agent_.remove(run.uid);
  return create(run, pod, now);
}

// Tries one probe when it is due: its result where that has just become definite.
std::optional<bool> Kubelet::try_probe(const Run& run, Prober& prober, const char* words,
                                       const Json& pod, Time now) {
  if (!prober.configured || prober.next == kSettled) return std::nullopt;
  std::optional<bool> definite;
  if (now >= prober.next) {
    const auto result = agent_.probe(run.uid, prober.spec);
    if (!result.success) {
      event(pod, "Warning", "Unhealthy", std::string(words) + " probe failed: " + result.output);
    }
    if (prober.counts(result.success)) definite = result.success;
    // Asking again what cannot have changed would only cost time.
    const bool settled = definite == true && !agent_.next_change(run.uid);
    prober.next = settled ? kSettled : now + prober.period();
  }
  if (prober.next != kSettled) agenda_.by(key_of(pod), prober.next);
  return definite;
}

void Kubelet::run_probes(Run& run, const Json& pod, Time now) {
  if (run.killing) return;
  const auto kill = [&](const std::string& words) {
    run.killing = true;
    event(pod, "Normal", "Killing",
          "Container " + container_of(pod).value("name", "") + " failed " + words +
              " probe, will be restarted");
    agent_.stop(run.uid, grace_of(pod));
  };
  if (!run.view.started) {
    const auto passed = try_probe(run, run.startup, "Startup", pod, now);
    if (passed == false) kill("startup");
    if (passed != true) return;
    run.view.started = true;
    run.view.ready = !run.readiness.configured;
    run.readiness.begin(now);
    run.liveness.begin(now);
  }
  run.view.ready = try_probe(run, run.readiness, "Readiness", pod, now).value_or(run.view.ready);
  if (try_probe(run, run.liveness, "Liveness", pod, now) == false) kill("liveness");
}

void Kubelet::terminate(Run& run, const Json& pod, Time now) {
  const auto key = key_of(pod);
  auto state = agent_.state(run.uid);
  if (state && state->phase == Phase::kRunning && run.stage != Run::Stage::kStopping) {
    run.stage = Run::Stage::kStopping;
    event(pod, "Normal", "Killing", "Stopping container " + container_of(pod).value("name", ""));
    const auto grace = pod["metadata"].find("deletionGracePeriodSeconds");
    agent_.stop(run.uid,
                grace == pod["metadata"].end() ? grace_of(pod) : seconds(grace->get<int>()));
    state = agent_.state(run.uid);
  }
  if (state && state->phase == Phase::kRunning) {
    if (const auto next = agent_.next_change(run.uid)) agenda_.by(key, *next);
    return;
  }
  if (run.stage == Run::Stage::kStopping && state && state->phase == Phase::kExited) {
    run.view.terminated(*state, "");
    run.view.phase = state->exit_code == 0 ? "Succeeded" : "Failed";
    write_status(run, pod, now);
  }
  agent_.remove(run.uid);
  world_.api.remove(kPods, key, 0);
}

Json Kubelet::status_of(const Run& run, const Json& pod, Time now) {
  Json status = pod.value("status", Json::object());
  run.view.render(status, pod, now, node_address(world_, run.node), agent_.ip(run.uid),
                  world_.profile.minor());
  return status;
}

void Kubelet::write_status(const Run& run, const Json& pod, Time now) {
  const Json status = status_of(run, pod, now);
  if (status != pod.value("status", Json::object()))
    world_.patch_status(kPods, key_of(pod), status);
}

void Kubelet::node_changed(const std::string& node) {
  const bool up = world_.machines.at(node).up;
  for (auto& [key, run] : runs_) {
    if (run.node != node) continue;
    if (!up) {
      agent_.remove(run.uid);  // the containers are gone with their machine
      continue;
    }
    if (run.stage != Run::Stage::kOver) {
      if (run.view.ran()) ++run.view.restarts;
      run.stage = Run::Stage::kBefore;
    }
    agenda_.at(key, {});
  }
}

bool Kubelet::evict(const std::string& ns, const std::string& name, const std::string& message) {
  const auto key = ns + "/" + name;
  const auto found = runs_.find(key);
  const auto pod = world_.api.get(kPods, key);
  if (found == runs_.end() || !pod) return false;
  auto& run = found->second;
  // eviction/eviction_manager.go
  event(*pod, "Warning", "Evicted", message);
  ContainerState state;
  state.phase = Phase::kExited;
  state.exit_code = kSigkill;
  state.finished_at = world_.clock();
  run.view.terminated(state, "");
  run.view.phase = "Failed";
  run.stage = Run::Stage::kOver;
  agent_.remove(run.uid);
  Json status = status_of(run, *pod, world_.clock());
  status["reason"] = "Evicted";
  status["message"] = message;
  return world_.patch_status(kPods, key, status);
}

}  // namespace devcluster
