// The operator's ClusterRoles, and how one right is taken out of them.
#pragma once

#include <functional>
#include <string>

#include "api/json.hpp"

namespace swo::test {

inline const std::string cluster_roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
inline constexpr const char* our_roles[] = {"systemd-workload-operator",
                                            "systemd-workload-operator-cluster",
                                            "systemd-workload-operator-shared"};

// One verb on one resource.
struct Right {
  std::string group, resource, verb;
  bool operator==(const Right&) const = default;
};

// The rules without what `taken` says: a resource of several gets a rule of its own.
Json rules_without(const Json& rules, const std::function<bool(const Right&)>& taken);

}  // namespace swo::test
