#include "devcluster/scheduler.hpp"

#include <algorithm>

#include "devcluster/members.hpp"
#include "devcluster/objects.hpp"

namespace devcluster {
namespace {

constexpr const char* kClaims = "/api/v1/persistentvolumeclaims";
constexpr const char* kStorageClasses = "/apis/storage.k8s.io/v1/storageclasses";
constexpr const char* kUnreachable = "node.kubernetes.io/unreachable";
constexpr const char* kNotReady = "node.kubernetes.io/not-ready";
constexpr seconds kDefaultToleration{300};

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
  const auto labels = label_pairs(node);
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

void Scheduler::Resources::add(const Resources& other, int times) {
  cpu += times * other.cpu;
  memory += times * other.memory;
}

Scheduler::Scheduler(World& world) : Controller(world, {kNodes, kPods, kClaims}) {}

void Scheduler::retry() {
  pending_.merge(unschedulable_);
  unschedulable_.clear();
}

void Scheduler::observe(const Delta& delta) {
  const auto key = key_of(delta.object);
  const bool deleted = delta.kind == Delta::Kind::kDeleted;
  if (delta.collection == kNodes && deleted) {
    nodes_.erase(key);
  } else if (delta.collection == kNodes) {
    nodes_[key] = {
        {"metadata", {{"labels", delta.object["metadata"].value("labels", Json::object())}}},
        {"spec", delta.object.value("spec", Json::object())},
        {"allocatable", delta.object.value("/status/allocatable"_json_pointer, Json::object())}};
  }
  if (delta.collection != kPods) {
    retry();
    return;
  }
  const auto placed = placed_.find(key);
  const auto node = deleted ? std::string() : delta.object["spec"].value("nodeName", "");
  if (!node.empty()) {
    if (placed == placed_.end()) place(key, node, requests_of(delta.object));
    return;
  }
  if (placed != placed_.end()) {
    auto& load = load_[placed->second.node];
    --load.pods;
    load.requests.add(placed->second.requests, -1);
    placed_.erase(placed);
  }
  unschedulable_.erase(key);  // it may ask for less now
  if (deleted) {
    pending_.erase(key);
    retry();  // there may be room now
  } else {
    pending_.insert(key);
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
    sum.add(resources_of(amounts));
  }
  return sum;
}

void Scheduler::place(const std::string& key, const std::string& node, const Resources& requests) {
  placed_[key] = {node, requests};
  auto& load = load_[node];
  ++load.pods;
  load.requests.add(requests);
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

// Why the Pod cannot go to any node yet: what its claims lack; "" when nothing.
std::string Scheduler::lacks_claim(const Json& pod) {
  const auto ns = pod["metadata"].value("namespace", "");
  for (const auto& volume : pod["spec"].value("volumes", Json::array())) {
    const auto claim = volume.value("/persistentVolumeClaim/claimName"_json_pointer, std::string());
    if (claim.empty()) continue;
    const auto object = world_.api.get(kClaims, ns + "/" + claim);
    if (!object) return "persistentvolumeclaim \"" + claim + "\" not found";
    if (deleting(*object)) return "persistentvolumeclaim \"" + claim + "\" is being deleted";
    if (phase_of(*object) != "Bound") return "pod has unbound immediate PersistentVolumeClaims";
  }
  return "";
}

void Scheduler::schedule(const std::string& key, Time now) {
  const auto pod = world_.api.get(kPods, key);
  if (!pod || (*pod)["spec"].contains("nodeName") || deleting(*pod)) return;
  const auto requests = requests_of(*pod);
  std::map<std::string, int> why_not;
  std::string best;
  auto reasons = lacks_claim(*pod);
  if (reasons.empty()) {
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
    bind(*pod, best, requests);
    return;
  }
  for (const auto& [why, count] : why_not) {
    reasons += (reasons.empty() ? "" : ", ") + std::to_string(count) + " " + why;
  }
  const auto message =
      "0/" + std::to_string(nodes_.size()) + " nodes are available: " + reasons + ".";
  unschedulable_.insert(key);
  Json conditions = pod->value("/status/conditions"_json_pointer, Json());
  if (!set_condition(conditions, now, "PodScheduled", "False", "Unschedulable", message)) return;
  world_.recorder.event(*pod, "Warning", "FailedScheduling", message, "default-scheduler");
  world_.patch_status(kPods, key, {{"conditions", conditions}});
}

void Scheduler::bind(const Json& pod, const std::string& node, const Resources& requests) {
  const auto key = key_of(pod);
  const auto [ns, name] = split_key(key);
  Json binding = object_of("v1", "Binding", name, ns);
  binding["target"] = {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node}};
  if (!world_.create(kPods, binding, "binding")) return;
  place(key, node, requests);
  world_.recorder.event(pod, "Normal", "Scheduled", "Successfully assigned " + key + " to " + node,
                        "default-scheduler");
}

ClaimBinder::ClaimBinder(World& world) : Controller(world, {kClaims, kStorageClasses, kPods}) {}

// The claims of a Pod on a node: until then no kubelet would start it. `pod` is null where it has
// gone.
void ClaimBinder::observe_pod(const std::string& key, const Json* pod) {
  std::set<std::string> claims;
  if (pod != nullptr && pod->at("spec").contains("nodeName")) {
    for (const auto& volume : pod->at("spec").value("volumes", Json::array())) {
      const auto name =
          volume.value("/persistentVolumeClaim/claimName"_json_pointer, std::string());
      if (!name.empty()) claims.insert(split_key(key).first + "/" + name);
    }
  }
  for (const auto& claim : claims) users_[claim].insert(key);
  for (const auto& claim : claims_of_[key]) {
    if (claims.count(claim) > 0) continue;
    users_[claim].erase(key);
    changed_.insert(claim);
  }
  claims_of_[key] = std::move(claims);
  if (claims_of_[key].empty()) claims_of_.erase(key);
}

void ClaimBinder::observe(const Delta& delta) {
  const bool deleted = delta.kind == Delta::Kind::kDeleted;
  if (delta.collection == kPods) {
    observe_pod(key_of(delta.object), deleted ? nullptr : &delta.object);
    return;
  }
  if (deleted) {
    users_.erase(key_of(delta.object));
    return;
  }
  if (delta.collection == kStorageClasses) {
    changed_.merge(without_class_);
    without_class_.clear();
  } else {
    changed_.insert(key_of(delta.object));
  }
}

void ClaimBinder::work(Time /*now*/) {
  for (const auto& key : std::exchange(changed_, {})) {
    const auto claim = world_.api.get(kClaims, key);
    if (claim && deleting(*claim)) {
      let_go(key, *claim);
    } else if (claim) {
      bind(key, *claim);
    }
  }
}

void ClaimBinder::let_go(const std::string& key, const Json& claim) {
  const auto users = users_.find(key);
  if (users != users_.end() && !users->second.empty()) return;
  const Json finalizers = claim["metadata"].value("finalizers", Json::array());
  const Json kept = without(finalizers, {kClaimProtection});
  if (kept != finalizers) world_.patch(kClaims, key, {{"metadata", {{"finalizers", kept}}}});
}

// One step: what it changes comes back as a change.
void ClaimBinder::bind(const std::string& key, const Json& claim) {
  const auto& spec = claim.at("spec");
  const Json capacity = spec.value("/resources/requests"_json_pointer, Json::object());
  const Json bound = {{"phase", "Bound"},
                      {"accessModes", spec.value("accessModes", Json::array())},
                      {"capacity", capacity}};
  if (!spec.contains("storageClassName")) {  // DefaultStorageClass
    world_.patch(kClaims, key, {{"spec", {{"storageClassName", "standard"}}}});
  } else if (!world_.api.get(kStorageClasses, spec["storageClassName"])) {
    without_class_.insert(key);
  } else if (!spec.contains("volumeName")) {
    world_.patch(kClaims, key, {{"spec", {{"volumeName", "pvc-" + uid_of(claim)}}}});
  } else if (phase_of(claim) != "Bound" ||
             claim.value("/status/capacity"_json_pointer, Json()) != capacity) {
    world_.patch_status(kClaims, key, bound);
  }
}

void NodeLifecycle::observe(const Delta& delta) {
  if (delta.kind == Delta::Kind::kDeleted) evictions_.drop(key_of(delta.object));
}

void NodeLifecycle::work(Time now) {
  while (const auto key = evictions_.take_due(now)) {
    const auto pod = world_.api.get(kPods, *key);
    if (!pod || deleting(*pod)) continue;
    world_.recorder.event(*pod, "Normal", "TaintManagerEviction",
                          "Marking for deletion Pod " + *key, "taint-eviction-controller");
    world_.api.remove(kPods, *key);
  }
}

void NodeLifecycle::lost(const std::string& node) {
  const auto now = world_.clock();
  set_node_ready(world_, node, "Unknown");
  for (const auto& pod : world_.pods_on(node)) {
    const auto key = key_of(pod);
    Json conditions = pod.value("/status/conditions"_json_pointer, Json::array());
    set_condition(conditions, now, "Ready", "False", "NodeNotReady", "Node is not ready");
    world_.patch_status(kPods, key, {{"conditions", conditions}});
    world_.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready", "node-controller");
    auto wait = kDefaultToleration;
    for (const auto& t : pod["spec"].value("tolerations", Json::array())) {
      if (t.value("key", "") == kUnreachable && t.contains("tolerationSeconds")) {
        wait = seconds(t["tolerationSeconds"].get<int>());
      }
    }
    evictions_.at(key, now + wait);
  }
}

void NodeLifecycle::restored(const std::string& node) {
  set_node_ready(world_, node, "True");
  for (const auto& pod : world_.pods_on(node)) evictions_.drop(key_of(pod));
}

void set_node_ready(World& world, const std::string& name, const std::string& status) {
  const auto node = world.api.get(kNodes, name);
  if (!node) return;
  const bool ready = status == "True";
  const bool announced = status == "False";
  const auto [reason, message] =
      ready       ? std::pair{"KubeletReady", "kubelet is posting ready status"}
      : announced ? std::pair{"KubeletNotReady", "node is shutting down"}
                  : std::pair{"NodeStatusUnknown", "Kubelet stopped posting node status."};
  Json conditions = node->value("/status/conditions"_json_pointer, Json::array());
  set_condition(conditions, world.clock(), "Ready", status, reason, message);
  world.patch_status(kNodes, name, {{"conditions", conditions}});
  Json taints = Json::array();
  for (const auto& taint : node->value("/spec/taints"_json_pointer, Json::array())) {
    const auto key = taint.value("key", "");
    if (key != kUnreachable && key != kNotReady) taints.push_back(taint);
  }
  if (!ready) {
    taints.push_back({{"key", announced ? kNotReady : kUnreachable}, {"effect", "NoSchedule"}});
  }
  world.patch(kNodes, name, {{"spec", {{"taints", taints.empty() ? Json() : taints}}}});
}

}  // namespace devcluster
