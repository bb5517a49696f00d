#include "reconcile/children.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <utility>

#include "reconcile/drift.hpp"
#include "reconcile/fnv.hpp"
#include "reconcile/types.hpp"
#include "render/quantity.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

Json exposure_document(const PlanInput& input, const kube::ResourceType* type) {
  if (type == &types::kRoute) {
    return render::route(input.workload);
  }
  return type == &types::kHttpRoute ? render::http_route(input.workload)
                                    : render::ingress(input.workload);
}

std::shared_ptr<const ClaimFacts> find_claim(const Observed& observed, const std::string& name) {
  const auto claim = std::find_if(observed.claims.begin(), observed.claims.end(),
                                  [&](const auto& facts) { return facts->key.name == name; });
  return claim == observed.claims.end() ? nullptr : *claim;
}

std::shared_ptr<const ChildFacts> find_live(const Observed& observed, const Desired& desired) {
  const ChildKey key = desired.key();
  if (desired.type == &types::kClaim) {
    return find_claim(observed, key.name);
  }
  if (desired.type == &types::kRoute || desired.type == &types::kIngress ||
      desired.type == &types::kHttpRoute) {
    return observed.route;
  }
  const auto child = observed.children.find(key);
  return child == observed.children.end() ? nullptr : child->second;
}

// A claim outlives its workload unless asked otherwise, so it has no owner: its label is its bond.
bool is_foreign(const PlanInput& input, const Desired& desired, const ChildFacts& live) {
  if (live.owner_uid.empty() && desired.type == &types::kClaim) {
    return live.workload != input.workload.name;
  }
  return live.owner_uid != input.workload.uid;
}

bool is_settled(const PlanInput& input, const ChildKey& key, Digest live, Digest desired) {
  const auto settled = input.memory.settled.find(key);
  return settled != input.memory.settled.end() && settled->second == Settled{live, desired};
}

// At least as large as it is: what has grown, by whoever's hand, cannot shrink, and to ask for it
// would be refused for ever.
Json claim_as_large(const PlanInput& input, const api::Claim& claim, int ordinal) {
  const auto live = find_claim(input.observed, render::claim_name(claim, input.workload, ordinal));
  api::Claim wanted = claim;
  if (live != nullptr && render::quantity_less(claim.size, live->requested)) {
    wanted.size = live->requested;
  }
  return render::claim(input.workload, wanted, ordinal);
}

// The Route waits while its host is someone else's, or while nobody could be asked whose it is; and
// any kind of it while it would lead to someone else's application.
bool held_back(const PlanInput& input, const Desired& desired) {
  if (leads_to_anothers(*desired.type, desired.key().name, input.memory)) {
    return true;
  }
  return desired.type == &types::kRoute && !input.workload.spec.route->host.empty() &&
         (!input.observed.host_holder || !input.observed.host_holder->empty());
}

void bring_in_line(const PlanInput& input, const Desired& desired, std::vector<Action>& actions) {
  const auto live = find_live(input.observed, desired);
  const ChildKey key = desired.key();
  if (held_back(input, desired) || input.memory.foreign.contains(key)) {
    return;
  }
  if (live == nullptr) {
    actions.push_back({ApplyAction{desired.type, desired.document, true}, "it is not there"});
    return;
  }
  if (live->deleting) {
    return;
  }
  if (is_foreign(input, desired, *live)) {
    // It has our label but not our owner: an orphan, or a predecessor's. Whose it is gets told.
    actions.push_back({ApplyAction{desired.type, desired.document, true}, "it is not ours"});
    return;
  }
  const Digest wanted = digest_of_desired(desired.document);
  if (live->digest != wanted && !is_settled(input, key, live->digest, wanted)) {
    actions.push_back({ApplyAction{desired.type, desired.document, false, live->uid},
                       "it differs from what is wanted"});
  }
}

void drop_unwanted(const PlanInput& input, const std::vector<Desired>& desired,
                   std::vector<Action>& actions) {
  const auto wanted = [&](const ChildKey& key) {
    return std::any_of(desired.begin(), desired.end(),
                       [&](const Desired& one) { return one.key() == key; });
  };
  static constexpr std::array kKinds = {&types::kServiceAccount, &types::kRole,
                                        &types::kRoleBinding, &types::kService,
                                        &types::kDisruptionBudget};
  for (const auto& [key, live] : input.observed.children) {
    if (wanted(key) || live->deleting || live->owner_uid != input.workload.uid) {
      continue;
    }
    const auto* const type =
        *std::find_if(kKinds.begin(), kKinds.end(),
                      [&plural = key.plural](const auto* kind) { return kind->plural == plural; });
    actions.push_back({DeleteAction{type, live->key, live->uid}, "the spec asks for it no more"});
  }
  for (const auto& [type, route] : input.observed.former_routes) {
    if (!route->deleting && route->owner_uid == input.workload.uid) {
      actions.push_back(
          {DeleteAction{type, route->key, route->uid}, "the spec asks for it no more"});
    }
  }
}

// Claims of ordinals that no longer exist, where the spec says that scaling down deletes them:
// never while their instance is still there.
void drop_claims(const PlanInput& input, std::vector<Action>& actions) {
  if (input.workload.spec.storage.when_scaled != "Delete" || input.workload.spec.hibernate) {
    return;
  }
  for (const auto& claim : input.observed.claims) {
    const bool in_use =
        std::any_of(input.observed.pods.begin(), input.observed.pods.end(),
                    [&](const auto& pod) { return pod->ordinal == claim->ordinal; });
    // A copy that somebody made of one, labels and all, is theirs.
    const bool made_by_us = claim->digest != kNothingOwned;
    if (claim->ordinal >= input.workload.spec.replicas && made_by_us && !in_use &&
        !claim->deleting) {
      actions.push_back({DeleteAction{&types::kClaim, claim->key, claim->uid},
                         "scaled down, and storage.retention.whenScaled is Delete"});
    }
  }
}

// Numbers, texts and children, one after the other.
class Standing {
 public:
  void add(std::uint64_t value) { hash_.add(value); }
  void add(const std::string& text) { add(std::uint64_t{std::hash<std::string>{}(text)}); }
  void add(const ChildFacts& child) {
    add(child.key.name);
    add(child.uid);
    add(child.owner_uid);
    add(child.workload);
    add(child.digest);
    add(std::uint64_t{child.deleting});
  }
  Digest digest() const { return hash_.value(); }

 private:
  Fnv hash_;
};

}  // namespace

const kube::ResourceType* exposure_type(const api::Workload& workload,
                                        const platform::Strategy& strategy) {
  if (!workload.spec.route || strategy.exposure_blocker) {
    return nullptr;
  }
  if (strategy.host_route) {
    return &types::kRoute;
  }
  return workload.spec.route->parent_ref ? &types::kHttpRoute : &types::kIngress;
}

ChildKey Desired::key() const {
  return {std::string(type->plural), document["metadata"]["name"].get<std::string>()};
}

std::vector<Desired> desired_children(const PlanInput& input) {
  const api::Workload& workload = input.workload;
  std::vector<Desired> desired;
  if (workload.spec.service_account_name.empty()) {
    desired.push_back({&types::kServiceAccount, render::service_account(workload)});
  }
  // Never for an SCC that the workload names: to lend `use` of it is the administrator's to decide.
  if (input.strategy.use_scc && render::grants_scc(workload)) {
    desired.push_back({&types::kRole, render::role(workload, input.strategy)});
    desired.push_back({&types::kRoleBinding, render::role_binding(workload)});
  }
  for (int ordinal = 0; ordinal < workload.spec.replicas && !workload.spec.hibernate; ++ordinal) {
    for (const api::Claim& claim : workload.spec.storage.claims) {
      desired.push_back({&types::kClaim, claim_as_large(input, claim, ordinal)});
    }
  }
  desired.push_back({&types::kService, render::headless_service(workload)});
  if (!workload.spec.ports.empty()) {
    desired.push_back({&types::kService, render::service(workload)});
  }
  if (const auto* type = exposure_type(workload, input.strategy); type != nullptr) {
    desired.push_back({type, exposure_document(input, type)});
  }
  if (render::wants_disruption_budget(workload, input.strategy)) {
    desired.push_back({&types::kDisruptionBudget,
                       render::pod_disruption_budget(workload, input.strategy.evict_unhealthy)});
  }
  return desired;
}

std::optional<Digest> standing_of_children(const PlanInput& input) {
  const Observed& observed = input.observed;
  const bool drops_claims =
      input.workload.spec.storage.when_scaled == "Delete" && !observed.claims.empty();
  if (!input.memory.failures.empty() || !input.memory.foreign.empty() ||
      !input.memory.settled.empty() || drops_claims) {
    return std::nullopt;
  }
  Standing standing;
  standing.add(input.workload.uid);
  standing.add(static_cast<std::uint64_t>(input.workload.generation));
  for (const bool fact :
       {input.strategy.use_scc, input.strategy.host_route, input.strategy.disruption_budgets,
        input.strategy.evict_unhealthy, observed.scc_exists, observed.host_holder.has_value(),
        observed.host_holder && observed.host_holder->empty()}) {
    standing.add(std::uint64_t{fact});
  }
  for (const auto& [key, child] : observed.children) {
    standing.add(key.plural);
    standing.add(*child);
  }
  for (const auto& claim : observed.claims) {
    standing.add(*claim);
  }
  if (observed.route != nullptr) {
    standing.add(*observed.route);
  }
  for (const auto& [type, route] : observed.former_routes) {
    standing.add(std::string(type->plural));
    standing.add(*route);
  }
  return standing.digest();
}

std::vector<Action> plan_children(const PlanInput& input, const std::vector<Desired>& desired) {
  std::vector<Action> actions;
  for (const Desired& one : desired) {
    bring_in_line(input, one, actions);
  }
  drop_unwanted(input, desired, actions);
  drop_claims(input, actions);
  return actions;
}

bool leads_to_anothers(const kube::ResourceType& type, const std::string& name,
                       const Memory& memory) {
  const bool exposes =
      type == types::kRoute || type == types::kIngress || type == types::kHttpRoute;
  // Both have the workload's name.
  return exposes && memory.foreign.contains({std::string(types::kService.plural), name});
}

bool needed_by_pods(const kube::ResourceType& type) {
  return type == types::kServiceAccount || type == types::kRole || type == types::kRoleBinding ||
         type == types::kClaim;
}

bool ready_for_pods(const PlanInput& input, const std::vector<Desired>& desired) {
  if (input.strategy.use_scc && !input.observed.scc_exists) {
    return false;
  }
  // A Pod needs its ServiceAccount and the right to its SCC before it can be admitted; all of these
  // are planned before the Pod, so only what cannot be had holds it back.
  for (const Desired& one : desired) {
    if (!needed_by_pods(*one.type)) {
      continue;
    }
    const ChildKey key = one.key();
    const auto live = find_live(input.observed, one);
    // A claim that is there serves, though what is to change of it may be refused.
    const bool serves = live != nullptr && one.type == &types::kClaim;
    if (input.memory.foreign.contains(key) || (input.memory.failures.contains(key) && !serves)) {
      return false;
    }
    if (live != nullptr && (live->deleting || is_foreign(input, one, *live))) {
      return false;
    }
  }
  return true;
}

}  // namespace swo::reconcile
