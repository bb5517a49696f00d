// How the workload is reached from outside on this platform, and what of spec.route only a Route
// can do. Sources: networking.k8s.io/v1 IngressTLS and gateway.networking.k8s.io/v1 HTTPRoute,
// where TLS ends at the controller or the listener; the annotations of ingress-nginx
// (user-guide/nginx-configuration/annotations.md) and of HAProxy (kubernetes-ingress
// documentation/annotations.md).

#include <algorithm>

#include "api/json_read.hpp"
#include "platform/rules.hpp"

namespace swo::platform {
namespace {

// By what an Ingress controller is told to do what the Ingress has no field for, after the prefix
// that is the controller's own.
struct ControllersWay {
  std::string_view termination;
  std::string_view annotation;
  std::string_view value;
};
constexpr ControllersWay kControllersWays[] = {
    {"passthrough", "/ssl-passthrough", "true"},
    {"reencrypt", "/backend-protocol", "HTTPS"},
    {"reencrypt", "/server-ssl", "true"},
};

bool asks_the_controller(const api::RouteSpec& route) {
  return std::ranges::any_of(kControllersWays, [&](const ControllersWay& way) {
    if (way.termination != route.tls->termination) {
      return false;
    }
    for (const auto& [name, value] : route.annotations.items()) {
      if (name.ends_with(way.annotation) && text(value) == way.value) {
        return true;
      }
    }
    return false;
  });
}

// An Ingress without the termination would be served in clear (passthrough), or send on in clear
// what it has decrypted (reencrypt). Whoever asks for either has said that the traffic is to be
// encrypted all the way, so nothing is exposed rather than that.
std::optional<Blocker> lacks_termination(const api::RouteSpec& route) {
  const std::string termination = route.tls ? route.tls->termination : std::string();
  const bool passthrough = termination == "passthrough";
  if (!passthrough && termination != "reencrypt") {
    return std::nullopt;
  }
  std::string remedy;
  if (route.parent_ref) {
    remedy = passthrough
                 ? "use a TLSRoute of your own to the workload's Service, and leave spec.route out"
                 : "set termination: edge, and have a BackendTLSPolicy of your own for the "
                   "workload's Service encrypt the rest of the way";
  } else if (asks_the_controller(route)) {
    return std::nullopt;
  } else {
    remedy = std::string(
                 "if the Ingress controller can do it, say so in spec.route.annotations "
                 "in its own words, as in nginx.ingress.kubernetes.io/") +
             (passthrough ? "ssl-passthrough: \"true\"" : "backend-protocol: HTTPS") +
             "; else set termination: edge";
  }
  const std::string kind = route.parent_ref ? "HTTPRoute" : "Ingress";
  return Blocker{
      .reason = "TerminationUnsupported",
      .message = "spec.route.tls.termination: " + termination + " is nothing that an " + kind +
                 " can do, and this cluster has no Route API. So no " + kind +
                 " is made, as it would carry in clear what was to be encrypted: " + remedy + ".",
      .holds_pods = false};
}

void check_host(Context& context, const api::RouteSpec& route) {
  if (!route.host.empty()) {
    return;
  }
  context.warn("IngressWithoutHost",
               "spec.route.host is empty, and without the Route API no host is generated: the "
               "Ingress takes every request to its controller that no other Ingress asks for, of "
               "whatever host. Set spec.route.host.");
}

// What of spec.route.tls is left to whoever ends TLS there.
void check_tls(Context& context, const api::RouteSpec& route) {
  if (!route.tls) {
    return;
  }
  const bool insecure = !route.tls->insecure_edge_termination_policy.empty();
  if (route.parent_ref) {
    context.warn("TlsByGateway",
                 "An HTTPRoute says nothing of TLS: certificate and what becomes of plain HTTP are "
                 "the Gateway listener's. Name an HTTPS listener in spec.route.parentRef "
                 "(sectionName)" +
                     std::string(insecure ? ", and have the HTTP one redirect or refuse: "
                                            "insecureEdgeTerminationPolicy is passed over."
                                          : "."));
  } else if (insecure) {
    context.warn("InsecurePolicyIgnored",
                 "spec.route.tls.insecureEdgeTerminationPolicy is nothing that an Ingress can say: "
                 "its controller decides about plain HTTP. Tell it in spec.route.annotations in "
                 "its own words, as in nginx.ingress.kubernetes.io/ssl-redirect, and leave the "
                 "field out.");
  }
}

}  // namespace

void choose_exposure(Context& context) {
  context.strategy.host_route = context.facts.has_route;
  const auto& route = context.workload.spec.route;
  if (!route) {
    return;
  }
  if (context.facts.has_route) {
    context.reason("exposure", "Route");
    return;
  }
  context.strategy.exposure_blocker = lacks_termination(*route);
  if (context.strategy.exposure_blocker) {
    context.reason("exposure", "none: TLS cannot end where the workload asks");
  } else if (route->parent_ref && context.facts.has_gateway) {
    context.reason("exposure", "HTTPRoute, because the workload names a Gateway");
    check_tls(context, *route);
  } else if (route->parent_ref) {
    context.reason("exposure", "HTTPRoute as the workload asks");
    context.warn("NoGatewayApi",
                 "spec.route.parentRef asks for an HTTPRoute, and this cluster has no "
                 "gateway.networking.k8s.io. Install the Gateway API, or leave "
                 "parentRef out for an Ingress.");
  } else {
    context.reason("exposure", "Ingress, because there is no Route API");
    check_host(context, *route);
    check_tls(context, *route);
  }
}

}  // namespace swo::platform
