// Runs the stand-in's Pods for real, by crun, with one node::PodRuntime for each of its machines.
//
// Needs what node::unsupported_because() asks for and an image store; see main.cpp for when it is
// chosen. Time is the machine's: there is no virtual time with it.
#pragma once

#include <memory>
#include <string>

#include "devcluster/node_agent.hpp"

namespace devcluster {

struct RealAgentOptions {
  std::string image_dir;    // OCI layout, see node/image_store.hpp
  std::string scratch_dir;  // bundles, logs, what claims hold; made, and removed with the agent
};

// `world` must outlive it.
std::unique_ptr<NodeAgent> real_agent(World& world, RealAgentOptions options);

}  // namespace devcluster
