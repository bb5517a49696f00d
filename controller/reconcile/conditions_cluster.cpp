// PlatformReady, Admitted and Exposed: what the cluster around the instances gives them.
#include <algorithm>

#include "reconcile/judging.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile {

using judging::first_of;
using judging::Judge;
using judging::platform_blocked;
using judging::pod_refused;
using judging::refused;
using judging::spec;
using judging::taken;

namespace {

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
  return Verdict{
      "False", std::move(reason),
      "writing " + describe(key) + " failed: " + found->second.message + "; it is tried again", "",
      true};
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

// ---- Exposed

std::optional<Verdict> not_requested(const View& view) {
  if (spec(view).route) {
    return std::nullopt;
  }
  return Verdict{"True", "NotRequested", "the spec asks for no Route"};
}

std::optional<Verdict> not_to_be_had_here(const View& view) {
  const auto& blocker = view.input.strategy.exposure_blocker;
  if (!blocker) {
    return std::nullopt;
  }
  return Verdict{"False", blocker->reason, blocker->message, "", true};
}

std::optional<Verdict> host_held(const View& view) {
  const auto& holder = view.input.observed.host_holder;
  const std::string field = "spec.route.host: \"" + spec(view).route->host + "\" ";
  if (!holder) {
    return Verdict{"False", "HostUnknown",
                   field +
                       "is not claimed while it cannot be found out whether a Route of another "
                       "namespace has it; it is tried again. The operator needs list of routes in "
                       "all namespaces (config/namespaced/route_hosts.yaml); a generated host "
                       "does without"};
  }
  if (holder->empty()) {
    return std::nullopt;
  }
  return Verdict{
      "False", "HostClaimed",
      field + "belongs to Route " + *holder + "; choose another host, or remove that Route", "",
      true};
}

ChildKey service_key(const View& view) {
  return child(types::kService, render::service_name(view.input.workload));
}

std::optional<Verdict> name_taken(const View& view) {
  auto verdict = taken(view, route_key(view));
  return verdict ? verdict : taken(view, service_key(view));
}

std::optional<Verdict> route_refused(const View& view) {
  return refused(view, route_key(view), "RouteRefused");
}

bool is_ours(const View& view, const ChildFacts& child) {
  return child.owner_uid == view.input.workload.uid;
}

// Without it the route leads nowhere, or to a Service that the watch does not show: another's.
std::optional<Verdict> service_missing(const View& view) {
  const auto& children = view.input.observed.children;
  const auto found = children.find(service_key(view));
  if (found != children.end() && is_ours(view, *found->second)) {
    return std::nullopt;
  }
  return Verdict{"False", "Pending", "the Service that the route leads to is being created"};
}

const RouteFacts* own_route(const View& view) {
  const auto& route = view.input.observed.route;
  return route != nullptr && is_ours(view, *route) ? route.get() : nullptr;
}

// An API server that does not know the field, or has its gate off, takes it away without a word:
// the router serves its own certificate then. (openshift/api features: RouteExternalCertificate, a
// technology preview from OpenShift 4.16 on, on by default from 4.19 on.)
std::optional<Verdict> certificate_dropped(const View& view) {
  const auto& tls = spec(view).route->tls;
  const RouteFacts* route = own_route(view);
  const bool wanted = view.input.strategy.host_route && tls && render::carries_certificate(*tls);
  if (!wanted || route == nullptr || route->own_certificate || !route->admitted) {
    return std::nullopt;
  }
  return Verdict{"False", "CertificateNotUsed",
                 "the API server has dropped spec.tls.externalCertificate of the Route, so the "
                 "router serves its own certificate: spec.route.tls.certificateSecret needs the "
                 "feature gate RouteExternalCertificate, which is on from OpenShift 4.19 on. Leave "
                 "the field out, or set termination: passthrough and have the application serve "
                 "its certificate",
                 "", true};
}

std::optional<Verdict> route_judged(const View& view) {
  const RouteFacts* route = own_route(view);
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
  static constexpr Judge kChain[] = {not_requested,       not_to_be_had_here, host_held,
                                     name_taken,          route_refused,      service_missing,
                                     certificate_dropped, route_judged};
  return first_of(kChain, view,
                  {"Unknown", "WaitingForRouter", "no router has judged the route yet"});
}

std::string url(const View& view) {
  // A route that is there serves on while a change of it is refused.
  static constexpr Judge kChain[] = {not_requested, not_to_be_had_here, host_held, name_taken,
                                     service_missing};
  const RouteFacts* route = own_route(view);
  const bool leads_here =
      route != nullptr && route->admitted &&
      std::ranges::none_of(kChain, [&](Judge judge) { return judge(view).has_value(); });
  return leads_here ? render::url(view.input.workload, route->host) : std::string();
}

}  // namespace swo::reconcile
