// How the application is reached: rules that span the fields of ports, service and route. Sources:
// kubernetes pkg/apis/core/validation, ValidateService; openshift/api route/v1.
#include <string>

#include "api/fault.hpp"
#include "api/rules_common.hpp"

namespace swo::api {
namespace {

// --- ports and Service ---

Found ports_apart(const Workload& w) {
  return repeated(w.spec.ports, "spec.ports",
                  [](const Port& port) { return std::to_string(port.port) + "/" + port.protocol; });
}

Found node_ports_apart(const Workload& w) {
  const auto& ports = w.spec.ports;
  return first(ports, "spec.ports",
               [&](const Port& port, std::size_t i) -> std::optional<std::string> {
                 const auto same = [&](const Port& other) {
                   return other.node_port == port.node_port && other.protocol == port.protocol;
                 };
                 if (!port.node_port || !any(std::span(ports.data(), i), same)) return std::nullopt;
                 return "nodePort " + std::to_string(*port.node_port);
               });
}

// A type that does not exist is told of as that, and of nothing that would depend on it.
bool is_inside_alone(const ServiceSpec& service) { return service.type == "ClusterIP"; }
bool has_no_load_balancer(const ServiceSpec& service) {
  return service.type == "ClusterIP" || service.type == "NodePort";
}

Found node_ports_need_a_type(const Workload& w) {
  if (!is_inside_alone(w.spec.service)) return std::nullopt;
  return first(w.spec.ports, "spec.ports",
               [](const Port& port, std::size_t) -> std::optional<std::string> {
                 if (!port.node_port) return std::nullopt;
                 return "nodePort " + std::to_string(*port.node_port);
               });
}

Found external_policy_needs_a_type(const Workload& w) {
  const ServiceSpec& service = w.spec.service;
  if (service.external_traffic_policy.empty() || !is_inside_alone(service)) return std::nullopt;
  return Breach{"spec.service.externalTrafficPolicy", excerpt(service.external_traffic_policy)};
}

Found load_balancer_class_needs_one(const Workload& w) {
  const ServiceSpec& service = w.spec.service;
  if (service.load_balancer_class.empty() || !has_no_load_balancer(service)) return std::nullopt;
  return Breach{"spec.service.loadBalancerClass", excerpt(service.load_balancer_class)};
}

Found source_ranges_need_a_load_balancer(const Workload& w) {
  const ServiceSpec& service = w.spec.service;
  const auto& ranges = service.load_balancer_source_ranges;
  if (ranges.empty() || !has_no_load_balancer(service)) return std::nullopt;
  return Breach{"spec.service.loadBalancerSourceRanges", excerpt(ranges.front())};
}

Found two_families_need_a_policy(const Workload& w) {
  const ServiceSpec& service = w.spec.service;
  const std::string& policy = service.ip_family_policy;
  if (service.ip_families.size() < 2 || (!policy.empty() && policy != "SingleStack")) {
    return std::nullopt;
  }
  return Breach{"spec.service.ipFamilyPolicy", policy.empty() ? "" : excerpt(policy)};
}

// --- Route, Ingress, HTTPRoute ---

Found route_needs_port(const Workload& w) {
  if (!w.spec.route || !w.spec.ports.empty()) return std::nullopt;
  return Breach{"spec.route", "a route without ports"};
}

Found route_leads_to_port(const Workload& w) {
  if (!w.spec.route || w.spec.ports.empty()) return std::nullopt;
  const std::string& target = w.spec.route->target_port;
  if (target.empty()) {
    const Port& port = w.spec.ports.front();
    if (port.protocol == "TCP") return std::nullopt;
    return Breach{"spec.route.targetPort", "the first port, " + port.name};
  }
  const auto right = [&](const Port& p) { return p.name == target && p.protocol == "TCP"; };
  if (any(w.spec.ports, right)) return std::nullopt;
  return Breach{"spec.route.targetPort", excerpt(target)};
}

bool passthrough(const Workload& w) {
  return w.spec.route && w.spec.route->tls && w.spec.route->tls->termination == "passthrough";
}

Found passthrough_has_no_path(const Workload& w) {
  if (!passthrough(w) || w.spec.route->path.empty()) return std::nullopt;
  return Breach{"spec.route.path", excerpt(w.spec.route->path)};
}

Found passthrough_allows_no_plain_text(const Workload& w) {
  if (!passthrough(w)) return std::nullopt;
  if (w.spec.route->tls->insecure_edge_termination_policy != "Allow") return std::nullopt;
  return Breach{"spec.route.tls.insecureEdgeTerminationPolicy", "Allow"};
}

Found passthrough_has_no_certificate(const Workload& w) {
  if (!passthrough(w) || w.spec.route->tls->certificate_secret.empty()) return std::nullopt;
  return Breach{"spec.route.tls.certificateSecret", excerpt(w.spec.route->tls->certificate_secret)};
}

Found destination_ca_is_for_reencrypt(const Workload& w) {
  if (!w.spec.route || !w.spec.route->tls) return std::nullopt;
  const RouteTls& tls = *w.spec.route->tls;
  if (tls.destination_ca_certificate.empty() || tls.termination == "reencrypt") return std::nullopt;
  return Breach{"spec.route.tls.destinationCACertificate", excerpt(tls.destination_ca_certificate)};
}

Found one_kind_of_ingress(const Workload& w) {
  if (!w.spec.route || !w.spec.route->parent_ref) return std::nullopt;
  if (w.spec.route->ingress_class_name.empty()) return std::nullopt;
  return Breach{"spec.route.ingressClassName", excerpt(w.spec.route->ingress_class_name)};
}

Found parent_ref_has_a_name(const Workload& w) {
  if (!w.spec.route || !w.spec.route->parent_ref) return std::nullopt;
  if (!text_of(*w.spec.route->parent_ref, "name").empty()) return std::nullopt;
  return Breach{"spec.route.parentRef.name", ""};
}

constexpr CrossFieldRule kExposureRules[] = {
    {"give each port a number and protocol of its own", ports_apart},
    {"give each nodePort to one port of a protocol", node_ports_apart},
    {"leave nodePort out, or set service.type to NodePort or LoadBalancer: no other Service has "
     "ports on the nodes",
     node_ports_need_a_type},
    {"leave externalTrafficPolicy out, or set type to NodePort or LoadBalancer: nothing reaches "
     "another Service from outside",
     external_policy_needs_a_type},
    {"leave loadBalancerClass out, or set type to LoadBalancer", load_balancer_class_needs_one},
    {"leave loadBalancerSourceRanges out, or set type to LoadBalancer: only a load balancer "
     "heeds them",
     source_ranges_need_a_load_balancer},
    {"set ipFamilyPolicy to PreferDualStack or RequireDualStack, or list one of ipFamilies",
     two_families_need_a_policy},
    {"add a port for the route to lead to, or leave route out", route_needs_port},
    {"set targetPort to the name of one of ports whose protocol is TCP", route_leads_to_port},
    {"leave path out: with passthrough the router sees no path", passthrough_has_no_path},
    {"use None or Redirect: with passthrough there is no plain text to allow",
     passthrough_allows_no_plain_text},
    {"leave certificateSecret out: with passthrough the application shows its own certificate",
     passthrough_has_no_certificate},
    {"leave destinationCACertificate out: only reencrypt checks the application's certificate",
     destination_ca_is_for_reencrypt},
    {"set ingressClassName for an Ingress or parentRef for an HTTPRoute, not both",
     one_kind_of_ingress},
    {"name the Gateway", parent_ref_has_a_name},
};

}  // namespace

std::span<const CrossFieldRule> exposure_rules() { return kExposureRules; }

}  // namespace swo::api
