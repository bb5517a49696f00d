// Oracle L: how a cluster is in the end, so that two runs can be held against each other.
#pragma once

#include <string>

#include "devcluster/api_server.hpp"

namespace swo::test {

// The objects of that namespace and the shared ones, a line each, without what differs between two
// runs that are equal: identity, addresses, times, placement, status.
std::string end_of(devcluster::Api& admin, const std::string& ns);

}  // namespace swo::test
