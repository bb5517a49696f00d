#include "devcluster/scheduler.hpp"

#include <algorithm>

#include "devcluster/quantity.hpp"
#include "devcluster/selectors.hpp"

namespace devcluster {
namespace {

constexpr const char* kNodes = "/api/v1/nodes";
constexpr const char* kStorageClasses = "/apis/storage.k8s.io/v1/storageclasses";
constexpr seconds kDefaultToleration{300};

Pairs pairs_of(const Json& labels) {
  Pairs pairs;
  for (const auto& [key, value] : labels.items()) pairs.emplace_back(key, value.get<std::string>());
  return pairs;  // a JSON object is sorted by key
}

bool tolerates(const Json& pod, const Json& taint) {
  for (const auto& t : pod["spec"].value("tolerations", Json::array())) {
    const auto key = t.value("key", "");
    const auto effect = t.value("effect", "");
    if (!effect.empty() && effect != taint.value("effect", "")) continue;
    if (key.empty() && t.value("operator", "") == "Exists") return true;
    if (key != taint.value("key", "")) continue;
    if (t.value("operator", "Equal") == "Exists" ||
        t.value("value", "") == taint.value("value", ""))
      return true;
  }
  return false;
}

// Why the Pod cannot go there, in the scheduler's words; "" when it can.
std::string unfit(const Json& pod, const Json& node) {
  const auto spec = node.value("spec", Json::object());
  const auto labels = pairs_of(node["metadata"].value("labels", Json::object()));
  const Json selector = pod["spec"].value("nodeSelector", Json::object());
  for (const auto& [key, value] : selector.items()) {
    const auto* found = find_pair(labels, key);
    if (found == nullptr || *found != value.get<std::string>()) {
      return "node(s) didn't match Pod's node affinity/selector";
    }
  }
  const auto terms = pod["spec"].value(
      "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms"_json_pointer,
      Json::array());
  const bool any = std::any_of(terms.begin(), terms.end(), [&](const Json& term) {
    return Selector::from_label_selector(term).matches(
        labels);  // matchExpressions have the same form
  });
  if (!terms.empty() && !any) return "node(s) didn't match Pod's node affinity/selector";
  if (spec.value("unschedulable", false)) return "node(s) were unschedulable";
  for (const auto& taint : spec.value("taints", Json::array())) {
    if (taint.value("effect", "") == "PreferNoSchedule" || tolerates(pod, taint)) continue;
    const auto value = taint.value("value", "");
    return "node(s) had untolerated taint {" + taint.value("key", "") + ": " + value + "}";
  }
  return "";
}

}  // namespace

std::vector<std::string> Scheduler::interests() const {
  return {kNodes, "/api/v1/pods", "/api/v1/persistentvolumeclaims"};
}

void Scheduler::observe(const Delta& delta) {
  const auto key = key_of(delta.object);
  if (delta.collection != "/api/v1/pods") {
    if (delta.collection == kNodes) {
      if (delta.kind == Delta::Kind::kDeleted) {
        nodes_.erase(key);
      } else {
        const Json labels = delta.object["metadata"].value("labels", Json::object());
        nodes_[key] = {{"metadata", {{"labels", labels}}},
                       {"spec", delta.object.value("spec", Json::object())},
                       {"allocatable",
                        delta.object.value("/status/allocatable"_json_pointer, Json::object())}};
      }
    }
    pending_.merge(unschedulable_);
    unschedulable_.clear();
    return;
  }
  const auto placed = placed_.find(key);
  const auto forget = [&] {
    if (placed == placed_.end()) return;
    auto& load = load_[placed->second.node];
    --load.pods;
    load.requests.cpu -= placed->second.requests.cpu;
    load.requests.memory -= placed->second.requests.memory;
    placed_.erase(placed);
  };
  if (delta.kind == Delta::Kind::kDeleted) {
    forget();
    pending_.erase(key);
    unschedulable_.erase(key);
    pending_.merge(unschedulable_);  // there may be room now
    unschedulable_.clear();
    return;
  }
  const auto node = delta.object["spec"].value("nodeName", "");
  if (node.empty()) {
    forget();
    unschedulable_.erase(key);  // it may ask for less now
    pending_.insert(key);
  } else if (placed == placed_.end()) {
    place(key, node, requests_of(delta.object));
  }
}

Scheduler::Resources Scheduler::resources_of(const Json& amounts) {
  return {milli_of(amounts.value("cpu", "")), milli_of(amounts.value("memory", ""))};
}

// A limit without a request is a request as well (SetDefaults_Pod).
Scheduler::Resources Scheduler::requests_of(const Json& pod) {
  Resources sum;
  for (const auto& container : pod.at("spec").at("containers")) {
    const Json resources = container.value("resources", Json::object());
    Json amounts = resources.value("limits", Json::object());
    amounts.update(resources.value("requests", Json::object()));
    const auto one = resources_of(amounts);
    sum.cpu += one.cpu;
    sum.memory += one.memory;
  }
  return sum;
}

void Scheduler::place(const std::string& key, const std::string& node, const Resources& requests) {
  placed_[key] = {node, requests};
  auto& load = load_[node];
  ++load.pods;
  load.requests.cpu += requests.cpu;
  load.requests.memory += requests.memory;
}

std::string Scheduler::lacks(const std::string& node, const Resources& requests) const {
  const auto known = nodes_.find("/" + node);
  const auto has = known == nodes_.end() ? Resources{} : resources_of(known->second["allocatable"]);
  const auto taken = load_.find(node);
  const auto used = taken == load_.end() ? Resources{} : taken->second.requests;
  if (requests.cpu > 0 && used.cpu + requests.cpu > has.cpu) return "Insufficient cpu";
  if (requests.memory > 0 && used.memory + requests.memory > has.memory)
    return "Insufficient memory";
  return "";
}

void Scheduler::work(Time now) {
  for (const auto& key : std::exchange(pending_, {})) schedule(key, now);
}

void Scheduler::schedule(const std::string& key, Time now) {
  const auto id = split_key(key);
  const std::string& ns = id.first;
  const std::string& name = id.second;
  const auto pod = world_.api.get(pods_path(ns), name);
  if (!pod || (*pod)["spec"].contains("nodeName") ||
      (*pod)["metadata"].contains("deletionTimestamp"))
    return;
  const auto requests = requests_of(*pod);
  std::map<std::string, int> why_not;
  std::string best;
  for (const auto& volume : (*pod)["spec"].value("volumes", Json::array())) {
    const auto claim = volume.value("/persistentVolumeClaim/claimName"_json_pointer, std::string());
    if (claim.empty()) continue;
    const auto object =
        world_.api.get("/api/v1/namespaces/" + ns + "/persistentvolumeclaims", claim);
    if (!object) {
      why_not["persistentvolumeclaim \"" + claim + "\" not found"] = 0;
    } else if (object->value("/status/phase"_json_pointer, std::string()) != "Bound") {
      why_not["pod has unbound immediate PersistentVolumeClaims"] = 0;
    }
  }
  if (why_not.empty()) {
    for (const auto& [node_key, node] : nodes_) {
      const auto node_name = split_key(node_key).second;
      auto why = unfit(*pod, node);
      if (why.empty()) why = lacks(node_name, requests);
      if (!why.empty()) {
        ++why_not[why];
      } else if (best.empty() || load_[node_name].pods < load_[best].pods) {
        best = node_name;
      }
    }
  }
  if (!best.empty()) {
    const Json binding = {{"apiVersion", "v1"},
                          {"kind", "Binding"},
                          {"metadata", {{"name", name}, {"namespace", ns}}},
                          {"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", best}}}};
    if (!attempt([&] { world_.api.create(pods_path(ns) + "/" + name + "/binding", binding); }))
      return;
    place(key, best, requests);
    world_.recorder->event(*pod, "Normal", "Scheduled",
                           "Successfully assigned " + ns + "/" + name + " to " + best,
                           "default-scheduler");
    return;
  }
  std::string message = "0/" + std::to_string(nodes_.size()) + " nodes are available: ";
  bool first = true;
  for (const auto& [why, count] : why_not) {
    message +=
        (first ? "" : ", ") + (count > 0 ? std::to_string(count) + " " : std::string()) + why;
    first = false;
  }
  message += ".";
  unschedulable_.insert(key);
  Json status = pod->value("status", Json::object());
  if (!set_condition(status["conditions"], now, "PodScheduled", "False", "Unschedulable", message))
    return;
  world_.recorder->event(*pod, "Warning", "FailedScheduling", message, "default-scheduler");
  attempt([&] {
    world_.api.merge_patch(pods_path(ns), name,
                           {{"status", {{"conditions", status["conditions"]}}}}, "status");
  });
}

std::vector<std::string> ClaimBinder::interests() const {
  return {"/api/v1/persistentvolumeclaims", kStorageClasses};
}

void ClaimBinder::observe(const Delta& delta) {
  if (delta.kind == Delta::Kind::kDeleted) return;
  if (delta.collection == kStorageClasses) {
    changed_.merge(without_class_);
    without_class_.clear();
  } else {
    changed_.insert(key_of(delta.object));
  }
}

void ClaimBinder::work(Time /*now*/) {
  for (const auto& key : std::exchange(changed_, {})) {
    const auto id = split_key(key);
    const std::string& ns = id.first;
    const std::string& name = id.second;
    const auto path = "/api/v1/namespaces/" + ns + "/persistentvolumeclaims";
    const auto claim = world_.api.get(path, name);
    if (!claim) continue;
    const auto& spec = claim->at("spec");
    if (!spec.contains("storageClassName")) {
      attempt([&] {
        world_.api.merge_patch(path, name, {{"spec", {{"storageClassName", "standard"}}}});
      });
      continue;  // DefaultStorageClass; comes back as a change
    }
    if (!world_.api.get(kStorageClasses, spec["storageClassName"])) {
      without_class_.insert(key);
      continue;
    }
    if (!spec.contains("volumeName")) {
      const auto volume = "pvc-" + (*claim)["metadata"].value("uid", "");
      attempt([&] { world_.api.merge_patch(path, name, {{"spec", {{"volumeName", volume}}}}); });
      continue;
    }
    const Json capacity = spec.value("/resources/requests"_json_pointer, Json::object());
    const auto status = claim->value("status", Json::object());
    if (status.value("phase", "") == "Bound" && status.value("capacity", Json()) == capacity)
      continue;
    const Json bound = {{"phase", "Bound"},
                        {"accessModes", spec.value("accessModes", Json::array())},
                        {"capacity", capacity}};
    attempt([&] { world_.api.merge_patch(path, name, {{"status", bound}}, "status"); });
  }
}

void NodeLifecycle::observe(const Delta& delta) {
  const auto key = key_of(delta.object);
  const auto known = node_of_.find(key);
  if (delta.kind == Delta::Kind::kDeleted) {
    if (known == node_of_.end()) return;
    pods_[known->second].erase(key);
    node_of_.erase(known);
    evictions_.drop(key);
  } else if (known == node_of_.end() && delta.object["spec"].contains("nodeName")) {
    const std::string node = delta.object["spec"]["nodeName"];
    node_of_[key] = node;
    pods_[node].insert(key);
  }
}

void NodeLifecycle::work(Time now) {
  while (const auto key = evictions_.take_due(now)) {
    const auto id = split_key(*key);
    const std::string& ns = id.first;
    const std::string& name = id.second;
    const auto pod = world_.api.get(pods_path(ns), name);
    if (!pod || (*pod)["metadata"].contains("deletionTimestamp")) continue;
    world_.recorder->event(*pod, "Normal", "TaintManagerEviction",
                           "Marking for deletion Pod " + *key, "taint-eviction-controller");
    world_.api.remove(pods_path(ns), name);
  }
}

void NodeLifecycle::lost(const std::string& node) {
  const auto now = world_.clock();
  set_node_ready(world_, node, "Unknown");
  for (const auto& key : pods_[node]) {
    const auto id = split_key(key);
    const std::string& ns = id.first;
    const std::string& name = id.second;
    const auto pod = world_.api.get(pods_path(ns), name);
    if (!pod) continue;
    Json conditions = pod->value("/status/conditions"_json_pointer, Json::array());
    set_condition(conditions, now, "Ready", "False", "NodeNotReady", "Node is not ready");
    attempt([&] {
      world_.api.merge_patch(pods_path(ns), name, {{"status", {{"conditions", conditions}}}},
                             "status");
    });
    world_.recorder->event(*pod, "Warning", "NodeNotReady", "Node is not ready", "node-controller");
    auto wait = kDefaultToleration;
    for (const auto& t : (*pod)["spec"].value("tolerations", Json::array())) {
      if (t.value("key", "") == "node.kubernetes.io/unreachable" &&
          t.contains("tolerationSeconds")) {
        wait = seconds(t["tolerationSeconds"].get<int>());
      }
    }
    evictions_.at(key, now + wait);
  }
}

void NodeLifecycle::restored(const std::string& node) {
  set_node_ready(world_, node, "True");
  for (const auto& key : pods_[node]) evictions_.drop(key);
}

void set_node_ready(World& world, const std::string& name, const std::string& status) {
  auto node = world.api.get(kNodes, name);
  if (!node) return;
  Json conditions = node->value("/status/conditions"_json_pointer, Json::array());
  const auto now = world.clock();
  if (status == "True") {
    set_condition(conditions, now, "Ready", status, "KubeletReady",
                  "kubelet is posting ready status");
  } else if (status == "False") {
    set_condition(conditions, now, "Ready", status, "KubeletNotReady", "node is shutting down");
  } else {
    set_condition(conditions, now, "Ready", status, "NodeStatusUnknown",
                  "Kubelet stopped posting node status.");
  }
  world.api.merge_patch(kNodes, name, {{"status", {{"conditions", conditions}}}}, "status");
  Json taints = Json::array();
  for (const auto& taint : node->value("/spec/taints"_json_pointer, Json::array())) {
    const auto key = taint.value("key", "");
    if (key != "node.kubernetes.io/unreachable" && key != "node.kubernetes.io/not-ready")
      taints.push_back(taint);
  }
  if (status != "True") {
    const char* key =
        status == "False" ? "node.kubernetes.io/not-ready" : "node.kubernetes.io/unreachable";
    taints.push_back({{"key", key}, {"effect", "NoSchedule"}});
  }
  world.api.merge_patch(kNodes, name, {{"spec", {{"taints", taints.empty() ? Json() : taints}}}});
}

}  // namespace devcluster
