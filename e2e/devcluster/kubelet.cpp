#include "devcluster/kubelet.hpp"

#include <algorithm>
#include <vector>

#include "devcluster/kubelet_status.hpp"
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
constexpr int kSigkill = 128 + 9;
constexpr seconds kDefaultGrace{30};

int grace_of(const Json& pod) {
  return pod.at("metadata")
      .value("deletionGracePeriodSeconds",
             pod.at("spec").value("terminationGracePeriodSeconds",
                                  static_cast<int>(kDefaultGrace.count())));
}

bool deleting(const Json& pod) { return pod.at("metadata").contains("deletionTimestamp"); }

std::string phase_of(const Json& pod) {
  return pod.value("/status/phase"_json_pointer, std::string("Pending"));
}

}  // namespace

// Not asked again until something happens to the container.
constexpr Time kSettled = Time::max();

// One probe's course (prober/worker.go).
struct Prober {
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

Kubelet::Kubelet(World& world, NodeAgent& agent) : world_(world), agent_(agent) {}
Kubelet::~Kubelet() = default;

std::vector<std::string> Kubelet::interests() const { return {"/api/v1/pods"}; }

void Kubelet::observe(const Delta& delta) {
  const auto key = key_of(delta.object);
  if (delta.kind != Delta::Kind::kDeleted) {
    if (delta.object["spec"].contains("nodeName") || deleting(delta.object)) agenda_.at(key, {});
    return;
  }
  agenda_.drop(key);
  world_.recorder->forget(delta.object["metadata"].value("uid", ""));
  const auto run = runs_.find(key);
  if (run == runs_.end()) return;
  agent_.remove(run->second.uid);  // removed by force: the containers go too
  runs_.erase(run);
}

void Kubelet::work(Time now) {
  while (const auto key = agenda_.take_due(now)) sync(*key, now);
}

std::optional<Time> Kubelet::due() const { return agenda_.next(); }

void Kubelet::event(const Json& pod, const char* type, const char* reason,
                    const std::string& message) {
  world_.recorder->event(pod, type, reason, message, "kubelet", pod["spec"].value("nodeName", ""));
}

void Kubelet::sync(const std::string& key, Time now) {
  const auto id = split_key(key);
  const std::string& ns = id.first;
  const std::string& name = id.second;
  const auto pod = world_.api.get(pods_path(ns), name);
  if (!pod) return;
  const auto node = (*pod)["spec"].value("nodeName", "");
  if (node.empty()) {
    if (deleting(*pod)) world_.api.remove(pods_path(ns), name, 0);
    return;
  }
  auto& run = runs_[key];
  const auto uid = (*pod)["metadata"].value("uid", "");
  if (run.uid != uid) {  // another Pod of that name
    if (!run.uid.empty()) agent_.remove(run.uid);
    run = {};
    run.uid = uid;
    run.node = node;
  }
  const auto machine = world_.machines.find(node);
  if (machine == world_.machines.end() || !machine->second.up) return;
  const bool terminal = phase_of(*pod) == "Failed" || phase_of(*pod) == "Succeeded";
  if (terminal) run.stage = Run::Stage::kOver;
  if (deleting(*pod)) {
    terminate(run, *pod, now);
  } else if (run.stage == Run::Stage::kBefore) {
    begin(run, *pod, now);
  } else if (run.stage != Run::Stage::kOver) {
    follow(run, *pod, now);
  }
}

void Kubelet::begin(Run& run, const Json& pod, Time now) {
  const auto& container = pod["spec"]["containers"][0];
  run.startup.configure(container, "startupProbe");
  run.readiness.configure(container, "readinessProbe");
  run.liveness.configure(container, "livenessProbe");
  run.announced = run.killing = false;
  run.resources = container.value("resources", Json::object());
  if (create(run, pod, now)) follow(run, pod, now);
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
  run.stage = Run::Stage::kBackingOff;
  run.again = now + kRetry;
  agenda_.by(key_of(pod), run.again);
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
  const Json resources = pod["spec"]["containers"][0].value("resources", Json::object());
  if (resources == run.resources) return;
  run.resources = resources;
  if (!agent_.resize(run.uid, resources)) {
    event(pod, "Warning", "ResizeError", "the container cannot have " + resources.dump());
  }
}

void Kubelet::started(Run& run, const Json& pod, const ContainerState& state) {
  const auto image = pod["spec"]["containers"][0].value("image", "");
  const auto name = pod["spec"]["containers"][0].value("name", "");
  event(pod, "Normal", "Pulled", "Container image \"" + image + "\" already present on machine");
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
  const auto image = pod["spec"]["containers"][0].value("image", "");
  run.view.started = run.view.ready = false;
  run.stage = Run::Stage::kBackingOff;
  run.again = now + kRetry;
  const auto back_off = [&] {
    run.back_off = std::clamp(run.back_off * 2, kFirstBackOff, kMaxBackOff);
    run.again = now + run.back_off;
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
    event(pod, "Normal", "Pulling", "Pulling image \"" + image + "\"");
    event(pod, "Warning", "Failed", "Failed to pull image \"" + image + "\": " + state.error);
    event(pod, "Warning", "Failed", "Error: ErrImagePull");
    event(pod, "Normal", "BackOff", "Back-off pulling image \"" + image + "\"");
    back_off();
    run.view.waiting("ImagePullBackOff",
                     "Back-off pulling image \"" + image + "\": ErrImagePull: " + state.error);
  } else {
    event(pod, "Warning", "Failed", "Error: " + state.error);
    run.view.waiting(state.error_reason, state.error);
  }
  agenda_.by(key_of(pod), run.again);
}

void Kubelet::exited(Run& run, const Json& pod, const ContainerState& state, Time now) {
  if (!run.announced) started(run, pod, state);  // it ended before anyone looked
  const auto name = pod["spec"]["containers"][0].value("name", "");
  const auto policy = pod["spec"].value("restartPolicy", "Always");
  const auto log = agent_.log(run.uid, false);
  const bool from_log = pod["spec"]["containers"][0].value("terminationMessagePolicy", "") ==
                            "FallbackToLogsOnError" &&
                        state.exit_code != 0;
  run.view.terminated(state, from_log ? log : "");
  run.announced = run.killing = false;
  if (policy == "Never" || (policy == "OnFailure" && state.exit_code == 0)) {
    run.stage = Run::Stage::kOver;
    run.view.phase = state.exit_code == 0 ? "Succeeded" : "Failed";
    return;
  }
  if (state.finished_at - state.started_at >= kForgivenAfter) run.back_off = seconds(0);
  run.stage = Run::Stage::kBackingOff;
  if (run.back_off.count() == 0) {
    run.again = std::max(now, state.finished_at + world_.pace.restart);
  } else {
    run.again = state.finished_at + run.back_off;
    const auto uid = run.uid;
    const auto of = name + " in pod " + pod["metadata"].value("name", "") + "_" +
                    pod["metadata"].value("namespace", "") + "(" + uid + ")";
    event(pod, "Warning", "BackOff", "Back-off restarting failed container " + of);
    run.view.crash_loop("back-off " + back_off_text(run.back_off) +
                        " restarting failed container=" + name +
                        " pod=" + pod["metadata"].value("name", "") + "_" +
                        pod["metadata"].value("namespace", "") + "(" + uid + ")");
  }
  run.back_off =
      run.back_off.count() == 0 ? kFirstBackOff : std::min(run.back_off * 2, kMaxBackOff);
  agenda_.by(key_of(pod), run.again);
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

void Kubelet::run_probes(Run& run, const Json& pod, Time now) {
  const auto key = key_of(pod);
  if (run.killing) return;
  // Tries one probe when it is due; returns true when its result has just become definite.
  const auto attempt_probe = [&](Prober& prober, const char* words, bool* passed) {
    if (!prober.configured || prober.next == kSettled) return false;
    if (now < prober.next) {
      agenda_.by(key, prober.next);
      return false;
    }
    const auto result = agent_.probe(run.uid, prober.spec);
    prober.next = now + prober.period();
    const int enough = result.success ? prober.spec.value("successThreshold", 1)
                                      : prober.spec.value("failureThreshold", 3);
    int& count = result.success ? prober.successes : prober.failures;
    (result.success ? prober.failures : prober.successes) = 0;
    ++count;
    if (!result.success) {
      event(pod, "Warning", "Unhealthy", std::string(words) + " probe failed: " + result.output);
    }
    *passed = result.success;
    const bool definite = count >= enough;
    // Asking again what cannot have changed would only cost time.
    const bool settled = definite && result.success && !agent_.next_change(run.uid);
    if (settled) {
      prober.next = kSettled;
    } else {
      agenda_.by(key, prober.next);
    }
    return definite;
  };
  const auto kill = [&](const std::string& words) {
    run.killing = true;
    event(pod, "Normal", "Killing",
          "Container " + pod["spec"]["containers"][0].value("name", "") + " failed " + words +
              " probe, will be restarted");
    agent_.stop(run.uid, seconds(pod["spec"].value("terminationGracePeriodSeconds",
                                                   static_cast<int>(kDefaultGrace.count()))));
  };
  bool passed = false;
  if (!run.view.started) {
    if (attempt_probe(run.startup, "Startup", &passed)) {
      if (!passed) return kill("startup");
      run.view.started = true;
      run.view.ready = !run.readiness.configured;
      run.readiness.begin(now);
      run.liveness.begin(now);
    }
    if (!run.view.started) return;
  }
  if (attempt_probe(run.readiness, "Readiness", &passed)) run.view.ready = passed;
  if (attempt_probe(run.liveness, "Liveness", &passed) && !passed) kill("liveness");
}

void Kubelet::terminate(Run& run, const Json& pod, Time now) {
  const auto key = key_of(pod);
  auto state = agent_.state(run.uid);
  const bool alive = state && state->phase == Phase::kRunning;
  if (alive && run.stage != Run::Stage::kStopping) {
    run.stage = Run::Stage::kStopping;
    event(pod, "Normal", "Killing",
          "Stopping container " + pod["spec"]["containers"][0].value("name", ""));
    agent_.stop(run.uid, seconds(grace_of(pod)));
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
  const auto id = split_key(key);
  const std::string& ns = id.first;
  const std::string& name = id.second;
  world_.api.remove(pods_path(ns), name, 0);
}

void Kubelet::write_status(Run& run, const Json& pod, Time now) {
  const auto machine_ip = node_address(world_, run.node);
  Json status = pod.value("status", Json::object());
  const Json before = status;
  run.view.render(status, pod, now, machine_ip, agent_.ip(run.uid), world_.profile.minor());
  if (status == before) return;
  const auto id = split_key(key_of(pod));
  const std::string& ns = id.first;
  const std::string& name = id.second;
  attempt([&] { world_.api.merge_patch(pods_path(ns), name, {{"status", status}}, "status"); });
}

void Kubelet::node_changed(const std::string& node) {
  const bool up = world_.machines.at(node).up;
  for (auto& [key, run] : runs_) {
    if (run.node != node) continue;
    if (!up) {
      agent_.remove(run.uid);  // the containers are gone with their machine
    } else if (run.stage != Run::Stage::kOver) {
      if (run.view.ran()) ++run.view.restarts;
      run.stage = Run::Stage::kBefore;
      agenda_.at(key, {});
    } else {
      agenda_.at(key, {});
    }
  }
}

bool Kubelet::evict(const std::string& ns, const std::string& name, const std::string& message) {
  const auto run = runs_.find(ns + "/" + name);
  const auto pod = world_.api.get(pods_path(ns), name);
  if (run == runs_.end() || !pod) return false;
  // eviction/eviction_manager.go
  event(*pod, "Warning", "Evicted", message);
  ContainerState state;
  state.phase = Phase::kExited;
  state.exit_code = kSigkill;
  state.finished_at = world_.clock();
  run->second.view.terminated(state, "");
  run->second.view.phase = "Failed";
  run->second.stage = Run::Stage::kOver;
  agent_.remove(run->second.uid);
  Json status = pod->value("status", Json::object());
  run->second.view.render(status, *pod, world_.clock(), node_address(world_, run->second.node), "",
                          world_.profile.minor());
  status["reason"] = "Evicted";
  status["message"] = message;
  return attempt([&] {
    world_.api.merge_patch(pods_path(ns), name, {{"status", status}}, "status");
  });
}

}  // namespace devcluster
