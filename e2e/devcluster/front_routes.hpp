// Where the cluster's router leads a host: Route or Ingress → Service → a ready Pod.
#pragma once

#include <optional>
#include <string>

#include "devcluster/front_door.hpp"

namespace devcluster {

struct RouteTarget {
  std::string ns, service;
  Json port;                // name or number; null = the first
  std::string termination;  // of TLS: "edge", "passthrough", "reencrypt"; "": plain HTTP alone
  std::string insecure;     // what becomes of plain HTTP then: "Allow", "Redirect"; else nothing
  bool operator==(const RouteTarget&) const = default;
};

std::optional<RouteTarget> find_target(Api& api, const std::string& host);
// A connected socket into one of its Pods, or -1.
int connect_target(Api& api, const RouteTarget& target, const FrontDoor::Connect& connect);

}  // namespace devcluster
