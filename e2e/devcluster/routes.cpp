#include "devcluster/routes.hpp"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "devcluster/objects.hpp"
#include "devcluster/paths.hpp"

namespace devcluster {
namespace {

constexpr const char* kRoutes = "/apis/route.openshift.io/v1/routes";
constexpr const char* kIngresses = "/apis/networking.k8s.io/v1/ingresses";
constexpr const char* kHttpRoutes = "/apis/gateway.networking.k8s.io/v1/httproutes";

}  // namespace

Router::Router(World& world) : Controller(world, {kRoutes, kIngresses, kHttpRoutes}) {}

void Router::observe(const Delta& delta) {
  const auto key = key_of(delta.object);
  if (delta.collection != kRoutes) {
    (delta.collection == kIngresses ? ingresses_ : http_routes_).insert(key);
    return;
  }
  const auto old = claims_.find(key);
  if (old != claims_.end()) {
    hosts_.insert(old->second.host);
    by_host_[old->second.host].erase(key);
    claims_.erase(old);
  }
  if (delta.kind == Delta::Kind::kDeleted) return;
  const auto& metadata = delta.object["metadata"];
  Claim claim{delta.object["spec"].value("host", ""), delta.object["spec"].value("path", ""),
              metadata.value("namespace", ""), metadata.value("creationTimestamp", ""),
              uid_of(delta.object)};
  hosts_.insert(claim.host);
  by_host_[claim.host].insert(key);
  claims_[key] = std::move(claim);
}

void Router::work(Time now) {
  for (const auto& host : std::exchange(hosts_, {})) {
    for (const auto& key : by_host_[host]) judge(key, now);
    if (by_host_[host].empty()) by_host_.erase(host);
  }
  for (const auto& key : std::exchange(ingresses_, {})) {
    const Json status = {{"loadBalancer", {{"ingress", Json::array({{{"ip", "127.0.0.1"}}})}}}};
    const auto ingress = world_.api.get(kIngresses, key);
    if (ingress && ingress->value("status", Json()) != status) {
      world_.patch_status(kIngresses, key, status);
    }
  }
  for (const auto& key : std::exchange(http_routes_, {})) {
    const auto route = world_.api.get(kHttpRoutes, key);
    if (!route || !route->value("/status/parents"_json_pointer, Json::array()).empty()) continue;
    Json conditions;
    set_condition(conditions, now, "Accepted", "True", "Accepted");
    set_condition(conditions, now, "ResolvedRefs", "True", "ResolvedRefs");
    Json parents = Json::array();
    for (const auto& parent : (*route)["spec"].value("parentRefs", Json::array())) {
      parents.push_back({{"parentRef", parent},
                         {"controllerName", "devcluster.example.com/gateway"},
                         {"conditions", conditions}});
    }
    if (!parents.empty()) world_.patch_status(kHttpRoutes, key, {{"parents", parents}});
  }
}

std::string Router::rival(const std::string& key, const Claim& claim) const {
  const auto age = [](const Claim& c) { return std::tie(c.created, c.uid); };
  // The namespace of the oldest claim owns the host; within it, of one path the oldest Route.
  std::string oldest = key;
  std::string same_path;
  for (const auto& other : by_host_.at(claim.host)) {
    const auto& rival_claim = claims_.at(other);
    if (age(rival_claim) < age(claims_.at(oldest))) oldest = other;
    const bool same = rival_claim.ns == claim.ns && rival_claim.path == claim.path;
    if (same && age(rival_claim) < age(claim)) same_path = other;
  }
  return claims_.at(oldest).ns != claim.ns ? oldest : same_path;
}

void Router::judge(const std::string& key, Time now) {
  const auto& claim = claims_.at(key);
  const auto route = world_.api.get(kRoutes, key);
  if (!route) return;
  const auto status = route->value("status", Json::object());
  Json ingress = status.value("/ingress/0"_json_pointer, Json::object());
  ingress["host"] = claim.host;
  ingress["routerName"] = "default";
  ingress["routerCanonicalHostname"] = std::string("router-default.") + kDomain;
  ingress["wildcardPolicy"] = (*route)["spec"].value("wildcardPolicy", "None");
  const auto in_the_way = rival(key, claim);
  if (in_the_way.empty()) {
    set_condition(ingress["conditions"], now, "Admitted", "True");
  } else {
    set_condition(ingress["conditions"], now, "Admitted", "False", "HostAlreadyClaimed",
                  "route " + split_key(in_the_way).second + " already exposes " + claim.host +
                      " and is older");
  }
  const Json wanted = {{"ingress", Json::array({ingress})}};
  if (status != wanted) world_.patch_status(kRoutes, key, wanted);
}

namespace {

constexpr const char* kBudgets = "/apis/policy/v1/poddisruptionbudgets";
constexpr const char* kServices = "/api/v1/services";
constexpr const char* kEndpoints = "/api/v1/endpoints";

std::string pair_text(const std::string& ns, const std::string& key, const std::string& value) {
  return ns + "/" + key + "=" + value;
}

Json controller_of(const Json& object) {
  for (const auto& owner : object.at("metadata").value("ownerReferences", Json::array())) {
    if (owner.value("controller", false)) return owner;
  }
  return nullptr;
}

std::string first_pair(const std::string& ns, const Json& labels) {
  return pair_text(ns, labels.begin().key(), labels.begin().value());
}

}  // namespace

Followers::Followers(World& world) : Controller(world, {kPods, kBudgets, kServices}) {}

void Followers::observe(const Delta& delta) {
  const auto key = key_of(delta.object);
  const bool deleted = delta.kind == Delta::Kind::kDeleted;
  if (delta.collection == kPods) {
    observe_pod(key, deleted ? nullptr : &delta.object);
  } else if (delta.collection == kBudgets) {
    budgets_.put(key, deleted
                          ? Json()
                          : delta.object.value("/spec/selector/matchLabels"_json_pointer, Json()));
  } else {
    services_.put(key,
                  deleted ? Json() : delta.object.value("/spec/selector"_json_pointer, Json()));
  }
}

void Followers::Selecting::put(const std::string& key, const Json& labels) {
  if (const auto old = pair_of.find(key); old != pair_of.end()) {
    by_pair[old->second].erase(key);
    pair_of.erase(old);
  }
  if (labels.empty()) return;
  const auto pair = first_pair(split_key(key).first, labels);
  pair_of[key] = pair;
  by_pair[pair].insert(key);
  changed.insert(key);
}

void Followers::Selecting::touch(const Pair& pair) {
  const auto found = by_pair.find(pair);
  if (found != by_pair.end()) changed.insert(found->second.begin(), found->second.end());
}

void Followers::index(const std::string& key, const PodFacts& pod, bool there) {
  for (const auto& [name, value] : pod.labels.items()) {
    const auto pair = pair_text(split_key(key).first, name, value);
    auto& pods = pods_by_label_[pair];
    if (there) {
      pods.insert(key);
    } else {
      pods.erase(key);
    }
    if (pods.empty()) pods_by_label_.erase(pair);
    budgets_.touch(pair);
    services_.touch(pair);
  }
}

// `pod` is null where it has gone.
void Followers::observe_pod(const std::string& key, const Json* pod) {
  const auto old = pods_.find(key);
  if (pod == nullptr) {
    if (old == pods_.end()) return;
    index(key, old->second, false);
    pods_.erase(old);
    return;
  }
  PodFacts facts{pod->value("/status/podIP"_json_pointer, ""),
                 pod->at("spec").value("nodeName", ""),
                 uid_of(*pod),
                 pod->at("metadata").value("labels", Json::object()),
                 controller_of(*pod),
                 is_ready(*pod),
                 deleting(*pod),
                 has_ended(*pod) || deleting(*pod)};
  if (old != pods_.end()) {
    const auto& was = old->second;
    if (was.ready == facts.ready && was.ip == facts.ip && was.over == facts.over &&
        was.labels == facts.labels && was.controller == facts.controller) {
      return;
    }
    if (was.labels != facts.labels) index(key, was, false);
  }
  index(key, facts, true);
  pods_[key] = std::move(facts);
}

void Followers::work(Time now) {
  for (const auto& key : std::exchange(budgets_.changed, {})) update_budget(key, now);
  for (const auto& key : std::exchange(services_.changed, {})) update_endpoints(key);
}

std::vector<std::string> Followers::matching(const std::string& ns,
                                             const Json& match_labels) const {
  std::vector<std::string> keys;
  if (match_labels.empty()) return keys;
  const auto first = pods_by_label_.find(first_pair(ns, match_labels));
  if (first == pods_by_label_.end()) return keys;
  for (const auto& key : first->second) {
    const auto& labels = pods_.at(key).labels;
    bool all = true;
    for (const auto& [name, value] : match_labels.items()) {
      all = all && labels.contains(name) && labels[name] == value;
    }
    if (all) keys.push_back(key);
  }
  return keys;
}

std::optional<int> Followers::scale_of(const std::string& ns, const Json& controller) {
  const auto collection = world_.server.collection_of(group_of(controller.value("apiVersion", "")),
                                                      controller.value("kind", ""));
  if (collection.empty()) return std::nullopt;
  const auto scale = world_.api.get(collection, ns + "/" + controller.value("name", "") + "/scale");
  if (!scale || uid_of(*scale) != controller.value("uid", "")) return std::nullopt;
  return scale->value("/spec/replicas"_json_pointer, 0);
}

// disruption.go, getExpectedScale: a Pod that nothing controls is not expected.
int Followers::expected_scale(const std::string& ns, const std::vector<std::string>& pods) {
  std::map<std::string, int> scales;
  for (const auto& pod : pods) {
    const auto& controller = pods_.at(pod).controller;
    if (controller.is_null() || scales.count(controller.value("uid", "")) > 0) continue;
    const auto scale = scale_of(ns, controller);
    if (!scale) {
      throw std::runtime_error("found no controllers for pod \"" + split_key(pod).second + "\"");
    }
    scales[controller.value("uid", "")] = *scale;
  }
  int sum = 0;
  for (const auto& [uid, scale] : scales) sum += scale;
  return sum;
}

// disruption.go, failSafe.
void Followers::fail_budget(const std::string& key, const Json& budget, const std::string& why,
                            Time now) {
  Json status = budget.value("status", Json::object());
  const Json before = status;
  status["disruptionsAllowed"] = 0;
  set_condition(status["conditions"], now, "DisruptionAllowed", "False", "SyncFailed", why);
  if (status != before) world_.patch_status(kBudgets, key, status);
}

// disruption.go, trySync. Only a number of Pods that must stay is not asked of their controllers.
void Followers::update_budget(const std::string& key, Time now) {
  const auto ns = split_key(key).first;
  const auto budget = world_.api.get(kBudgets, key);
  if (!budget) return;
  const auto& spec = budget->at("spec");
  const auto pods = matching(ns, spec.value("/selector/matchLabels"_json_pointer, Json::object()));
  const Json least = spec.value("minAvailable", Json());
  int expected = static_cast<int>(pods.size());
  if (!least.is_number_integer()) {
    try {
      expected = expected_scale(ns, pods);
    } catch (const std::runtime_error& error) {
      fail_budget(key, *budget, error.what(), now);
      return;
    }
  }
  const auto healthy =
      static_cast<int>(std::count_if(pods.begin(), pods.end(), [&](const auto& pod) {
        const auto& facts = pods_.at(pod);
        return facts.ready && !facts.leaving;
      }));
  const int desired =
      least.is_null()
          ? std::max(0, expected - scaled(spec.value("maxUnavailable", Json(0)), expected, true))
          : scaled(least, expected, true);
  Json status = budget->value("status", Json::object());
  const Json before = status;
  const int allowed = expected <= 0 ? 0 : std::max(0, healthy - desired);
  status.erase("disruptedPods");  // who was let go is on its way by now
  status["expectedPods"] = expected;
  status["currentHealthy"] = healthy;
  status["desiredHealthy"] = desired;
  status["disruptionsAllowed"] = allowed;
  status["observedGeneration"] = (*budget)["metadata"].value("generation", 1);
  set_condition(status["conditions"], now, "DisruptionAllowed", allowed > 0 ? "True" : "False",
                allowed > 0 ? "SufficientPods" : "InsufficientPods");
  if (status == before) return;
  if (before.contains("disruptedPods")) status["disruptedPods"] = nullptr;
  world_.patch_status(kBudgets, key, status);
}

void Followers::update_endpoints(const std::string& key) {
  const auto [ns, name] = split_key(key);
  const auto service = world_.api.get(kServices, key);
  if (!service) return;
  const auto& spec = service->at("spec");
  Json ready = Json::array();
  Json not_ready = Json::array();
  for (const auto& pod : matching(ns, spec.value("selector", Json::object()))) {
    const auto& facts = pods_.at(pod);
    if (facts.over || facts.ip.empty()) continue;
    const bool publish = facts.ready || spec.value("publishNotReadyAddresses", false);
    (publish ? ready : not_ready)
        .push_back({{"ip", facts.ip},
                    {"nodeName", facts.node},
                    {"targetRef",
                     {{"kind", "Pod"},
                      {"namespace", ns},
                      {"name", split_key(pod).second},
                      {"uid", facts.uid}}}});
  }
  Json ports = Json::array();
  for (const auto& port : spec.value("ports", Json::array())) {
    const auto target = port.value("targetPort", port.value("port", Json(0)));
    Json one = {{"port", target.is_number() ? target : port.value("port", Json(0))},
                {"protocol", port.value("protocol", "TCP")}};
    if (port.contains("name")) one["name"] = port["name"];
    ports.push_back(std::move(one));
  }
  Json subset = Json::object();
  if (!ready.empty()) subset["addresses"] = ready;
  if (!not_ready.empty()) subset["notReadyAddresses"] = not_ready;
  Json subsets = Json::array();
  if (!subset.empty()) {
    if (!ports.empty()) subset["ports"] = ports;
    subsets.push_back(std::move(subset));
  }
  const auto now = world_.api.get(kEndpoints, key);
  if (!now) {
    auto endpoints = object_of("v1", "Endpoints", name, ns);
    endpoints["metadata"]["ownerReferences"] = Json::array({reference_to(*service)});
    endpoints["subsets"] = subsets;
    world_.create(kEndpoints, endpoints);
  } else if (now->value("subsets", Json::array()) != subsets) {
    world_.patch(kEndpoints, key, {{"subsets", subsets}});
  }
}

}  // namespace devcluster
