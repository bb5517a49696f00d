#include "devcluster/front_routes.hpp"

#include <vector>

#include "devcluster/controller.hpp"

namespace devcluster {
namespace {

// Nothing where the cluster does not serve the resource.
std::vector<Json> list_served(Api& api, const std::string& collection) {
  std::vector<Json> objects;
  attempt([&] { objects = api.list(collection); });
  return objects;
}

}  // namespace

std::optional<RouteTarget> find_target(Api& api, const std::string& host) {
  for (const auto& route : list_served(api, "/apis/route.openshift.io/v1/routes")) {
    const auto& spec = route["spec"];
    if (spec.value("host", "") == host) {
      const auto tls = spec.value("tls", Json::object());
      return RouteTarget{route["metadata"]["namespace"], spec["to"]["name"],
                         spec.value("port", Json::object()).value("targetPort", Json()),
                         tls.value("termination", ""),
                         tls.value("insecureEdgeTerminationPolicy", "")};
    }
  }
  for (const auto& ingress : list_served(api, "/apis/networking.k8s.io/v1/ingresses")) {
    for (const auto& rule : ingress["spec"].value("rules", Json::array())) {
      const std::string rule_host = rule.value("host", "");
      if (!rule_host.empty() && rule_host != host) continue;
      const auto& backend = rule["http"]["paths"][0]["backend"]["service"];
      const auto port = backend.value("port", Json::object());
      return RouteTarget{ingress["metadata"]["namespace"], backend["name"],
                         port.contains("name") ? port["name"] : port.value("number", Json()),
                         ingress["spec"].contains("tls") ? "edge" : "", "Allow"};
    }
  }
  return std::nullopt;
}

int connect_target(Api& api, const RouteTarget& target, const FrontDoor::Connect& connect) {
  const auto endpoints = api.get("/api/v1/endpoints", target.ns + "/" + target.service);
  if (!endpoints) return -1;
  for (const auto& subset : endpoints->value("subsets", Json::array())) {
    int port = 0;
    for (const auto& one : subset.value("ports", Json::array())) {
      if (target.port.is_null() || one.value("name", "") == target.port ||
          one["port"] == target.port) {
        port = one["port"];
        break;
      }
    }
    for (const auto& address : subset.value("addresses", Json::array())) {
      const int socket = connect(address["targetRef"].value("uid", ""), port);
      if (socket >= 0) return socket;
    }
  }
  return -1;
}

}  // namespace devcluster
