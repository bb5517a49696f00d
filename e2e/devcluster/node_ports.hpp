// The node ports of Services, on 127.0.0.1: what kube-proxy does on every node, for the one machine
// that all of the stand-in's nodes share. TCP alone. A port that something else on this machine
// holds is told of on standard output, and goes without.
#pragma once

#include <map>
#include <memory>

#include "devcluster/api_server.hpp"
#include "devcluster/front_routes.hpp"

namespace devcluster {

class Loopback;

class NodePorts {
 public:
  NodePorts(ApiServer& server, FrontDoor::Connect connect);
  ~NodePorts();

  // Opens and closes ports as Services have come and gone since the last call. Not thread-safe.
  void follow();

 private:
  struct Open {
    RouteTarget target;
    std::unique_ptr<Loopback> loopback;  // null where the port cannot be had
  };

  Api api_;
  FrontDoor::Connect connect_;
  std::map<int, Open> open_;
};

}  // namespace devcluster
