#include "reconcile/observe.hpp"

#include <algorithm>
#include <utility>

#include "api/json_read.hpp"
#include "kube/projection.hpp"
#include "reconcile/children.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

// Ready says that the whole system runs, not just what the spec asks to be active.
bool ready_means_running(const api::Workload& workload) {
  const api::ReadinessSpec& readiness = workload.spec.readiness;
  return !readiness.accept_degraded && readiness.units.empty();
}

diagnose::Evidence evidence_of(const PodFacts& pod, const api::Workload& workload,
                               const platform::Facts& facts) {
  diagnose::Evidence evidence;
  evidence.pod_name = pod.key.name;
  evidence.phase = pod.phase;
  evidence.ready = pod.ready;
  evidence.restarts = pod.restarts;
  evidence.tty = pod.tty;
  evidence.host_users = pod.host_users;
  evidence.user_namespace_asked = pod.user_namespace_asked;
  evidence.run_as_user_set = pod.run_as_user.has_value();
  evidence.run_as_user = pod.run_as_user.value_or(0);
  evidence.scc = pod.scc;
  evidence.command = workload.spec.init.command;
  evidence.ready_means_running = ready_means_running(workload);
  if (pod.trouble != nullptr) {
    const PodTrouble& trouble = *pod.trouble;
    evidence.pod_reason = trouble.reason;
    evidence.pod_message = trouble.message;
    evidence.scheduled_message = trouble.scheduled_message;
    evidence.waiting_reason = trouble.waiting_reason;
    evidence.waiting_message = trouble.waiting_message;
    evidence.terminated_reason = trouble.terminated_reason;
    evidence.terminated_message = trouble.terminated_message;
    evidence.exit_code = trouble.exit_code;
    evidence.exit_signal = trouble.exit_signal;
    evidence.seeding = trouble.seeding;
    evidence.seed_failure = trouble.seed_failure;
  }
  const auto node = std::find_if(facts.nodes.begin(), facts.nodes.end(),
                                 [&](const auto& one) { return one.name == pod.node; });
  evidence.node = node == facts.nodes.end() ? nullptr : &*node;
  return evidence;
}

// An API server that does not know hostUsers drops it, and the instance runs as root of its node.
bool lost_its_user_namespace(const PodFacts& pod, const platform::Strategy& strategy) {
  return strategy.user_namespace == platform::UserNamespaceVia::kHostUsers &&
         pod.host_users != false && !pod.user_namespace_asked;
}

// A boot takes its time. Until then an instance without trouble is starting, and its log and the
// probe's first failures say no more; plan() has it looked at again. (To read a Pod's Events an API
// server goes through all of the namespace.)
constexpr std::chrono::seconds kYoung{30};

bool being_made(const PodTrouble& trouble) {
  PodTrouble plain;
  plain.waiting_reason = trouble.waiting_reason;
  plain.seeding = trouble.seeding;
  return trouble == plain && (trouble.waiting_reason == "ContainerCreating" ||
                              trouble.waiting_reason == "PodInitializing");
}

bool in_trouble(const PodFacts& pod) { return pod.trouble != nullptr && !being_made(*pod.trouble); }

bool just_starting(const PodFacts& pod, std::chrono::system_clock::time_point now) {
  const auto age = now - pod.created;  // negative, and far so, when the clock was set back
  return !pod.ready && !in_trouble(pod) && age < kYoung && age > -kYoung;
}

// A ready instance has nothing to explain, unless ready does not mean that the whole system runs.
bool worth_a_look(const PodFacts& pod, const api::Workload& workload,
                  const platform::Strategy& strategy, std::chrono::system_clock::time_point now) {
  return !pod.deleting &&
         ((!pod.ready && !just_starting(pod, now)) ||
          (pod.ready && !ready_means_running(workload)) || lost_its_user_namespace(pod, strategy));
}

// A Pod on its way out of a node that is silent stays until somebody knows that it has ended.
std::optional<InstanceEvidence> lost_with_its_node(diagnose::Evidence evidence,
                                                   const platform::Strategy& strategy) {
  if (evidence.node == nullptr || evidence.node->ready) {
    return std::nullopt;
  }
  InstanceEvidence found;
  found.diagnosis = diagnose::diagnose(evidence, strategy);
  found.evidence = std::move(evidence);
  return found;
}

template <class T>
void put(const std::vector<std::shared_ptr<const T>>& live, const kube::ResourceType& type,
         Observed& observed) {
  for (const auto& facts : live) {
    observed.children[{std::string(type.plural), facts->key.name}] = facts;
  }
}

}  // namespace

void Observer::gather_children(const api::Workload& workload, const platform::Strategy& strategy,
                               Observed& observed) {
  const kube::ObjectKey owner{workload.ns, workload.name};
  observed.pods = world_.pods.store().owned_by(owner);
  std::sort(observed.pods.begin(), observed.pods.end(),
            [](const auto& a, const auto& b) { return a->ordinal < b->ordinal; });
  observed.claims = world_.claims.store().owned_by(owner);
  observed.revisions = world_.revisions.store().owned_by(owner);
  for (auto* informer :
       {&world_.service_accounts, &world_.roles, &world_.role_bindings, &world_.budgets}) {
    put(informer->store().owned_by(owner), informer->type(), observed);
  }
  const auto services = world_.services.store().owned_by(owner);
  put(services, types::kService, observed);
  for (const auto& service : services) {
    if (service->key.name == render::service_name(workload)) {
      observed.service = service;
    }
  }
  const kube::ResourceType* const wanted = exposure_type(workload, strategy);
  for (auto* informer : {world_.routes.get(), world_.ingresses.get(), world_.http_routes.get()}) {
    if (informer == nullptr) {
      continue;
    }
    for (const auto& route : informer->store().owned_by(owner)) {
      if (wanted != nullptr && informer->type() == *wanted &&
          route->key.name == render::route_name(workload)) {
        observed.route = route;
      } else {
        observed.former_routes.emplace_back(&informer->type(), route);
      }
    }
  }
}

void Observer::gather_evidence(const api::Workload& workload, const platform::Facts& facts,
                               const platform::Strategy& strategy,
                               std::chrono::system_clock::time_point now, Observed& observed) {
  for (const auto& pod : observed.pods) {
    if (pod->deleting) {
      if (auto lost = lost_with_its_node(evidence_of(*pod, workload, facts), strategy)) {
        observed.evidence.emplace(pod->key.name, *std::move(lost));
      }
    }
    if (!worth_a_look(*pod, workload, strategy, now)) {
      evidence_.forget(pod->uid);
      continue;
    }
    const bool urgent = in_trouble(*pod) || pod->ready || lost_its_user_namespace(*pod, strategy);
    auto testimony = evidence_.read(*pod, urgent, now);
    if (!testimony) {
      continue;
    }
    InstanceEvidence found;
    found.evidence = evidence_of(*pod, workload, facts);
    found.evidence.log_tail = std::move(testimony->log_tail);
    found.evidence.log_known = testimony->log_known;
    found.evidence.events = std::move(testimony->events);
    found.systemd = diagnose::systemd_state(found.evidence);
    if (!pod->ready || lost_its_user_namespace(*pod, strategy)) {
      found.diagnosis = diagnose::diagnose(found.evidence, strategy);
    }
    observed.evidence.emplace(pod->key.name, std::move(found));
  }
}

// Only asked for when it is needed: documents are not cached.
void Observer::find_former(const api::Workload& workload, const platform::Strategy& strategy,
                           Observed& observed) {
  const int below = std::min(workload.spec.update_strategy.partition, workload.spec.replicas);
  const auto present =
      std::count_if(observed.pods.begin(), observed.pods.end(),
                    [&](const auto& pod) { return pod->ordinal >= 0 && pod->ordinal < below; });
  const std::string& current = workload.status.current_revision;
  if (present >= below || current.empty() || current == render::revision(workload, strategy)) {
    return;
  }
  const auto kept =
      std::find_if(observed.revisions.begin(), observed.revisions.end(), [&](const auto& revision) {
        return revision->hash == current && revision->owner_uid == workload.uid;
      });
  if (kept == observed.revisions.end()) {
    return;
  }
  const auto document = client_.get(types::kControllerRevision, (*kept)->key);
  if (document) {
    observed.former = render::former_workload(workload, at(*document, "data"));
  } else {
    observed.former_unread = document.error().kind != kube::ErrorKind::kNotFound &&
                             document.error().kind != kube::ErrorKind::kForbidden;
  }
}

// Asks for Routes with that host in the whole cluster: the operator may set any host, so it must
// not lend that right to someone who may not. Where Route is served by openshift-apiserver,
// spec.host is a selectable field (pkg/route/apiserver/registry/route/strategy.go); as a CRD
// (MicroShift, hosted control planes of some versions) it is not, and all Routes are gone through.
// Of several the one that a router admits has it; the others wait as well.
std::optional<std::string> Observer::find_host_holder(const api::Workload& workload) {
  static const kube::FieldMask kMask({"spec.host", "status.ingress"});
  kube::ListOptions options;
  options.field_selector = "spec.host=" + workload.spec.route->host;
  std::string holder;
  bool admitted = false;
  do {
    auto page = client_.list_page(types::kRoute, "", options);
    if (!page && page.error().kind == kube::ErrorKind::kInvalid &&
        !options.field_selector.empty()) {
      options.field_selector.clear();
      page = client_.list_page(types::kRoute, "", options);
    }
    if (!page) {
      return std::nullopt;
    }
    const auto listed = kube::project_list(*page, kMask, [&](Json&& route) {
      const kube::ObjectKey key = kube::key_of(route);
      if (key.ns == workload.ns || text(at(route, "spec", "host")) != workload.spec.route->host) {
        return;
      }
      const bool has_it = route_facts(route, types::kRoute.kind).admitted;
      if (holder.empty() || (has_it && !admitted)) {
        holder = key.to_string();
        admitted = has_it;
      }
    });
    if (!listed) {
      return std::nullopt;
    }
    options.continue_token = listed->continue_token;
  } while (!options.continue_token.empty() && !admitted);
  return holder;
}

Observed Observer::observe(const api::Workload& workload, const platform::Facts& facts,
                           const platform::Strategy& strategy,
                           std::chrono::system_clock::time_point now) {
  Observed observed;
  gather_children(workload, strategy, observed);
  // Orphans of a workload that had this name are not its instances.
  std::erase_if(observed.pods, [&](const auto& pod) { return pod->owner_uid != workload.uid; });
  find_former(workload, strategy, observed);
  observed.scc_exists = strategy.use_scc && world_.has_scc(render::scc_name(workload, strategy));
  const auto& route = workload.spec.route;
  const bool has_it = route && observed.route != nullptr && observed.route->host == route->host;
  if (route && strategy.host_route && !route->host.empty() && !has_it) {
    observed.host_holder = find_host_holder(workload);
  }
  observed.refused_watch =
      world_.refused_watch(workload.ns, strategy.use_scc, strategy.may_write_node_settings);
  gather_evidence(workload, facts, strategy, now, observed);
  return observed;
}

}  // namespace swo::reconcile
