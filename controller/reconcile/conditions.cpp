#include <algorithm>

#include "reconcile/status.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

using Judge = std::optional<Verdict> (*)(const View&);

template <std::size_t N>
Verdict first_of(const Judge (&chain)[N], const View& view, Verdict otherwise) {
  for (const Judge judge : chain) {
    if (auto verdict = judge(view)) {
      return *std::move(verdict);
    }
  }
  return otherwise;
}

const api::Spec& spec(const View& view) { return view.input.workload.spec; }

bool all_ready(const View& view) { return view.ready >= view.instances.wanted; }

ChildKey child(const kube::ResourceType& type, std::string name) {
  return {std::string(type.plural), std::move(name)};
}

ChildKey route_key(const View& view) {
  const kube::ResourceType& type = view.input.strategy.host_route ? types::kRoute
                                   : spec(view).route && spec(view).route->parent_ref
                                       ? types::kHttpRoute
                                       : types::kIngress;
  return child(type, render::route_name(view.input.workload));
}

std::string describe(const ChildKey& key) { return key.plural + " \"" + key.name + "\""; }

std::optional<Verdict> taken(const View& view, const ChildKey& key) {
  const auto found = view.input.memory.foreign.find(key);
  if (found == view.input.memory.foreign.end()) {
    return std::nullopt;
  }
  return Verdict{"False", "NameTaken",
                 "the name of " + describe(key) + " is taken by " + found->second.holder +
                     ", which is left alone; rename the workload, or remove the other object",
                 "", true};
}

std::optional<Verdict> refused(const View& view, const ChildKey& key, std::string reason) {
  const auto found = view.input.memory.failures.find(key);
  if (found == view.input.memory.failures.end()) {
    return std::nullopt;
  }
  return Verdict{
      "False", std::move(reason),
      "writing " + describe(key) + " failed: " + found->second.message + "; it is tried again", "",
      true};
}

std::string joined(const std::vector<platform::Blocker>& entries) {
  std::string text;
  for (const platform::Blocker& entry : entries) {
    text += (text.empty() ? "" : "; ") + entry.message;
  }
  return text;
}

// ---- PlatformReady

std::optional<Verdict> platform_blocked(const View& view) {
  const auto& blockers = view.input.strategy.blockers;
  if (blockers.empty()) {
    return std::nullopt;
  }
  const platform::Blocker& first = blockers.front();
  return Verdict{"False", first.reason, joined(blockers), first.detail, !first.waiting};
}

std::optional<Verdict> platform_warned(const View& view) {
  const auto& warnings = view.input.strategy.warnings;
  if (warnings.empty()) {
    return std::nullopt;
  }
  return Verdict{"True", warnings.front().reason, joined(warnings)};
}

// ---- Admitted

std::optional<Verdict> no_scc_needed(const View& view) {
  if (view.input.strategy.use_scc) {
    return std::nullopt;
  }
  return Verdict{"True", "NotNeeded", "this platform has no SecurityContextConstraints"};
}

std::optional<Verdict> access_not_had(const View& view) {
  const std::string role = render::role_name(view.input.workload);
  for (const ChildKey& key :
       {child(types::kServiceAccount, render::service_account_name(view.input.workload)),
        child(types::kRole, role), child(types::kRoleBinding, role)}) {
    if (auto verdict = taken(view, key)) {
      return verdict;
    }
    if (auto verdict = refused(view, key, "AccessRefused")) {
      return verdict;
    }
  }
  return std::nullopt;
}

std::optional<Verdict> scc_missing(const View& view) {
  if (view.input.observed.scc_exists) {
    return std::nullopt;
  }
  const std::string name = render::scc_name(view.input.workload);
  if (!spec(view).platform.security_context_constraints.empty()) {
    return Verdict{
        "False", "SccNotFound",
        "spec.platform.securityContextConstraints: \"" + name +
            "\" does not exist; create it, or leave the field out for the operator's own",
        "", true};
  }
  return Verdict{"False", "WaitingForScc",
                 "the SecurityContextConstraints \"" + name + "\" is being created"};
}

// Why the API server refused a Pod of the workload.
std::optional<Verdict> pod_refused(const View& view) {
  for (const auto& [key, error] : view.input.memory.failures) {
    if (key.plural != types::kPod.plural) {
      continue;
    }
    diagnose::Evidence evidence;
    evidence.pod_name = key.name;
    evidence.create_error = error.message;
    if (const auto diagnosis = diagnose::diagnose(evidence, view.input.strategy)) {
      return Verdict{"False", diagnosis->reason, key.name + ": " + diagnosis->message(), "", true};
    }
  }
  return std::nullopt;
}

std::optional<Verdict> pod_refused_by_scc(const View& view) {
  auto verdict = pod_refused(view);
  return verdict && verdict->reason.starts_with("Scc") ? verdict : std::nullopt;
}

std::optional<Verdict> pod_admitted(const View& view) {
  for (const auto& pod : view.input.observed.pods) {
    if (!pod->scc.empty()) {
      return Verdict{"True", "Admitted",
                     "Pods are admitted by SecurityContextConstraints \"" + pod->scc + "\""};
    }
  }
  return std::nullopt;
}

// ---- Exposed

std::optional<Verdict> not_requested(const View& view) {
  if (spec(view).route) {
    return std::nullopt;
  }
  return Verdict{"True", "NotRequested", "the spec asks for no Route"};
}

std::optional<Verdict> host_held(const View& view) {
  const auto& holder = view.input.observed.host_holder;
  if (!holder) {
    return Verdict{"Unknown", "HostUnknown",
                   "whether another Route has the host \"" + spec(view).route->host +
                       "\" could not be found out yet; it is tried again"};
  }
  if (holder->empty()) {
    return std::nullopt;
  }
  return Verdict{"False", "HostClaimed",
                 "spec.route.host: \"" + spec(view).route->host + "\" belongs to Route " + *holder +
                     "; choose another host, or remove that Route",
                 "", true};
}

std::optional<Verdict> route_not_had(const View& view) {
  const ChildKey key = route_key(view);
  if (auto verdict = taken(view, key)) {
    return verdict;
  }
  if (auto verdict =
          taken(view, child(types::kService, render::service_name(view.input.workload)))) {
    return verdict;
  }
  return refused(view, key, "RouteRefused");
}

std::optional<Verdict> route_judged(const View& view) {
  const auto& route = view.input.observed.route;
  if (route == nullptr) {
    return Verdict{"False", "Pending", "the route is being created"};
  }
  if (route->admitted) {
    return Verdict{"True", "Admitted",
                   "reachable at " + render::url(view.input.workload, route->host)};
  }
  if (!route->refusal.empty()) {
    return Verdict{"False", "RouteNotAdmitted", "the router says: " + route->refusal, "", true};
  }
  return std::nullopt;
}

// ---- the instances, for several conditions

std::string self_healing_of(const View& view, const std::string& instance) {
  const auto& rule = spec(view).readiness.self_healing;
  for (const api::HealingStatus& entry : view.healing.entries) {
    if (entry.name == instance && entry.restarts > 0) {
      return " (restarted " + std::to_string(entry.restarts) + " of at most " +
             std::to_string(rule.max_restarts) + " times)";
    }
  }
  return "";
}

// The diagnosis of the lowest instance that has one of that kind.
std::optional<Verdict> instance_diagnosis(const View& view, bool transient) {
  for (const auto& [name, evidence] : view.input.observed.evidence) {
    if (evidence.diagnosis && evidence.diagnosis->transient == transient) {
      return Verdict{"False", evidence.diagnosis->reason,
                     name + ": " + evidence.diagnosis->message() + self_healing_of(view, name), "",
                     !transient};
    }
  }
  return std::nullopt;
}

// It may be ready and serve, and is root of its node all the same.
std::optional<Verdict> runs_as_root_of_its_node(const View& view) {
  for (const auto& [name, evidence] : view.input.observed.evidence) {
    if (evidence.diagnosis && evidence.diagnosis->reason == diagnose::kUserNamespaceDropped) {
      return Verdict{"False", evidence.diagnosis->reason,
                     name + ": " + evidence.diagnosis->message(), "", true};
    }
  }
  return std::nullopt;
}

std::optional<Verdict> instance_in_trouble(const View& view) {
  return instance_diagnosis(view, false);
}

std::optional<Verdict> instance_on_its_way(const View& view) {
  return instance_diagnosis(view, true);
}

std::optional<Verdict> any_write_refused(const View& view) {
  for (const auto& [key, holder] : view.input.memory.foreign) {
    return taken(view, key);
  }
  for (const auto& [key, error] : view.input.memory.failures) {
    // A refused Pod has a diagnosis of its own, which says more.
    return refused(view, key, key.plural == types::kPod.plural ? "PodRefused" : "WriteRefused");
  }
  return std::nullopt;
}

std::string count(int part, int whole) {
  return std::to_string(part) + "/" + std::to_string(whole);
}

std::optional<Verdict> update_stalled(const View& view) {
  if (!view.instances.stalled) {
    return std::nullopt;
  }
  return Verdict{"False", "UpdateStalled",
                 "the update has stopped at " + count(view.updated, view.instances.wanted) +
                     " because an updated instance is not ready; mend the spec, or put it back",
                 count(view.updated, view.instances.wanted), true};
}

std::optional<Verdict> units_failed(const View& view) {
  for (const auto& [name, evidence] : view.input.observed.evidence) {
    if (evidence.systemd.state == "degraded") {
      std::string units;
      for (const std::string& unit : evidence.systemd.failed_units) {
        units += " " + unit;
      }
      return Verdict{"False", "UnitsFailed",
                     name + ": failed units:" + units + self_healing_of(view, name), "", true};
    }
  }
  return std::nullopt;
}

std::optional<Verdict> resize_infeasible(const View& view) {
  for (const auto& pod : view.input.observed.pods) {
    if (pod->resize.starts_with("Infeasible")) {
      return Verdict{"False", "ResizeInfeasible",
                     pod->key.name + " cannot have spec.resources on node " + pod->node + ": " +
                         pod->resize + "; ask for less, or delete the Pod to have it placed anew",
                     "", true};
    }
  }
  return std::nullopt;
}

// ---- Progressing

std::optional<Verdict> resizing(const View& view) {
  for (const auto& pod : view.input.observed.pods) {
    if (!pod->resize.empty() && !pod->resize.starts_with("Infeasible")) {
      return Verdict{"True", "Resizing",
                     pod->key.name + " has not got its new resources yet: " + pod->resize};
    }
  }
  return std::nullopt;
}

std::optional<Verdict> paused(const View& view) {
  if (!spec(view).paused) {
    return std::nullopt;
  }
  return Verdict{"False", "Paused",
                 "spec.paused is true: nothing is changed until it is false again"};
}

std::optional<Verdict> hibernating(const View& view) {
  if (!spec(view).hibernate) {
    return std::nullopt;
  }
  const auto left = view.input.observed.pods.size();
  if (left > 0) {
    return Verdict{"False", "Hibernating", "instances are being shut down; storage and route stay"};
  }
  return Verdict{"False", "Hibernated",
                 "spec.hibernate is true: no instance runs; storage and route are kept"};
}

std::optional<Verdict> update_going_on(const View& view) {
  if (!view.instances.updating || spec(view).update_strategy.type == "OnDelete") {
    return std::nullopt;
  }
  const std::string progress = count(view.updated, view.instances.wanted);
  return Verdict{"True", "Updating", "instances of the new revision: " + progress, progress};
}

std::optional<Verdict> scaling_going_on(const View& view) {
  const int live = static_cast<int>(view.input.observed.pods.size());
  if (!view.instances.scaling || live == 0 || live <= view.instances.wanted) {
    return std::nullopt;
  }
  const std::string progress = count(live, view.instances.wanted);
  return Verdict{"True", "ScalingDown", "instances: " + progress, progress};
}

// ---- headline

std::optional<Verdict> deleting(const View& view) {
  if (!view.input.workload.deleting) {
    return std::nullopt;
  }
  return Verdict{"False", "Deleting", "the workload is being deleted"};
}

std::optional<Verdict> running(const View& view) {
  if (!all_ready(view) || view.instances.updating || view.instances.scaling ||
      exposed(view).status != "True") {
    return std::nullopt;
  }
  if (view.instances.wanted == 0) {
    return Verdict{"True", "ScaledToZero", "spec.replicas is 0: no instance is wanted"};
  }
  return Verdict{"True", "Running", "all instances are ready"};
}

std::optional<Verdict> blocked_by_platform(const View& view) {
  if (all_ready(view)) {
    return std::nullopt;
  }
  return platform_blocked(view);
}

std::optional<Verdict> not_admitted(const View& view) {
  Verdict verdict = admitted(view);
  return verdict.status == "False" ? std::optional(std::move(verdict)) : std::nullopt;
}

std::optional<Verdict> not_exposed(const View& view) {
  Verdict verdict = exposed(view);
  if (verdict.status == "True" || (!verdict.bad && !all_ready(view))) {
    return std::nullopt;
  }
  verdict.status = "False";
  if (!verdict.bad) {
    verdict.reason = "Exposing";
  }
  return verdict;
}

}  // namespace

Verdict platform_ready(const View& view) {
  static constexpr Judge kChain[] = {platform_blocked, platform_warned};
  // Only how it is had: the counts among the reasons change with every node that comes and goes,
  // and must not make a write of each (`diagnose` and `render --explain` tell them all).
  const auto& reasons = view.input.strategy.reasons;
  const auto how = std::find_if(reasons.begin(), reasons.end(), [](const platform::Reason& reason) {
    return reason.topic == "user namespace";
  });
  return first_of(kChain, view, {"True", "AsNeeded", how != reasons.end() ? how->text : ""});
}

Verdict admitted(const View& view) {
  static constexpr Judge kChain[] = {no_scc_needed, access_not_had, scc_missing, pod_refused_by_scc,
                                     pod_admitted};
  return first_of(kChain, view, {"Unknown", "NoPodYet", "no Pod has been judged yet"});
}

Verdict exposed(const View& view) {
  static constexpr Judge kChain[] = {not_requested, host_held, route_not_had, route_judged};
  return first_of(kChain, view,
                  {"Unknown", "WaitingForRouter", "no router has judged the route yet"});
}

Verdict progressing(const View& view) {
  static constexpr Judge kChain[] = {paused,          hibernating,      update_stalled,
                                     update_going_on, scaling_going_on, resizing};
  if (auto blocked = platform_blocked(view); blocked && !all_ready(view)) {
    blocked->status = blocked->bad ? "False" : "True";
    return *blocked;
  }
  Verdict otherwise = all_ready(view)
                          ? Verdict{"False", "Stable", "what is wanted is there"}
                          : Verdict{"True", "Starting",
                                    "instances ready: " + count(view.ready, view.instances.wanted)};
  return first_of(kChain, view, std::move(otherwise));
}

Verdict degraded(const View& view) {
  static constexpr Judge kChain[] = {instance_in_trouble, pod_refused,  any_write_refused,
                                     update_stalled,      units_failed, resize_infeasible};
  Verdict verdict = first_of(kChain, view, {"False", "AsExpected", "nothing is known to be wrong"});
  if (verdict.reason != "AsExpected") {
    verdict.status = "True";
  }
  return verdict;
}

Verdict headline(const View& view) {
  static constexpr Judge kChain[] = {deleting,
                                     paused,
                                     hibernating,
                                     runs_as_root_of_its_node,
                                     running,
                                     blocked_by_platform,
                                     not_admitted,
                                     pod_refused,
                                     instance_in_trouble,
                                     any_write_refused,
                                     update_stalled,
                                     not_exposed,
                                     update_going_on,
                                     scaling_going_on,
                                     instance_on_its_way};
  return first_of(
      kChain, view,
      {"False", "Starting", "instances ready: " + count(view.ready, view.instances.wanted)});
}

}  // namespace swo::reconcile
