// The operator's view of the cluster: one informer per resource type that it reads, kept by
// watches.
//
// Secondary kinds are watched by the operator's own label, so that a cluster's other Pods cost
// nothing. Stores are thread-safe; informers are driven by Operator (a thread each) or, in tests,
// by step_all().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/client.hpp"
#include "kube/informer.hpp"
#include "reconcile/facts.hpp"

namespace swo::reconcile {

// Which API groups this cluster has, so what can be watched at all.
struct Kinds {
  bool route = false;
  bool http_route = false;
  bool scc = false;
  bool machine_config = false;
  bool disruption_budget = true;  // policy/v1
};

struct WorldOptions {
  Kinds kinds;
  std::vector<std::string> namespaces;           // empty = all
  std::function<void(const std::string&)> note;  // faults and relists, for the log
};

class World {
 public:
  // `client` must outlive it.
  World(kube::Client& client, const WorldOptions& options);

  kube::Informer<WorkloadFacts> workloads;
  kube::Informer<PodFacts> pods;
  kube::Informer<ChildFacts> service_accounts, roles, role_bindings, budgets;
  kube::Informer<ServiceFacts> services;
  kube::Informer<ClaimFacts> claims;
  kube::Informer<RevisionFacts> revisions;
  // Only those that the cluster has; the others are null.
  std::unique_ptr<kube::Informer<RouteFacts>> routes, ingresses, http_routes;
  std::unique_ptr<kube::Informer<ChildFacts>>
      sccs;  // all of them: there are few, and users name theirs
  std::unique_ptr<kube::Informer<MachineConfigFacts>> machine_configs;  // ours

  std::vector<kube::InformerBase*> informers();
  // All that there is to know of the workloads that can be seen has been listed. A namespace whose
  // workloads may not be read holds up no other; once it can be read, is_known() is asked.
  bool synced();
  // All that there is to know of the workloads of that namespace has been listed.
  bool is_known(std::string_view ns);
  // Whether that SecurityContextConstraints exists, as far as any can be seen.
  bool has_scc(const std::string& name) const;
  // Of the watches whose silence would concern a workload of that namespace the one that has been
  // refused longest. Those of the shared pieces do where it needs them.
  std::optional<kube::RefusedWatch> refused_watch(std::string_view ns, bool needs_scc,
                                                  bool needs_machine_config);
  // The store that watches `type`; null when none does.
  kube::StoreBase* store_of(const kube::ResourceType& type);
  // Does all that can be done without waiting, in every informer.
  void step_all(kube::Instant now);
  // What on_change() tells.
  struct Listeners {
    std::function<void(const kube::ObjectKey& workload)> changed;  // it, or an object of its own
    // Nothing of it changed but its status, which now has this resourceVersion.
    std::function<void(const kube::ObjectKey& workload, std::uint64_t version)> status_changed;
    std::function<void()> shared;  // a cluster-scoped object
    // refused_watch() may say something else for the workloads of that namespace, "" = of all.
    std::function<void(const std::string& ns)> refused;
  };
  void on_change(const Listeners& listeners);

 private:
  bool watches_budgets_;
  const std::vector<std::string> namespaces_;  // empty = all
};

}  // namespace swo::reconcile
