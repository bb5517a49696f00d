#include "reconcile/world.hpp"

#include <algorithm>

#include "api/names.hpp"
#include "reconcile/types.hpp"

namespace swo::reconcile {
namespace {

std::string managed_by_us() {
  return std::string(api::kLabelManagedBy) + "=" + std::string(api::kFieldManager);
}

kube::ObjectKey owner(const ObjectFacts& facts) {
  return facts.workload.empty() ? kube::ObjectKey{} : kube::ObjectKey{facts.key.ns, facts.workload};
}

template <class T>
kube::InformerOptions<T> options(const WorldOptions& world, const kube::ResourceType& type,
                                 const kube::FieldMask& mask, std::function<T(const Json&)> from) {
  kube::InformerOptions<T> result;
  result.type = type;
  result.namespaces = type.namespaced ? world.namespaces : std::vector<std::string>{};
  result.mask = mask;
  result.from = std::move(from);
  result.note = world.note;
  return result;
}

template <class T>
kube::InformerOptions<T> owned(const WorldOptions& world, const kube::ResourceType& type,
                               const kube::FieldMask& mask, std::function<T(const Json&)> from) {
  auto result = options<T>(world, type, mask, std::move(from));
  result.label_selector = managed_by_us();
  result.owner_of = [](const T& facts) { return owner(facts); };
  return result;
}

kube::InformerOptions<ChildFacts> child(const WorldOptions& world, const kube::ResourceType& type) {
  return owned<ChildFacts>(world, type, kube::FieldMask::everything(), child_facts);
}

std::unique_ptr<kube::Informer<RouteFacts>> exposure(kube::Client& client,
                                                     const WorldOptions& world,
                                                     const kube::ResourceType& type, bool present) {
  if (!present) {
    return nullptr;
  }
  return std::make_unique<kube::Informer<RouteFacts>>(
      client, owned<RouteFacts>(
                  world, type, kube::FieldMask::everything(),
                  [kind = type.kind](const Json& object) { return route_facts(object, kind); }));
}

template <class T>
void add(kube::Informer<T>* informer, std::vector<kube::InformerBase*>& list) {
  if (informer != nullptr) {
    list.push_back(informer);
  }
}

}  // namespace

World::World(kube::Client& client, const WorldOptions& world)
    : workloads(client, options<WorkloadFacts>(world, types::kWorkload,
                                               kube::FieldMask(workload_fields()), workload_facts)),
      pods(client, owned<PodFacts>(world, types::kPod, kube::FieldMask(pod_fields()), pod_facts)),
      service_accounts(client, child(world, types::kServiceAccount)),
      roles(client, child(world, types::kRole)),
      role_bindings(client, child(world, types::kRoleBinding)),
      budgets(client, child(world, types::kDisruptionBudget)),
      services(client, owned<ServiceFacts>(world, types::kService, kube::FieldMask::everything(),
                                           service_facts)),
      claims(client,
             owned<ClaimFacts>(world, types::kClaim, kube::FieldMask::everything(), claim_facts)),
      revisions(client, owned<RevisionFacts>(world, types::kControllerRevision,
                                             kube::FieldMask(revision_fields()), revision_facts)),
      routes(exposure(client, world, types::kRoute, world.kinds.route)),
      ingresses(exposure(client, world, types::kIngress, !world.kinds.route)),
      http_routes(
          exposure(client, world, types::kHttpRoute, !world.kinds.route && world.kinds.http_route)),
      watches_budgets_(world.kinds.disruption_budget),
      namespaces_(world.namespaces) {
  if (world.kinds.scc) {
    sccs = std::make_unique<kube::Informer<ChildFacts>>(
        client,
        options<ChildFacts>(world, types::kScc, kube::FieldMask::everything(), child_facts));
  }
  if (world.kinds.machine_config) {
    auto mine = options<MachineConfigFacts>(world, types::kMachineConfig,
                                            kube::FieldMask::everything(), machine_config_facts);
    mine.label_selector = managed_by_us();
    machine_configs = std::make_unique<kube::Informer<MachineConfigFacts>>(client, std::move(mine));
  }
}

std::vector<kube::InformerBase*> World::informers() {
  std::vector<kube::InformerBase*> list = {
      &workloads, &pods, &service_accounts, &roles, &role_bindings, &services, &claims, &revisions};
  if (watches_budgets_) {
    list.push_back(&budgets);
  }
  add(routes.get(), list);
  add(ingresses.get(), list);
  add(http_routes.get(), list);
  add(sccs.get(), list);
  add(machine_configs.get(), list);
  return list;
}

bool World::synced() {
  if (namespaces_.empty()) {
    return is_known("");
  }
  return std::all_of(namespaces_.begin(), namespaces_.end(), [this](const std::string& ns) {
    return workloads.forbidden(ns) || is_known(ns);
  });
}

bool World::is_known(std::string_view ns) {
  const auto all = informers();
  return std::all_of(all.begin(), all.end(),
                     [&](const kube::InformerBase* informer) { return informer->listed(ns); });
}

bool World::has_scc(const std::string& name) const {
  return sccs != nullptr && sccs->store().get({"", name}) != nullptr;
}

std::optional<kube::RefusedWatch> World::refused_watch(std::string_view ns, bool needs_scc,
                                                       bool needs_machine_config) {
  std::optional<kube::RefusedWatch> longest;
  for (const kube::InformerBase* informer : informers()) {
    if ((informer == sccs.get() && !needs_scc) ||
        (informer == machine_configs.get() && !needs_machine_config)) {
      continue;
    }
    longest = kube::longer_refused(std::move(longest), informer->refused(ns));
  }
  return longest;
}

kube::StoreBase* World::store_of(const kube::ResourceType& type) {
  if (type == types::kWorkload) {
    return &workloads.store();
  }
  if (type == types::kPod) {
    return &pods.store();
  }
  if (type == types::kClaim) {
    return &claims.store();
  }
  if (type == types::kControllerRevision) {
    return &revisions.store();
  }
  if (type == types::kService) {
    return &services.store();
  }
  for (auto* informer : {&service_accounts, &roles, &role_bindings, &budgets}) {
    if (informer->type() == type) {
      return &informer->store();
    }
  }
  for (auto* informer : {routes.get(), ingresses.get(), http_routes.get()}) {
    if (informer != nullptr && informer->type() == type) {
      return &informer->store();
    }
  }
  if (type == types::kScc && sccs != nullptr) {
    return &sccs->store();
  }
  if (type == types::kMachineConfig && machine_configs != nullptr) {
    return &machine_configs->store();
  }
  return nullptr;
}

void World::step_all(kube::Instant now) {
  for (kube::InformerBase* informer : informers()) {
    informer->step(now);
  }
}

void World::on_change(const Listeners& listeners) {
  const auto& changed = listeners.changed;
  const auto& shared = listeners.shared;
  const auto of_workload = [changed](const ObjectFacts* before, const ObjectFacts* after) {
    for (const ObjectFacts* facts : {before, after}) {
      if (facts != nullptr && !facts->workload.empty()) {
        changed({facts->key.ns, facts->workload});
        if (after != nullptr && before != nullptr && before->workload == after->workload) {
          return;
        }
      }
    }
  };
  for (kube::InformerBase* informer : informers()) {
    informer->on_refused(listeners.refused);
  }
  workloads.on_change([of_workload, told = listeners.status_changed](const WorkloadFacts* before,
                                                                     const WorkloadFacts* after) {
    if (before != nullptr && after != nullptr && asks_the_same(*before, *after)) {
      told(after->key, after->resource_version);
    } else {
      of_workload(before, after);
    }
  });
  pods.on_change(of_workload);
  claims.on_change(of_workload);
  revisions.on_change(of_workload);
  services.on_change(of_workload);
  for (auto* informer : {&service_accounts, &roles, &role_bindings, &budgets}) {
    informer->on_change(of_workload);
  }
  for (auto* informer : {routes.get(), ingresses.get(), http_routes.get()}) {
    if (informer != nullptr) {
      informer->on_change(of_workload);
    }
  }
  if (sccs != nullptr) {
    sccs->on_change([shared](const auto*, const auto*) { shared(); });
  }
  if (machine_configs != nullptr) {
    machine_configs->on_change([shared](const auto*, const auto*) { shared(); });
  }
}

}  // namespace swo::reconcile
