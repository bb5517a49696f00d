// pods/exec: a program run in a Pod's container, over WebSockets as kubectl ≥ 1.30 speaks it.
// Source: kubernetes pkg/registry/core/pod/strategy.go (ExecLocation) for the refusals,
// k8s.io/apimachinery pkg/util/remotecommand for the subprotocols (KEP-4006).
#pragma once

#include "devcluster/controller.hpp"
#include "devcluster/node_agent.hpp"

namespace devcluster {

// Serves it from now on; `world` and `agent` must outlive the server. Thread-safe.
void install_exec(World& world, NodeAgent& agent);

}  // namespace devcluster
