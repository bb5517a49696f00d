// Progressing, Degraded and the headline: how the instances are, and what is done to them.
#include <algorithm>

#include "reconcile/judging.hpp"
#include "reconcile/types.hpp"

namespace swo::reconcile {

using judging::all_ready;
using judging::first_of;
using judging::Judge;
using judging::platform_blocked;
using judging::pod_refused;
using judging::refused;
using judging::spec;
using judging::taken;

namespace {

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

constexpr const char* kPaused = "spec.paused is true: nothing is changed until it is false again";

std::optional<Verdict> paused(const View& view) {
  return spec(view).paused ? std::optional(Verdict{"False", "Paused", kPaused}) : std::nullopt;
}

// Ready once no instance is left: that is what was asked for.
std::optional<Verdict> hibernating(const View& view) {
  if (!spec(view).hibernate) {
    return std::nullopt;
  }
  if (!view.input.observed.pods.empty()) {
    return Verdict{"False", "Hibernating", "instances are being shut down; storage and route stay"};
  }
  return Verdict{"True", "Hibernated",
                 "spec.hibernate is true: no instance runs; storage and route are kept"};
}

std::optional<Verdict> going_to_sleep(const View& view) {
  auto verdict = hibernating(view);
  if (verdict) {
    verdict->status = verdict->status == "True" ? "False" : "True";
  }
  return verdict;
}

// Older instances are replaced by the operator, not by whoever deletes them.
bool is_updating(const View& view) {
  return view.instances.updating && spec(view).update_strategy.type != "OnDelete";
}

std::optional<Verdict> update_going_on(const View& view) {
  if (!is_updating(view)) {
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
  if (!all_ready(view) || is_updating(view) || view.instances.scaling ||
      exposed(view).status != "True") {
    return std::nullopt;
  }
  if (view.instances.wanted == 0) {
    return Verdict{"True", "ScaledToZero", "spec.replicas is 0: no instance is wanted"};
  }
  if (view.instances.updating) {
    return Verdict{"True", "Running",
                   "all instances are ready; " + count(view.updated, view.instances.wanted) +
                       " are of the new revision, the others become so as their Pods are deleted "
                       "(spec.updateStrategy.type: OnDelete)"};
  }
  return Verdict{"True", "Running", "all instances are ready"};
}

// Where all instances are ready, only what keeps them from being replaced is in the way.
std::optional<Verdict> blocked_by_platform(const View& view) {
  const auto& blockers = view.input.strategy.blockers;
  const bool holds_update =
      is_updating(view) && std::any_of(blockers.begin(), blockers.end(),
                                       [](const auto& blocker) { return blocker.holds_pods; });
  return all_ready(view) && !holds_update ? std::nullopt : platform_blocked(view);
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
  if (!verdict.bad && spec(view).route) {
    verdict.reason = "Exposing";
  }
  return verdict;
}

// Whatever else is told may be out of date, so it comes first. Of several watches one is named: a
// status is not to be written anew for each.
std::optional<Verdict> watch_forbidden(const View& view) {
  const auto& refused = view.input.observed.refused_watch;
  if (!refused) {
    return std::nullopt;
  }
  const kube::ResourceType& type = refused->type;
  const std::string what = std::string(type.plural) +
                           (type.group.empty() ? "" : "." + std::string(type.group)) +
                           (!refused->ns.empty() ? " in namespace " + refused->ns
                            : type.namespaced    ? " in all namespaces"
                                                 : "");
  return Verdict{"True", "WatchForbidden",
                 "the operator may no longer " + refused->verb + " " + what +
                     ", so that what changes there is not seen. Grant it get, list and watch of "
                     "them: its ClusterRole as shipped, bound where it was"};
}

}  // namespace

Verdict progressing(const View& view) {
  static constexpr Judge kChain[] = {paused,          going_to_sleep,   update_stalled,
                                     update_going_on, scaling_going_on, resizing};
  if (auto blocked = blocked_by_platform(view)) {
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
  static constexpr Judge kChain[] = {watch_forbidden,   instance_in_trouble, pod_refused,
                                     any_write_refused, update_stalled,      units_failed,
                                     resize_infeasible};
  Verdict verdict = first_of(kChain, view, {"False", "AsExpected", "nothing is known to be wrong"});
  if (verdict.reason != "AsExpected") {
    verdict.status = "True";
  }
  return verdict;
}

namespace {

Verdict unless_paused(const View& view) {
  static constexpr Judge kChain[] = {hibernating,
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

// Whoever pauses it wants it left alone, not down: it stays ready as long as it is as asked.
Verdict while_paused(const View& view) {
  const std::string what_holds(kPaused);
  if (view.owes_changes) {
    return Verdict{"False", "Paused", what_holds + "; what is there is not what is asked for"};
  }
  const Verdict as_it_is = unless_paused(view);
  if (as_it_is.status != "True") {
    return Verdict{"False", "Paused", what_holds + "; as it is: " + as_it_is.message};
  }
  return Verdict{"True", "Paused", what_holds};
}

}  // namespace

Verdict headline(const View& view) {
  if (auto verdict = deleting(view)) {
    return *std::move(verdict);
  }
  return spec(view).paused ? while_paused(view) : unless_paused(view);
}

}  // namespace swo::reconcile
