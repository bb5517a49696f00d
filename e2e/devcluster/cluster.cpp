#include "devcluster/cluster.hpp"

#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <utility>

#include <boost/algorithm/string/join.hpp>

#include "devcluster/admission.hpp"
#include "devcluster/exec.hpp"
#include "devcluster/furnish.hpp"
#include "devcluster/objects.hpp"
#include "devcluster/paths.hpp"
#include "devcluster/routes.hpp"
#include "devcluster/status.hpp"

namespace devcluster {
namespace {

// Rounds of changes within one tick(): far more than any chain of controllers needs; past it two of
// them undo each other's work.
constexpr int kMaxRounds = 10'000;

Profile profile_of(const ClusterOptions& options) {
  const auto* found = find_profile(options.profile);
  if (found == nullptr) {
    throw std::runtime_error("profile: \"" + options.profile + "\" is not known; choose one of " +
                             boost::algorithm::join(profile_names(), ", "));
  }
  Profile profile = *found;
  if (options.adjust) options.adjust(profile);
  return profile;
}

ApiServerOptions server_options(const ClusterOptions& options, const Profile& profile) {
  ApiServerOptions out;
  out.clock = options.clock;
  out.git_version = profile.kubernetes;
  out.extra_types = extra_types(profile);
  return out;
}

}  // namespace

Cluster::Cluster(const ClusterOptions& options)
    : profile_(profile_of(options)),
      server_(server_options(options, profile_)),
      world_{server_, profile_, options.pace, options.clock},
      agent_(options.agent ? options.agent(world_) : simulated_agent(world_)),
      logs_(world_, *agent_) {
  install_admission(world_);
  logs_.install();
  install_exec(world_, *agent_);
  serve_metrics();
  furnish(world_, options.workers);

  const auto add = [&](auto controller) {
    auto* raw = controller.get();
    if (raw->interests().empty()) interested_in_all_.push_back(raw);
    for (const auto& collection : raw->interests()) interested_[collection].push_back(raw);
    controllers_.push_back(std::move(controller));
    return raw;
  };
  add(std::make_unique<Namespaces>(world_));
  add(std::make_unique<ClaimBinder>(world_));
  if (profile_.is_openshift() && profile_.machine_configs) {
    machine_configs_ = add(std::make_unique<MachineConfigOperator>(
        world_, [this](const std::string& node, bool up) { power(node, up, true); }));
  }
  add(std::make_unique<Scheduler>(world_));
  kubelet_ = add(std::make_unique<Kubelet>(world_, *agent_));
  lifecycle_ = add(std::make_unique<NodeLifecycle>(world_));
  add(std::make_unique<Router>(world_));
  add(std::make_unique<Followers>(world_));
  add(std::make_unique<GarbageCollector>(world_));
  tick();
}

Cluster::~Cluster() = default;

bool Cluster::poll() {
  const auto deltas = server_.take_changes();
  const auto tell = [](Controller& controller, const Delta& delta) {
    try {
      controller.observe(delta);
    } catch (const Json::exception& error) {
      // The real one's decoder would have refused it.
      std::cerr << "devcluster: " << delta.collection << " " << key_of(delta.object)
                << " is passed over: " << error.what() << "\n";
    }
  };
  for (const auto& delta : deltas) {
    for (auto* controller : interested_[delta.collection]) tell(*controller, delta);
    for (auto* controller : interested_in_all_) tell(*controller, delta);
  }
  return !deltas.empty();
}

void Cluster::tick() {
  const std::lock_guard lock(mutex_);
  const auto now = world_.clock();
  for (int round = 0; round < kMaxRounds; ++round) {
    const bool fresh = poll();
    bool due = false;
    for (const auto& controller : controllers_) {
      const auto when = controller->due();
      if (!fresh && !(when && *when <= now)) continue;
      controller->work(now);
      due = true;
    }
    if (!due) {
      logs_.wake();
      return;
    }
  }
  throw std::runtime_error("the stand-in's controllers do not come to rest");
}

std::optional<Time> Cluster::next_due() const {
  const std::lock_guard lock(mutex_);
  std::optional<Time> next;
  for (const auto& controller : controllers_) {
    const auto when = controller->due();
    if (when && (!next || *when < *next)) next = when;
  }
  return next;
}

void Cluster::power(const std::string& node, bool up, bool announced) {
  world_.machines.at(node).up = up;
  if (up) {
    report_boot(world_, node);
    announce_start(world_, node);
  }
  if (announced) {
    set_node_ready(world_, node, up ? "True" : "False");
  } else if (up) {
    lifecycle_->restored(node);
  } else {
    lifecycle_->lost(node);
  }
  kubelet_->node_changed(node);
}

void Cluster::fail_node(const std::string& name) {
  const std::lock_guard lock(mutex_);
  power(name, false, false);
}

void Cluster::restore_node(const std::string& name) {
  const std::lock_guard lock(mutex_);
  power(name, true, false);
}

bool Cluster::evict(const std::string& ns, const std::string& pod, const std::string& message) {
  const std::lock_guard lock(mutex_);
  return kubelet_->evict(ns, pod, message);
}

void Cluster::change_machine(const std::string& node, const std::function<void(Machine&)>& change) {
  const std::lock_guard lock(mutex_);
  change(world_.machines.at(node));
}

void Cluster::change_software(const std::function<void(Profile&)>& change) {
  const std::lock_guard lock(mutex_);
  change(profile_);
  for (const auto& [name, machine] : world_.machines) {
    power(name, false, true);
    power(name, true, true);
  }
}

void Cluster::degrade_pool(const std::string& pool, const std::string& message) {
  const std::lock_guard lock(mutex_);
  if (machine_configs_ != nullptr) machine_configs_->degrade(pool, message);
}

int Cluster::rollouts(const std::string& pool) const {
  const std::lock_guard lock(mutex_);
  return machine_configs_ == nullptr ? 0 : machine_configs_->rollouts(pool);
}

int Cluster::reboots(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  return machine_configs_ == nullptr ? 0 : machine_configs_->reboots(node);
}

int Cluster::cgroups_of(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  return world_.machines.at(node).cgroups;
}

// GET nodes/NAME/proxy/metrics and nodes/NAME/metrics: the one metric that tells the cgroup version
// (kubernetes pkg/kubelet/metrics: kubelet_cgroup_version, since 1.31).
void Cluster::serve_metrics() {
  const auto serve = [this](const Request& request, const std::string&,
                            const std::string& node) -> Answer {
    const auto path = parse_target(request.target).path;
    const bool metrics = path.ends_with("/metrics");
    int cgroups = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto found = world_.machines.find(node);
      if (!metrics || found == world_.machines.end()) throw not_found({"", "nodes", "Node", node});
      if (!found->second.up) {
        throw Refusal(503, "ServiceUnavailable",
                      "error trying to reach service: dial tcp: connect: no route to host");
      }
      cgroups = found->second.cgroups;
    }
    std::string text =
        "# HELP kubelet_running_pods Number of pods that have a running pod sandbox\n"
        "# TYPE kubelet_running_pods gauge\n";
    constexpr int kSince = 31;
    if (profile_.minor() >= kSince) {
      text +=
          "# HELP kubelet_cgroup_version [ALPHA] cgroup version on the hosts.\n"
          "# TYPE kubelet_cgroup_version gauge\nkubelet_cgroup_version " +
          std::to_string(cgroups) + "\n";
    }
    return {{200, {{"content-type", "text/plain; version=0.0.4"}}, std::move(text)}, nullptr};
  };
  server_.add_subresource("nodes/proxy", serve);
  server_.add_subresource("nodes/metrics", serve);
}

}  // namespace devcluster
