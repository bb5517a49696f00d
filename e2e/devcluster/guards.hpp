// What a user may write only if he holds rights beyond the verb itself.
//
// Sources: kubernetes plugin/pkg/admission/gc (OwnerReferencesPermissionEnforcement),
// pkg/registry/rbac/escalation_check.go and validation/rule.go.
#pragma once

#include "devcluster/server_impl.hpp"

namespace devcluster {

struct Guard {
  const ApiServer::Impl& server;
  const Call& call;
};

// Refusal 403 when `object` sets a blockOwnerDeletion or grants an RBAC rule that the user may not.
// `old` is null on create.
void check_grants(const Guard& guard, const Json& object, const Json* old);

}  // namespace devcluster
