// Pod status as the kubelet writes it: container states, phase and conditions.
// Source: kubernetes pkg/kubelet/kubelet_pods.go (getPhase, convertStatusToAPIStatus),
// status/generate.go.
#pragma once

#include <string>

#include "devcluster/controller.hpp"
#include "node/pod_runtime.hpp"

namespace devcluster {

// What the kubelet knows of a Pod's container, and has to say of it.
struct PodView {
  Json state = {{"waiting", {{"reason", "ContainerCreating"}}}};
  Json last_state = Json::object();
  std::string container_id;
  std::string phase = "Pending";
  int restarts = 0;
  bool started = false, ready = false;
  Json init_end;  // how the last try of an init container failed: its "terminated"

  bool ran() const { return !container_id.empty(); }
  void waiting(const std::string& reason, const std::string& message = "");
  void running(Time started_at, const std::string& id);
  // `message`: the end of it is kept.
  void terminated(const node::ContainerState& how, const std::string& message);
  void init_failed(const node::ContainerState& how);  // how.error: its output
  // After terminated(): the end becomes the last state, and it waits.
  void crash_loop(const std::string& message);

  void render(Json& status, const Json& pod, Time now, const std::string& host_ip,
              const std::string& pod_ip, int kubernetes_minor) const;

 private:
  Json init_statuses(const Json& containers, const Json& since) const;
};

std::string container_id(const std::string& uid, int run);
std::string back_off_text(seconds back_off);  // "10s", "2m40s", as Go prints it
std::string node_address(const World& world, const std::string& node);

}  // namespace devcluster
