#include "devcluster/machine_config.hpp"

#include <algorithm>
#include <utility>

#include "devcluster/objects.hpp"

namespace devcluster {
namespace {

constexpr const char* kConfigs = "/apis/machineconfiguration.openshift.io/v1/machineconfigs";
constexpr const char* kPools = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools";
constexpr const char* kVersion = "machineconfiguration.openshift.io/v1";
constexpr const char* kNodesConfig = "/apis/config.openshift.io/v1/nodes";
constexpr seconds kDrainRetry{5};  // drain.go asks again every few seconds
constexpr const char* kHierarchyV1 = "systemd.unified_cgroup_hierarchy=0";
constexpr const char* kHierarchyV2 = "systemd.unified_cgroup_hierarchy=1";
constexpr const char* kRole = "machineconfiguration.openshift.io/role";
constexpr const char* kCurrent = "machineconfiguration.openshift.io/currentConfig";
constexpr const char* kDesired = "machineconfiguration.openshift.io/desiredConfig";
constexpr const char* kState = "machineconfiguration.openshift.io/state";
constexpr const char* kReason = "machineconfiguration.openshift.io/reason";

bool is_rendered(const Json& config) { return name_of(config).rfind("rendered-", 0) == 0; }

// MergeMachineConfigs: by name; arguments add up, of a file or unit the last wins.
Json merged(const std::vector<Json>& configs) {
  Json arguments = Json::array();
  std::map<std::string, Json> files;
  std::map<std::string, Json> units;
  for (const auto& config : configs) {
    const auto spec = config.value("spec", Json::object());
    for (const auto& argument : spec.value("kernelArguments", Json::array()))
      arguments.push_back(argument);
    for (const auto& file : spec.value("/config/storage/files"_json_pointer, Json::array())) {
      files[file.value("path", "")] = file;
    }
    for (const auto& unit : spec.value("/config/systemd/units"_json_pointer, Json::array())) {
      units[unit.value("name", "")] = unit;
    }
  }
  Json out = {{"kernelArguments", arguments}, {"config", {{"ignition", {{"version", "3.2.0"}}}}}};
  for (auto& [path, file] : files) out["config"]["storage"]["files"].push_back(std::move(file));
  for (auto& [name, unit] : units) out["config"]["systemd"]["units"].push_back(std::move(unit));
  return out;
}

bool has_file(const Json& spec, const std::string& start) {
  const auto files = spec.value("/config/storage/files"_json_pointer, Json::array());
  return std::any_of(files.begin(), files.end(),
                     [&](const Json& file) { return file.value("path", "").rfind(start, 0) == 0; });
}

bool available(const Json& node) {
  return is_ready(node) && !node["spec"].value("unschedulable", false);
}

bool up_to_date(const Json& node, const std::string& target) {
  return annotation(node, kCurrent) == target && annotation(node, kState) == "Done";
}

int max_unavailable(const Json& pool, int nodes) {
  return std::max(1, scaled(pool["spec"].value("maxUnavailable", Json(1)), nodes, false));
}

}  // namespace

MachineConfigOperator::MachineConfigOperator(World& world, Power power)
    : Controller(world, {kConfigs, kPools, kNodes, kNodesConfig, kPods}),
      power_(std::move(power)) {}

void MachineConfigOperator::observe(const Delta& delta) {
  dirty_ = true;
  if (delta.collection == kConfigs)
    configs_changed_ = configs_changed_ || !is_rendered(delta.object);
  const bool new_pool = delta.collection == kPools && delta.kind == Delta::Kind::kAdded;
  if (new_pool || delta.collection == kNodesConfig) configs_changed_ = true;
}

void MachineConfigOperator::wake(Time when) {
  if (!due_ || when < *due_) due_ = when;
}

void MachineConfigOperator::work(Time now) {
  if (!dirty_ && (!due_ || *due_ > now)) return;
  dirty_ = false;
  due_.reset();
  if (std::exchange(configs_changed_, false)) {
    generate_kubelet_config();
    // The first rendering is part of making the cluster; later ones wait for more to come, as the
    // render controller does.
    if (!render_at_) render_at_ = rollouts_.empty() ? now : now + world_.pace.render;
  }
  const bool render_now = render_at_ && *render_at_ <= now;
  if (render_now) render_at_.reset();
  for (const auto& pool : world_.api.list(kPools)) {
    const auto name = name_of(pool);
    if (render_now) render(name, now);
    roll(name, now);
    if (const auto fresh = world_.api.get(kPools, name)) write_status(*fresh, now);
  }
  if (render_at_) wake(*render_at_);
}

void MachineConfigOperator::generate_kubelet_config() {
  if (!world_.profile.cgroup_mode) return;
  const auto config = world_.api.get(kNodesConfig, "cluster");
  const auto mode = config ? config->value("/spec/cgroupMode"_json_pointer, std::string()) : "";
  if (mode.empty() && !world_.profile.cgroup_v1_arguments) return;
  const Json arguments = mode == "v2"
                             ? Json{kHierarchyV2, "cgroup_no_v1=\"all\""}
                             : Json{kHierarchyV1, "systemd.legacy_systemd_cgroup_controller=1"};
  for (const auto& pool : world_.api.list(kPools)) {
    const auto role = name_of(pool);
    const auto name = "97-" + role + "-generated-kubelet";
    const auto now = world_.api.get(kConfigs, name);
    if (now && now->value("/spec/kernelArguments"_json_pointer, Json()) == arguments) continue;
    if (now) {
      world_.patch(kConfigs, name, {{"spec", {{"kernelArguments", arguments}}}});
      continue;
    }
    auto generated = object_of(kVersion, "MachineConfig", name);
    generated["metadata"]["labels"] = {{kRole, role}};
    generated["spec"] = {{"kernelArguments", arguments},
                         {"config", {{"ignition", {{"version", "3.2.0"}}}}}};
    world_.create(kConfigs, generated);
  }
}

void MachineConfigOperator::render(const std::string& name, Time now) {
  const auto pool = world_.api.get(kPools, name);
  if (!pool) return;
  const auto selector =
      Selector::from_label_selector((*pool)["spec"].value("machineConfigSelector", Json::object()));
  std::vector<Json> sources;
  Json references = Json::array();
  for (auto& config : world_.api.list(kConfigs)) {  // by name
    if (is_rendered(config) || !selector.matches(label_pairs(config))) continue;
    references.push_back(
        {{"apiVersion", kVersion}, {"kind", "MachineConfig"}, {"name", name_of(config)}});
    sources.push_back(std::move(config));
  }
  if (sources.empty()) return;
  const auto spec = merged(sources);
  const auto rendered = "rendered-" + name + "-" + hash_of(spec.dump());
  if (!world_.api.get(kConfigs, rendered)) {
    auto config = object_of(kVersion, "MachineConfig", rendered);
    auto owner = reference_to(*pool);
    owner.update({{"controller", true}, {"blockOwnerDeletion", true}});
    config["metadata"]["ownerReferences"] = Json::array({owner});
    config["spec"] = spec;
    world_.create(kConfigs, config);
  }
  const Json target = {{"name", rendered}, {"source", references}};
  const auto before = (*pool)["spec"].value("configuration", Json::object());
  if (before == target) return;
  if (!world_.patch(kPools, name, {{"spec", {{"configuration", target}}}})) {
    configs_changed_ = true;
    return;
  }
  if (!before.contains("name")) {  // the nodes were installed with it
    rollouts_[name] = 0;
    for (const auto& node : nodes_of(name)) {
      if (!annotation(node, kCurrent).empty()) continue;  // comes from another pool
      annotate(node, {{kCurrent, rendered}, {kDesired, rendered}, {kState, "Done"}});
      apply_to_machine(name_of(node), rendered);
    }
  } else if (before["name"] != rendered) {
    ++rollouts_[name];
  }
  wake(now);
}

// pkg/controller/node: a node belongs to the master pool before a custom one, and to a custom one
// before the workers'.
std::vector<Json> MachineConfigOperator::nodes_of(const std::string& name) {
  const auto pools = world_.api.list(kPools);
  std::vector<Json> nodes;
  for (auto& node : world_.api.list(kNodes)) {
    const auto labels = label_pairs(node);
    std::string owner;
    for (const auto& pool : pools) {
      const auto selector =
          Selector::from_label_selector(pool["spec"].value("nodeSelector", Json::object()));
      const bool first = owner.empty() || owner == "worker" || name_of(pool) == "master";
      if (first && selector.matches(labels)) owner = name_of(pool);
    }
    if (owner == name) nodes.push_back(std::move(node));
  }
  return nodes;
}

void MachineConfigOperator::annotate(const Json& node, const Json& annotations, const Json& spec) {
  world_.patch(kNodes, name_of(node),
               {{"metadata", {{"annotations", annotations}}}, {"spec", spec}});
}

void MachineConfigOperator::roll(const std::string& name, Time now) {
  const auto pool = world_.api.get(kPools, name);
  if (!pool) return;
  const auto target = pool->value("/spec/configuration/name"_json_pointer, std::string());
  if (target.empty()) return;
  const auto nodes = nodes_of(name);
  int unavailable = 0;
  for (const auto& node : nodes) {
    const bool under_way = rolling_.count(name_of(node)) > 0;
    if (under_way || !available(node)) ++unavailable;
    if (under_way && go_on(node, now)) return;
  }
  if ((*pool)["spec"].value("paused", false)) return;
  for (const auto& node : nodes) {
    if (unavailable >= max_unavailable(*pool, static_cast<int>(nodes.size()))) return;
    if (rolling_.count(name_of(node)) > 0 || up_to_date(node, target)) continue;
    if (same_content(annotation(node, kCurrent), target)) {
      // update.go: without a difference there is nothing to reboot for.
      annotate(node, {{kCurrent, target}, {kDesired, target}, {kState, "Done"}});
      continue;
    }
    if (const auto failure = degraded_.find(name); failure != degraded_.end()) {
      annotate(node, {{kDesired, target}, {kState, "Degraded"}, {kReason, failure->second}});
      return;
    }
    annotate(node, {{kDesired, target}, {kState, "Working"}, {kReason, ""}},
             {{"unschedulable", true}});
    rolling_[name_of(node)] = {};
    ++unavailable;
    wake(now);
  }
}

// The next step of a node under way; true when that was the last.
bool MachineConfigOperator::go_on(const Json& node, Time now) {
  const auto name = name_of(node);
  auto& rolling = rolling_.at(name);
  if (rolling.step == Rolling::Step::kDrain) {
    if (!drained(name)) {
      wake(now + kDrainRetry);
      return false;
    }
    rolling = {Rolling::Step::kReboot, now + world_.pace.reboot};
    ++reboots_[name];
    power_(name, false);
  } else if (rolling.until <= now) {
    const auto config = annotation(node, kDesired);
    apply_to_machine(name, config);
    power_(name, true);
    annotate(node, {{kCurrent, config}, {kState, "Done"}}, {{"unschedulable", nullptr}});
    rolling_.erase(name);
    dirty_ = true;  // the next one
    return true;
  }
  wake(rolling.until);
  return false;
}

bool MachineConfigOperator::same_content(const std::string& one, const std::string& other) {
  const auto a = world_.api.get(kConfigs, one);
  const auto b = world_.api.get(kConfigs, other);
  return a && b && a->value("spec", Json()) == b->value("spec", Json());
}

// Evicts what is left, the Pods of DaemonSets aside; true when nothing is.
bool MachineConfigOperator::drained(const std::string& node) {
  bool empty = true;
  for (const auto& pod : world_.pods_on(node)) {
    const auto owners = pod["metadata"].value("ownerReferences", Json::array());
    if (std::any_of(owners.begin(), owners.end(),
                    [](const Json& owner) { return owner.value("kind", "") == "DaemonSet"; })) {
      continue;
    }
    empty = false;
    // Refused while a PodDisruptionBudget is in the way: asked again later.
    const auto [ns, name] = split_key(key_of(pod));
    if (!deleting(pod)) {
      world_.create(kPods, object_of("policy/v1", "Eviction", name, ns), "eviction");
    }
  }
  return empty;
}

void MachineConfigOperator::apply_to_machine(const std::string& node, const std::string& config) {
  const auto object = world_.api.get(kConfigs, config);
  auto& machine = world_.machines[node];
  if (!object) return;
  const auto spec = object->value("spec", Json::object());
  machine.cgroups = world_.profile.cgroups;
  for (const auto& argument : spec.value("kernelArguments", Json::array())) {  // the last one holds
    if (argument == kHierarchyV2) machine.cgroups = 2;
    if (argument == kHierarchyV1) machine.cgroups = 1;
  }
  machine.userns_annotation = has_file(spec, "/etc/crio/crio.conf.d/");
  machine.subordinate_ids = has_file(spec, "/etc/subuid") && has_file(spec, "/etc/subgid");
}

void MachineConfigOperator::write_status(const Json& pool, Time now) {
  const auto name = name_of(pool);
  const auto spec_configuration = pool["spec"].value("configuration", Json::object());
  const auto target = spec_configuration.value("name", "");
  Json status = pool.value("status", Json::object());
  const Json before = status;
  int updated = 0;
  int ready = 0;
  int unavailable = 0;
  int degraded = 0;
  std::string why_degraded;
  const auto nodes = nodes_of(name);
  for (const auto& node : nodes) {
    const bool current = up_to_date(node, target);
    updated += current ? 1 : 0;
    ready += current && available(node) ? 1 : 0;
    unavailable += available(node) ? 0 : 1;
    if (annotation(node, kState) == "Degraded") {
      ++degraded;
      why_degraded =
          "Node " + name_of(node) + " is reporting: \"" + annotation(node, kReason) + "\"";
    }
  }
  const int machines = static_cast<int>(nodes.size());
  status["machineCount"] = machines;
  status["updatedMachineCount"] = updated;
  status["readyMachineCount"] = ready;
  status["unavailableMachineCount"] = unavailable;
  status["degradedMachineCount"] = degraded;
  status["observedGeneration"] = pool["metadata"].value("generation", 1);
  const bool all = updated == machines && ready == machines && unavailable == 0;
  if (all) status["configuration"] = spec_configuration;
  const bool paused = pool["spec"].value("paused", false);
  auto& conditions = status["conditions"];
  const auto set = [&](const char* type, bool yes, const std::string& message = "") {
    set_condition(conditions, now, type, yes ? "True" : "False", "", message);
  };
  set("Updated", all, all ? "All nodes are updated with MachineConfig " + target : "");
  set("Updating", !all && !paused,
      all || paused ? "" : "All nodes are updating to MachineConfig " + target);
  set("RenderDegraded", false);
  set("NodeDegraded", degraded > 0, why_degraded);
  set("Degraded", degraded > 0, why_degraded);
  if (status != before) world_.patch_status(kPools, name, status);
}

void MachineConfigOperator::degrade(const std::string& pool, std::string message) {
  if (message.empty()) {
    degraded_.erase(pool);
  } else {
    degraded_[pool] = std::move(message);
  }
  dirty_ = true;
  wake({});
}

}  // namespace devcluster
