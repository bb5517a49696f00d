#include "devcluster/kubelet_status.hpp"

#include <algorithm>
#include <iterator>

namespace devcluster {
namespace {

// kuberuntime_container.go: the last 2 kB or 80 lines of the log.
std::string last_words(const std::string& log) {
  constexpr std::size_t kMessageBytes = 2048;
  return log.substr(log.size() - std::min(log.size(), kMessageBytes));
}

}  // namespace

void PodView::waiting(const std::string& reason, const std::string& message) {
  state = {{"waiting", {{"reason", reason}}}};
  if (!message.empty()) state["waiting"]["message"] = message;
  ready = started = false;
}

void PodView::running(Time started_at, const std::string& id) {
  if (state.contains("terminated")) last_state = state;
  state = {{"running", {{"startedAt", rfc3339(started_at)}}}};
  container_id = id;
  phase = "Running";
}

void PodView::terminated(const node::ContainerState& how, const std::string& message) {
  Json end = {{"exitCode", how.exit_code},
              {"reason", how.oom_killed       ? "OOMKilled"
                         : how.exit_code == 0 ? "Completed"
                                              : "Error"},
              {"finishedAt", rfc3339(how.finished_at)},
              {"containerID", container_id}};
  if (how.started_at != Time{}) end["startedAt"] = rfc3339(how.started_at);
  if (!message.empty()) end["message"] = last_words(message);
  state = {{"terminated", std::move(end)}};
  ready = started = false;
}

void PodView::init_failed(const node::ContainerState& how) {
  init_end = {{"exitCode", how.exit_code},
              {"reason", "Error"},
              {"finishedAt", rfc3339(how.finished_at)},
              {"message", last_words(how.error)}};
  waiting("PodInitializing");
}

// One init container is what these Pods have: all share its fate.
Json PodView::init_statuses(const Json& containers, const Json& since) const {
  Json statuses = Json::array();
  for (const auto& container : containers) {
    Json one = {{"name", container.value("name", "")},
                {"image", container.value("image", "")},
                {"imageID", ""},
                {"lastState", Json::object()},
                {"ready", ran()},
                {"restartCount", 0}};
    if (ran()) {
      one["state"] = {{"terminated", {{"exitCode", 0}, {"reason", "Completed"}}}};
    } else if (!init_end.is_null()) {
      one["lastState"] = {{"terminated", init_end}};
      one["state"] = {{"waiting", {{"reason", "CrashLoopBackOff"}}}};
    } else if (state.value("/waiting/reason"_json_pointer, "") == "PodInitializing") {
      one["state"] = {{"running", {{"startedAt", since}}}};
    } else {
      one["state"] = state;  // its image cannot be pulled, say
    }
    statuses.push_back(std::move(one));
  }
  return statuses;
}

void PodView::crash_loop(const std::string& message) {
  last_state = state;
  waiting("CrashLoopBackOff", message);
}

void PodView::render(Json& status, const Json& pod, Time now, const std::string& host_ip,
                     const std::string& pod_ip, int kubernetes_minor) const {
  status["phase"] = phase;
  status.emplace("startTime", rfc3339(now));
  status["hostIP"] = host_ip;
  if (!pod_ip.empty()) {
    status["podIP"] = pod_ip;
    status["podIPs"] = Json::array({{{"ip", pod_ip}}});
  }
  Json containers = Json::array();
  for (const auto& container : pod["spec"]["containers"]) {
    const auto image = container.value("image", "");
    Json one = {
        {"name", container.value("name", "")},
        {"image", image},
        {"imageID", ran() ? image + "@sha256:" + hash_of(image) + hash_of(image + "i") : ""},
        {"state", state},
        {"lastState", last_state},
        {"ready", ready},
        {"started", started},
        {"restartCount", restarts}};
    if (ran()) one["containerID"] = container_id;
    // KEP-1287: what the container has now; a resize is done at once.
    constexpr int kInPlaceResize = 33;
    const auto resources = container.value("resources", Json::object());
    if (ran() && kubernetes_minor >= kInPlaceResize && !resources.empty()) {
      one["resources"] = resources;
      if (resources.contains("requests")) one["allocatedResources"] = resources["requests"];
    }
    containers.push_back(std::move(one));
  }
  status["containerStatuses"] = std::move(containers);

  const auto init_containers = pod["spec"].value("initContainers", Json::array());
  if (!init_containers.empty()) {
    status["initContainerStatuses"] = init_statuses(init_containers, status["startTime"]);
  }

  auto& conditions = status["conditions"];
  const bool over = phase == "Failed" || phase == "Succeeded";
  set_condition(conditions, now, "PodScheduled", "True");
  if (kubernetes_minor >= 29 && !pod_ip.empty()) {
    set_condition(conditions, now, "PodReadyToStartContainers", over ? "False" : "True");
  }
  if (!init_containers.empty() && !ran()) {
    set_condition(conditions, now, "Initialized", "False", "ContainersNotInitialized");
  } else {
    set_condition(conditions, now, "Initialized", "True",
                  over && phase == "Succeeded" ? "PodCompleted" : "");
  }
  const std::string names =
      "containers with unready status: [" + pod["spec"]["containers"][0].value("name", "") + "]";
  const std::string why = phase == "Succeeded" ? "PodCompleted"
                          : phase == "Failed"  ? "PodFailed"
                                               : "ContainersNotReady";
  for (const char* type : {"ContainersReady", "Ready"}) {
    if (ready) {
      set_condition(conditions, now, type, "True");
    } else {
      set_condition(conditions, now, type, "False", why, over ? "" : names);
    }
  }
}

std::string container_id(const std::string& uid, int run) {
  const auto seed = uid + "#" + std::to_string(run);
  return "cri-o://" + hash_of(seed) + hash_of(seed + "c");
}

std::string back_off_text(seconds back_off) {
  const auto minutes = back_off.count() / 60;
  return (minutes > 0 ? std::to_string(minutes) + "m" : "") +
         std::to_string(back_off.count() % 60) + "s";
}

std::string node_address(const World& world, const std::string& node) {
  constexpr int kFirst = 11;
  const auto found = world.machines.find(node);
  return "192.168.130." + std::to_string(kFirst + std::distance(world.machines.begin(), found));
}

}  // namespace devcluster
