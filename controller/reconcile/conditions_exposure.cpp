// Exposed, addresses and URL: how the application is reached from outside, by a route or by the
// Service's own load balancer.
#include <algorithm>

#include <boost/algorithm/string/join.hpp>

#include "reconcile/judging.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile {

using judging::child;
using judging::first_of;
using judging::Judge;
using judging::refused;
using judging::spec;
using judging::taken;

namespace {

ChildKey route_key(const View& view) {
  const kube::ResourceType& type = view.input.strategy.host_route ? types::kRoute
                                   : spec(view).route && spec(view).route->parent_ref
                                       ? types::kHttpRoute
                                       : types::kIngress;
  return child(type, render::route_name(view.input.workload));
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

// ---- without a route

bool wants_address(const View& view) {
  return spec(view).service.type == "LoadBalancer" && !spec(view).ports.empty();
}

std::optional<Verdict> service_taken(const View& view) { return taken(view, service_key(view)); }

std::optional<Verdict> service_refused(const View& view) {
  return refused(view, service_key(view), "WriteRefused");
}

std::optional<Verdict> address_assigned(const View& view) {
  const auto& service = view.input.observed.service;
  if (service == nullptr || !is_ours(view, *service) || service->addresses.empty()) {
    return std::nullopt;
  }
  return Verdict{"True", "AddressAssigned",
                 "reachable at " + boost::algorithm::join(service->addresses, ", ")};
}

Verdict waiting_for_load_balancer(const View& view) {
  const std::string& wanted = spec(view).service.load_balancer_class;
  const std::string name = render::service_name(view.input.workload);
  return Verdict{
      "False", "WaitingForLoadBalancer",
      "Service \"" + name + "\" has no address yet (spec.service.type: LoadBalancer). " +
          (wanted.empty() ? "If none comes, this cluster may have no load balancer"
                          : "If none comes, nothing here may serve the class " + wanted) +
          ": see the Events of `kubectl describe service " + name +
          "`, or set spec.route or another type"};
}

}  // namespace

Verdict exposed(const View& view) {
  static constexpr Judge kByRoute[] = {not_to_be_had_here, host_held,       name_taken,
                                       route_refused,      service_missing, certificate_dropped,
                                       route_judged};
  static constexpr Judge kByLoadBalancer[] = {service_taken, service_refused, address_assigned};
  if (spec(view).route) {
    return first_of(kByRoute, view,
                    {"Unknown", "WaitingForRouter", "no router has judged the route yet"});
  }
  if (wants_address(view)) {
    return first_of(kByLoadBalancer, view, waiting_for_load_balancer(view));
  }
  return Verdict{"True", "NotRequested", "the spec asks for no Route and no load balancer"};
}

std::vector<std::string> addresses(const View& view) {
  const auto& service = view.input.observed.service;
  const bool ours = service != nullptr && is_ours(view, *service);
  return ours && wants_address(view) ? service->addresses : std::vector<std::string>();
}

std::string url(const View& view) {
  if (!spec(view).route) {
    const auto all = addresses(view);
    return all.empty() ? "" : render::url_at(view.input.workload, all.front());
  }
  // A route that is there serves on while a change of it is refused.
  static constexpr Judge kChain[] = {not_to_be_had_here, host_held, name_taken, service_missing};
  const RouteFacts* route = own_route(view);
  const bool leads_here =
      route != nullptr && route->admitted &&
      std::ranges::none_of(kChain, [&](Judge judge) { return judge(view).has_value(); });
  return leads_here ? render::url(view.input.workload, route->host) : std::string();
}

}  // namespace swo::reconcile
