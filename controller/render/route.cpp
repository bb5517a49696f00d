// The Route (openshift/api route/v1), and the URL that a person can open.
#include <string>

#include "render/common.hpp"
#include "render/exposure.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

constexpr int kWholeWeight = 100;  // the API's default: all traffic to the one backend

Json route_tls(const api::RouteTls& tls) {
  Json result = {{"termination", tls.termination}};
  set_unless_empty(result, "insecureEdgeTerminationPolicy", tls.insecure_edge_termination_policy);
  // By reference, so that no key is read by the operator. Needs the router's leave to read that
  // Secret.
  if (carries_certificate(tls)) {
    result["externalCertificate"] = {{"name", tls.certificate_secret}};
  }
  if (tls.termination == "reencrypt") {
    set_unless_empty(result, "destinationCACertificate", tls.destination_ca_certificate);
  }
  return result;
}

}  // namespace

bool carries_certificate(const api::RouteTls& tls) {
  return !tls.certificate_secret.empty() && tls.termination != "passthrough";
}

const api::Port* exposed_port(const api::Workload& workload) {
  const auto& ports = workload.spec.ports;
  if (workload.spec.route) {
    for (const api::Port& port : ports) {
      if (!port.name.empty() && port.name == workload.spec.route->target_port) {
        return &port;
      }
    }
  }
  return ports.empty() ? nullptr : &ports.front();
}

bool is_passthrough(const api::RouteSpec& route) {
  return route.tls && route.tls->termination == "passthrough";
}

Json route(const api::Workload& workload) {
  const api::RouteSpec spec = workload.spec.route.value_or(api::RouteSpec{});
  Json route = {
      {"apiVersion", "route.openshift.io/v1"},
      {"kind", "Route"},
      {"metadata", metadata(workload, route_name(workload))},
      {"spec",
       {{"to", {{"kind", "Service"}, {"name", service_name(workload)}, {"weight", kWholeWeight}}},
        {"wildcardPolicy", "None"}}}};
  set_unless_empty(route["metadata"], "annotations", spec.annotations);
  if (const api::Port* port = exposed_port(workload); port != nullptr) {
    // The router looks for the name among the Service's ports, for a number among the Pods'.
    route["spec"]["port"]["targetPort"] =
        port->name.empty() ? Json(port->target_port.value_or(port->port)) : Json(port->name);
  }
  // Never applied empty: that would take the generated host away.
  set_unless_empty(route["spec"], "host", spec.host);
  if (!is_passthrough(spec)) {
    set_unless_empty(route["spec"], "path", spec.path);
  }
  if (spec.tls) {
    route["spec"]["tls"] = route_tls(*spec.tls);
  }
  return route;
}

std::string url(const api::Workload& workload, std::string_view admitted_host) {
  if (!workload.spec.route) {
    return {};
  }
  const api::RouteSpec& spec = *workload.spec.route;
  const std::string host = admitted_host.empty() ? spec.host : std::string(admitted_host);
  if (host.empty()) {
    return {};
  }
  return (spec.tls ? "https://" : "http://") + host + (is_passthrough(spec) ? "" : spec.path);
}

}  // namespace swo::render
