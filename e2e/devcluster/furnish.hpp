// What a cluster of a profile has in it before anyone has created anything: nodes, pools,
// configuration, SecurityContextConstraints, classes. Written once, through the API.
#pragma once

#include "devcluster/controller.hpp"

namespace devcluster {

// Creates the objects and the machines of `world`; throws std::runtime_error when the server
// refuses one.
void furnish(World& world, int masters, int workers);

}  // namespace devcluster
