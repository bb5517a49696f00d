// GET pods/log: what a Pod's container has written, whole, in part, of the run before, or followed.
// Source: kubernetes pkg/registry/core/pod/rest/log.go, strategy.go (LogLocation) for the refusals.
#pragma once

#include <string>

#include "devcluster/controller.hpp"
#include "devcluster/node_agent.hpp"
#include "devcluster/wakers.hpp"

namespace devcluster {

// Thread-safe.
class Logs {
 public:
  Logs(World& world, NodeAgent& agent) : world_(world), agent_(agent) {}
  void install();
  // Something may have been written: followers look.
  void wake() { followers_.call(); }

 private:
  class Follower;
  Answer serve(const Request& request, const std::string& ns, const std::string& name);

  World& world_;
  NodeAgent& agent_;
  Wakers followers_;
};

}  // namespace devcluster
