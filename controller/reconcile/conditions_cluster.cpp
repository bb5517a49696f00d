// PlatformReady and Admitted: what the cluster around the instances gives them.
#include <algorithm>

#include "reconcile/judging.hpp"
#include "reconcile/types.hpp"
#include "reconcile/way_out.hpp"
#include "render/render.hpp"

namespace swo::reconcile {

using judging::child;
using judging::first_of;
using judging::Judge;
using judging::platform_blocked;
using judging::pod_refused;
using judging::refused;
using judging::spec;
using judging::taken;

namespace {

std::string describe(const ChildKey& key) { return key.plural + " \"" + key.name + "\""; }

std::string joined(const std::vector<platform::Blocker>& entries) {
  std::string text;
  for (const platform::Blocker& entry : entries) {
    text += (text.empty() ? "" : "; ") + entry.message;
  }
  return text;
}

}  // namespace

namespace judging {

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
  return Verdict{"False", std::move(reason),
                 "writing " + describe(key) + " failed: " + found->second.message + "; " +
                     way_out(key, found->second),
                 "", true};
}

std::optional<Verdict> platform_blocked(const View& view) {
  const auto& blockers = view.input.strategy.blockers;
  if (blockers.empty()) {
    return std::nullopt;
  }
  const platform::Blocker& first = blockers.front();
  return Verdict{"False", first.reason, joined(blockers), first.detail, !first.waiting};
}

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

}  // namespace judging

namespace {

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
  const std::string name = render::scc_name(view.input.workload, view.input.strategy);
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

}  // namespace swo::reconcile
