// A workload, its platform and its live children as plain values, for tables of plan().
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reconcile/children.hpp"
#include "reconcile/plan.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile::test {

inline constexpr Time kNow{std::chrono::seconds(1'770'000'000)};

struct Scene {
  api::Workload workload;
  Observed observed;
  Memory memory;
  platform::Facts facts;
  platform::Strategy strategy;

  Scene() {
    workload.name = "nginx";
    workload.ns = "demo";
    workload.uid = "uid-nginx";
    workload.generation = 1;
    workload.spec.image = "quay.io/ftweedal/test-nginx:latest";
    workload.spec.ports = {{"http", 80, std::nullopt, "TCP"}};
    workload.spec.route = api::RouteSpec{};
    workload.spec.route->host = "nginx.apps.example.com";
    strategy.use_scc = true;
    strategy.evict_unhealthy = true;
    strategy.scc_user_namespace_level = true;
    strategy.host_route = true;
    facts.kubernetes = {1, 33, 0};
    facts.has_scc = facts.has_route = true;
    observed.scc_exists = true;
  }

  PlanInput input() const { return {workload, observed, memory, facts, strategy, kNow}; }
  Plan plan() const { return reconcile::plan(input()); }
  std::string revision() const { return render::revision(workload, strategy); }

  // An instance's Pod as it would be seen.
  PodFacts pod(int ordinal, bool ready) const {
    PodFacts facts_of_pod;
    facts_of_pod.key = {workload.ns, render::instance_name(workload, ordinal)};
    facts_of_pod.uid = "uid-pod-" + std::to_string(ordinal);
    facts_of_pod.owner_uid = workload.uid;
    facts_of_pod.workload = workload.name;
    facts_of_pod.ordinal = ordinal;
    facts_of_pod.revision = revision();
    facts_of_pod.phase = "Running";
    facts_of_pod.ready = facts_of_pod.started = ready;
    facts_of_pod.tty = true;
    facts_of_pod.scc = "systemd-workload";
    return facts_of_pod;
  }
  void add(PodFacts facts_of_pod) {
    observed.pods.push_back(std::make_shared<const PodFacts>(std::move(facts_of_pod)));
  }

  // The revision that the spec asks for is kept already.
  void keep_revision() {
    RevisionFacts kept;
    kept.key = {workload.ns, workload.name + "-" + revision()};
    kept.owner_uid = workload.uid;
    kept.hash = revision();
    kept.number = 1;
    observed.revisions = {std::make_shared<const RevisionFacts>(kept)};
  }

  // Every child there and as wanted, its revision kept; the Route admitted.
  void children_in_line() {
    keep_revision();
    for (const Desired& desired : desired_children(input())) {
      ChildFacts live;
      live.key = {workload.ns, desired.key().name};
      live.uid = "uid-" + desired.key().plural + "-" + desired.key().name;
      live.owner_uid = workload.uid;
      live.workload = workload.name;
      live.digest = digest_of_desired(desired.document);
      if (desired.type == &types::kRoute) {
        RouteFacts route;
        static_cast<ChildFacts&>(route) = live;
        route.host = workload.spec.route->host;
        route.admitted = true;
        observed.route = std::make_shared<const RouteFacts>(route);
      } else if (desired.type == &types::kClaim) {
        ClaimFacts claim;
        static_cast<ChildFacts&>(claim) = live;
        observed.claims.push_back(std::make_shared<const ClaimFacts>(claim));
      } else {
        observed.children[desired.key()] = std::make_shared<const ChildFacts>(live);
      }
    }
  }
};

// "delete Pod demo/nginx-1", one per action, without the reasons.
inline std::vector<std::string> what(const Plan& plan) {
  std::vector<std::string> lines;
  for (const Action& action : plan.actions) {
    const std::string line = action.describe();
    lines.push_back(line.substr(0, line.find(':')));
  }
  return lines;
}

inline api::Condition condition(const Plan& plan, std::string_view type) {
  for (const api::Condition& one : plan.status.conditions) {
    if (one.type == type) {
      return one;
    }
  }
  return {};
}

}  // namespace swo::reconcile::test
