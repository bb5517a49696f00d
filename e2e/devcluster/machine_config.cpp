#include "devcluster/machine_config.hpp"

#include <algorithm>
#include <utility>

#include "devcluster/conditions.hpp"
#include "devcluster/selectors.hpp"

namespace devcluster {
namespace {

constexpr const char* kConfigs = "/apis/machineconfiguration.openshift.io/v1/machineconfigs";
constexpr const char* kPools = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools";
constexpr const char* kNodes = "/api/v1/nodes";
constexpr const char* kNodesConfig = "/apis/config.openshift.io/v1/nodes";
constexpr seconds kDrainRetry{5};  // drain.go asks again every few seconds
constexpr const char* kHierarchyV1 = "systemd.unified_cgroup_hierarchy=0";
constexpr const char* kHierarchyV2 = "systemd.unified_cgroup_hierarchy=1";
constexpr const char* kRole = "machineconfiguration.openshift.io/role";
constexpr const char* kCurrent = "machineconfiguration.openshift.io/currentConfig";
constexpr const char* kDesired = "machineconfiguration.openshift.io/desiredConfig";
constexpr const char* kState = "machineconfiguration.openshift.io/state";
constexpr const char* kReason = "machineconfiguration.openshift.io/reason";

Pairs labels_of(const Json& object) {
  Pairs pairs;
  const Json labels = object["metadata"].value("labels", Json::object());
  for (const auto& [key, value] : labels.items()) {
    pairs.emplace_back(key, value.get<std::string>());
  }
  return pairs;
}

std::string annotation(const Json& object, const std::string& key) {
  return object["metadata"].value("annotations", Json::object()).value(key, "");
}

bool is_rendered(const Json& config) {
  return config["metadata"].value("name", "").rfind("rendered-", 0) == 0;
}

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

// An integer or a percentage of the nodes; at least one.
std::size_t max_unavailable(const Json& pool, std::size_t nodes) {
  const auto value = pool["spec"].value("maxUnavailable", Json(1));
  std::size_t count = 1;
  if (value.is_number_integer()) count = std::max(1, value.get<int>());
  if (value.is_string()) {
    const auto number = static_cast<std::size_t>(
        std::max(0L, std::strtol(value.get_ref<const std::string&>().c_str(), nullptr, 10)));
    count = value.get_ref<const std::string&>().back() == '%' ? nodes * number / 100 : number;
  }
  return std::max<std::size_t>(1, count);
}

}  // namespace

MachineConfigOperator::MachineConfigOperator(World& world, Machines machines)
    : world_(world), machines_(std::move(machines)) {}

std::vector<std::string> MachineConfigOperator::interests() const {
  return {kConfigs, kPools, kNodes, kNodesConfig, "/api/v1/pods"};
}

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
    const std::string name = pool["metadata"]["name"];
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
    const std::string role = pool["metadata"]["name"];
    const auto name = "97-" + role + "-generated-kubelet";
    const auto now = world_.api.get(kConfigs, name);
    if (now && now->value("/spec/kernelArguments"_json_pointer, Json()) == arguments) continue;
    attempt([&] {
      if (now) {
        world_.api.merge_patch(kConfigs, name, {{"spec", {{"kernelArguments", arguments}}}});
      } else {
        world_.api.create(kConfigs, {{"apiVersion", "machineconfiguration.openshift.io/v1"},
                                     {"kind", "MachineConfig"},
                                     {"metadata", {{"name", name}, {"labels", {{kRole, role}}}}},
                                     {"spec",
                                      {{"kernelArguments", arguments},
                                       {"config", {{"ignition", {{"version", "3.2.0"}}}}}}}});
      }
    });
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
    if (is_rendered(config) || !selector.matches(labels_of(config))) continue;
    references.push_back({{"apiVersion", "machineconfiguration.openshift.io/v1"},
                          {"kind", "MachineConfig"},
                          {"name", config["metadata"]["name"]}});
    sources.push_back(std::move(config));
  }
  if (sources.empty()) return;
  const auto spec = merged(sources);
  const auto rendered = "rendered-" + name + "-" + hash_of(spec.dump());
  if (!world_.api.get(kConfigs, rendered)) {
    attempt([&] {
      world_.api.create(kConfigs,
                        {{"apiVersion", "machineconfiguration.openshift.io/v1"},
                         {"kind", "MachineConfig"},
                         {"metadata",
                          {{"name", rendered},
                           {"ownerReferences",
                            Json::array({{{"apiVersion", "machineconfiguration.openshift.io/v1"},
                                          {"kind", "MachineConfigPool"},
                                          {"name", name},
                                          {"uid", (*pool)["metadata"]["uid"]},
                                          {"controller", true},
                                          {"blockOwnerDeletion", true}}})}}},
                         {"spec", spec}});
    });
  }
  const Json target = {{"name", rendered}, {"source", references}};
  const auto before = (*pool)["spec"].value("configuration", Json::object());
  if (before == target) return;
  if (!attempt([&] {
        world_.api.merge_patch(kPools, name, {{"spec", {{"configuration", target}}}});
      })) {
    configs_changed_ = true;
    return;
  }
  if (!before.contains("name")) {  // the nodes were installed with it
    rollouts_[name] = 0;
    for (const auto& node : nodes_of(name)) {
      const std::string node_name = node["metadata"]["name"];
      if (!annotation(node, kCurrent).empty()) continue;  // comes from another pool
      world_.api.merge_patch(
          kNodes, node_name,
          {{"metadata",
            {{"annotations", {{kCurrent, rendered}, {kDesired, rendered}, {kState, "Done"}}}}}});
      apply_to_machine(node_name, rendered);
    }
  } else if (before["name"] != rendered) {
    ++rollouts_[name];
  }
  wake(now);
}

std::vector<Json> MachineConfigOperator::nodes_of(const std::string& name) {
  // pkg/controller/node: a custom pool's nodes are also workers, and belong to the custom pool.
  std::vector<std::pair<std::string, Selector>> custom;
  std::optional<Selector> own;
  for (const auto& pool : world_.api.list(kPools)) {
    auto selector =
        Selector::from_label_selector(pool["spec"].value("nodeSelector", Json::object()));
    const std::string pool_name = pool["metadata"]["name"];
    if (pool_name == name) {
      own = selector;
    } else if (name == "worker" && pool_name != "master") {
      custom.emplace_back(pool_name, std::move(selector));
    }
  }
  std::vector<Json> nodes;
  if (!own) return nodes;
  const auto master = Selector::labels("node-role.kubernetes.io/master");
  for (auto& node : world_.api.list(kNodes)) {
    const auto labels = labels_of(node);
    const bool taken = std::any_of(custom.begin(), custom.end(),
                                   [&](const auto& other) { return other.second.matches(labels); });
    if (!own->matches(labels) || taken || (name != "master" && master.matches(labels))) continue;
    nodes.push_back(std::move(node));
  }
  return nodes;
}

void MachineConfigOperator::roll(const std::string& name, Time now) {
  const auto pool = world_.api.get(kPools, name);
  if (!pool) return;
  const auto target = pool->value("/spec/configuration/name"_json_pointer, std::string());
  if (target.empty()) return;
  const auto nodes = nodes_of(name);
  std::size_t unavailable = 0;
  for (const auto& node : nodes) {
    const std::string node_name = node["metadata"]["name"];
    const auto under_way = rolling_.find(node_name);
    if (under_way == rolling_.end()) {
      if (!available(node)) ++unavailable;
      continue;
    }
    ++unavailable;
    if (under_way->second.step == Rolling::Step::kDrain) {
      if (!drained(node_name)) {
        wake(now + kDrainRetry);
        continue;
      }
      under_way->second = {Rolling::Step::kReboot, now + world_.pace.reboot};
      ++reboots_[node_name];
      machines_.power(node_name, false);
      wake(under_way->second.until);
    } else if (under_way->second.until > now) {
      wake(under_way->second.until);
    } else {
      const auto config = annotation(node, kDesired);
      apply_to_machine(node_name, config);
      machines_.power(node_name, true);
      world_.api.merge_patch(
          kNodes, node_name,
          {{"metadata", {{"annotations", {{kCurrent, config}, {kState, "Done"}}}}},
           {"spec", {{"unschedulable", nullptr}}}});
      rolling_.erase(under_way);
      dirty_ = true;  // the next one
      return;
    }
  }
  if ((*pool)["spec"].value("paused", false)) return;
  for (const auto& node : nodes) {
    if (unavailable >= max_unavailable(*pool, nodes.size())) return;
    const std::string node_name = node["metadata"]["name"];
    if (rolling_.count(node_name) > 0 || up_to_date(node, target)) continue;
    if (same_content(annotation(node, kCurrent), target)) {
      // update.go: without a difference there is nothing to reboot for.
      world_.api.merge_patch(
          kNodes, node_name,
          {{"metadata",
            {{"annotations", {{kCurrent, target}, {kDesired, target}, {kState, "Done"}}}}}});
      continue;
    }
    const auto failure = degraded_.find(name);
    if (failure != degraded_.end()) {
      world_.api.merge_patch(
          kNodes, node_name,
          {{"metadata",
            {{"annotations",
              {{kDesired, target}, {kState, "Degraded"}, {kReason, failure->second}}}}}});
      return;
    }
    world_.api.merge_patch(
        kNodes, node_name,
        {{"metadata", {{"annotations", {{kDesired, target}, {kState, "Working"}, {kReason, ""}}}}},
         {"spec", {{"unschedulable", true}}}});
    rolling_[node_name] = {};
    ++unavailable;
    wake(now);
  }
}

bool MachineConfigOperator::same_content(const std::string& one, const std::string& other) {
  const auto a = world_.api.get(kConfigs, one);
  const auto b = world_.api.get(kConfigs, other);
  return a && b && a->value("spec", Json()) == b->value("spec", Json());
}

// Evicts what is left; true when nothing is.
bool MachineConfigOperator::drained(const std::string& node) {
  const auto pods = machines_.pods(node);
  for (const auto& key : pods) {
    const auto id = split_key(key);
    const std::string& ns = id.first;
    const std::string& name = id.second;
    const auto pod = world_.api.get(pods_path(ns), name);
    if (!pod || (*pod)["metadata"].contains("deletionTimestamp")) continue;
    // Refused while a PodDisruptionBudget is in the way: asked again later.
    attempt([&] {
      world_.api.create(pods_path(ns) + "/" + name + "/eviction",
                        {{"apiVersion", "policy/v1"},
                         {"kind", "Eviction"},
                         {"metadata", {{"name", name}, {"namespace", ns}}}});
    });
  }
  return pods.empty();
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
  const std::string name = pool["metadata"]["name"];
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
      why_degraded = "Node " + node["metadata"].value("name", "") + " is reporting: \"" +
                     annotation(node, kReason) + "\"";
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
  if (status == before) return;
  attempt([&] { world_.api.merge_patch(kPools, name, {{"status", status}}, "status"); });
}

int MachineConfigOperator::rollouts(const std::string& pool) const {
  const auto found = rollouts_.find(pool);
  return found == rollouts_.end() ? 0 : found->second;
}

int MachineConfigOperator::reboots(const std::string& node) const {
  const auto found = reboots_.find(node);
  return found == reboots_.end() ? 0 : found->second;
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
