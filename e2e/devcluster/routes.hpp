// The router and its kin: Routes admitted or refused, Ingresses given an address, HTTPRoutes
// accepted; and what follows Pods: Endpoints and PodDisruptionBudgets.
//
// Sources: openshift/router pkg/router/controller (unique_host.go, status.go: the oldest claim
// wins), kubernetes pkg/controller/{disruption,endpoint}.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "devcluster/controller.hpp"

namespace devcluster {

class Router final : public Controller {
 public:
  explicit Router(World& world);
  void observe(const Delta& delta) override;
  void work(Time now) override;

 private:
  struct Claim {
    std::string host, path, ns, created, uid;
  };
  void judge(const std::string& key, Time now);
  // Who stands in this claim's way: its key; "" when nobody does.
  std::string rival(const std::string& key, const Claim& claim) const;

  std::map<std::string, Claim> claims_;  // by route
  std::map<std::string, std::set<std::string>> by_host_;
  std::set<std::string> hosts_;  // whose claims are to be judged (again)
  std::set<std::string> ingresses_, http_routes_;
};

// Keeps of each Pod its labels, readiness and address, and of each PodDisruptionBudget and Service
// its selector.
class Followers final : public Controller {
 public:
  explicit Followers(World& world);
  void observe(const Delta& delta) override;
  void work(Time now) override;

 private:
  struct PodFacts {
    std::string ip, node, uid;
    Json labels, controller;  // the latter as an owner reference; null where there is none
    bool ready = false, leaving = false;
    bool over = false;  // ended, or leaving
  };
  using Pair = std::string;  // "ns/key=value"
  // What selects Pods, by the first pair of its selector, so that a Pod's change touches few.
  struct Selecting {
    std::map<Pair, std::set<std::string>> by_pair;
    std::map<std::string, Pair> pair_of;
    std::set<std::string> changed;
    void put(const std::string& key, const Json& labels);  // no labels: it is gone
    void touch(const Pair& pair);
  };
  void observe_pod(const std::string& key, const Json* pod);
  void index(const std::string& key, const PodFacts& pod, bool there);
  void update_budget(const std::string& key, Time now);
  void fail_budget(const std::string& key, const Json& budget, const std::string& why, Time now);
  // The scale of a controller; nothing where there is no such controller with a scale.
  std::optional<int> scale_of(const std::string& ns, const Json& controller);
  // The scales of the Pods' controllers together; throws std::runtime_error where one has none.
  int expected_scale(const std::string& ns, const std::vector<std::string>& pods);
  void update_endpoints(const std::string& key);
  std::vector<std::string> matching(const std::string& ns, const Json& match_labels) const;

  std::map<std::string, PodFacts> pods_;
  std::map<Pair, std::set<std::string>> pods_by_label_;
  Selecting budgets_, services_;
};

}  // namespace devcluster
