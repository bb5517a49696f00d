// What a cluster holds before anyone has done anything: namespaces, priority classes, default RBAC.
// Source: kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (abridged).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace devcluster {

// Collection path and object, in the order to create them.
std::vector<std::pair<std::string, nlohmann::json>> bootstrap_objects();

}  // namespace devcluster
