// The node ports of Services, on 127.0.0.1: what kube-proxy does on every node, for the one machine
// that all of the stand-in's nodes share. TCP alone. A port that something else on this machine
// holds is told of on standard output, and goes without.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "devcluster/api_server.hpp"
#include "devcluster/feed.hpp"
#include "devcluster/front_routes.hpp"

namespace devcluster {

class Loopback;

class NodePorts {
 public:
  static constexpr std::size_t kMost = 64;
  NodePorts(ApiServer& server, FrontDoor::Connect connect);
  ~NodePorts();

  // Opens and closes ports as Services have come and gone since the last call. Not thread-safe.
  void follow();

 private:
  void follow(const Delta& service);

  ApiServer& server_;
  FrontDoor::Connect connect_;
  Feed services_;
  // By Service: its ports with the name of the Service's port each leads to.
  using Ports = std::map<int, std::pair<std::string, std::unique_ptr<Loopback>>>;
  std::map<std::string, Ports> open_;
};

}  // namespace devcluster
