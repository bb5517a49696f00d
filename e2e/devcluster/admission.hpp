// The admission of what is created: Pods (ServiceAccount, fields that this generation does not
// have, SCC), namespaces (their ranges), Services (addresses), Routes (host). Each as the plugin or
// strategy that it imitates does it; cited in admission.cpp. Thread-safe.
#pragma once

#include "devcluster/controller.hpp"

namespace devcluster {

// Installs them in world.server. `world` must outlive the server's last request.
void install_admission(World& world);

// May this user do that? By SubjectAccessReview; always true where RBAC is off.
struct AccessQuestion {
  std::string user;
  std::vector<std::string> groups;
  std::string verb, group, resource, subresource, ns, name;
};
bool allowed(World& world, const AccessQuestion& question);

}  // namespace devcluster
