// Where there is no Route API: Ingress (networking.k8s.io/v1), or HTTPRoute
// (gateway.networking.k8s.io/v1).
//
// Lists that are replaced as a whole carry the server's defaults, so that what is read back is what
// was applied.
#include <string>

#include "render/common.hpp"
#include "render/exposure.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

std::string path_or_root(const api::RouteSpec& spec) { return spec.path.empty() ? "/" : spec.path; }

}  // namespace

Json ingress(const api::Workload& workload) {
  const api::RouteSpec spec = workload.spec.route.value_or(api::RouteSpec{});
  Json backend = {{"name", service_name(workload)}};
  if (const api::Port* port = exposed_port(workload); port != nullptr) {
    backend["port"] =
        port->name.empty() ? Json{{"number", port->port}} : Json{{"name", port->name}};
  }
  Json rule = {{"http",
                {{"paths", Json::array({{{"path", path_or_root(spec)},
                                         {"pathType", "Prefix"},
                                         {"backend", {{"service", backend}}}}})}}}};
  set_unless_empty(rule, "host", spec.host);
  Json ingress = {{"apiVersion", "networking.k8s.io/v1"},
                  {"kind", "Ingress"},
                  {"metadata", metadata(workload, route_name(workload))},
                  {"spec", {{"rules", Json::array({rule})}}}};
  set_unless_empty(ingress["metadata"], "annotations", spec.annotations);
  set_unless_empty(ingress["spec"], "ingressClassName", spec.ingress_class_name);
  // Ingress can only end TLS itself: edge. Passing through or encrypting anew is up to the
  // controller's own annotations, which route.annotations carries; without them no Ingress is made
  // (platform/rules_exposure.cpp).
  if (spec.tls && !is_passthrough(spec)) {
    Json tls = Json::object();
    if (!spec.host.empty()) {
      tls["hosts"] = Json::array({spec.host});
    }
    set_unless_empty(tls, "secretName", spec.tls->certificate_secret);
    ingress["spec"]["tls"] = Json::array({tls});
  }
  return ingress;
}

// TLS ends at the Gateway's listener, so spec.route.tls has no place here.
Json http_route(const api::Workload& workload) {
  const api::RouteSpec spec = workload.spec.route.value_or(api::RouteSpec{});
  Json parent = spec.parent_ref.value_or(Json::object());
  parent.emplace("group", "gateway.networking.k8s.io");
  parent.emplace("kind", "Gateway");
  Json backend = {
      {"group", ""}, {"kind", "Service"}, {"name", service_name(workload)}, {"weight", 1}};
  if (const api::Port* port = exposed_port(workload); port != nullptr) {
    backend["port"] = port->port;
  }
  Json route = {
      {"apiVersion", "gateway.networking.k8s.io/v1"},
      {"kind", "HTTPRoute"},
      {"metadata", metadata(workload, route_name(workload))},
      {"spec",
       {{"parentRefs", Json::array({parent})},
        {"rules",
         Json::array(
             {{{"matches",
                Json::array({{{"path", {{"type", "PathPrefix"}, {"value", path_or_root(spec)}}}}})},
               {"backendRefs", Json::array({backend})}}})}}}};
  set_unless_empty(route["metadata"], "annotations", spec.annotations);
  if (!spec.host.empty()) {
    route["spec"]["hostnames"] = Json::array({spec.host});
  }
  return route;
}

}  // namespace swo::render
