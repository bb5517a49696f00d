// Sources: kubernetes plugin/pkg/admission/gc (OwnerReferencesPermissionEnforcement),
// pkg/registry/rbac/escalation_check.go and validation/rule.go.
#include <algorithm>

#include "devcluster/server_impl.hpp"

namespace devcluster {
namespace {

constexpr const char* kRbacGroup = "rbac.authorization.k8s.io";

Subject subject_of(const Call& call, const Json& object) {
  return call.type->subject(object["metadata"].value("name", ""));
}

std::string groups_text(const User& user) {
  std::string out;
  for (const std::string& group : user.groups) out += (out.empty() ? "\"" : "\" \"") + group;
  return out.empty() ? "" : " (groups=[" + out + "\"])";
}

}  // namespace

void ApiServer::Impl::check_owner_references(const Call& call, const Json& object,
                                             const Json* old) const {
  const Json now = object["metadata"].value("ownerReferences", Json::array());
  const Json before =
      old == nullptr ? Json::array() : (*old)["metadata"].value("ownerReferences", Json::array());
  if (now == before) return;
  const ResourcePath& path = call.path;
  if (old != nullptr &&
      !rbac.allows(call.user, {"delete", path.group, path.resource, "", path.ns, path.name})) {
    throw forbidden(subject_of(call, object),
                    "cannot set an ownerRef on a resource you can't delete: , <nil>");
  }
  for (const Json& owner : now) {
    if (!owner.value("blockOwnerDeletion", false)) continue;
    if (std::find(before.begin(), before.end(), owner) != before.end()) continue;
    const std::string group = group_of(owner.value("apiVersion", ""));
    const TypePtr type = catalog.find_kind(group, owner.value("kind", ""));
    const bool may =
        type != nullptr &&
        rbac.allows(call.user, {"update", group, type->plural, "finalizers",
                                type->namespaced ? path.ns : "", owner.value("name", "")});
    if (!may) {
      throw forbidden(subject_of(call, object),
                      "cannot set blockOwnerDeletion if an ownerReference refers to a "
                      "resource you can't set finalizers on: , <nil>");
    }
  }
}

void ApiServer::Impl::check_escalation(const Call& call, const Json& object,
                                       const Json* old) const {
  const bool binding = object.contains("roleRef");
  const std::string name = object["metadata"].value("name", "");
  Rules wanted;
  if (binding) {
    const Json& role = object["roleRef"];
    const std::string kind = role.value("kind", ""), role_name = role.value("name", "");
    const bool cluster = kind == "ClusterRole";
    if (old != nullptr && old->value("subjects", Json()) == object.value("subjects", Json()))
      return;
    if (rbac.allows(call.user, {"bind", kRbacGroup, cluster ? "clusterroles" : "roles", "",
                                cluster ? "" : call.path.ns, role_name})) {
      return;
    }
    wanted = rbac.role_rules(call.path.ns, kind, role_name);
    const ObjectKey key{catalog.find(kRbacGroup, cluster ? "clusterroles" : "roles"),
                        cluster ? "" : call.path.ns, role_name};
    if (wanted.empty()) get(key);
  } else {
    if (old != nullptr && old->value("rules", Json()) == object.value("rules", Json())) return;
    if (rbac.allows(call.user,
                    {"escalate", kRbacGroup, call.path.resource, "", call.path.ns, name}))
      return;
    wanted = rules_from(object);
  }
  const std::string missing = rbac.not_held(call.user, call.path.ns, wanted);
  if (missing.empty()) return;
  throw forbidden(subject_of(call, object),
                  "user \"" + call.user.name + "\"" + groups_text(call.user) +
                      " is attempting to grant RBAC permissions not currently held:" + missing);
}

void ApiServer::Impl::check_grants(const Call& call, const Json& object, const Json* old) const {
  check_owner_references(call, object, old);
  if (call.type->group == kRbacGroup) check_escalation(call, object, old);
}

}  // namespace devcluster
