#include "support/end_state.hpp"

#include <iterator>
#include <set>
#include <vector>

namespace swo::test {
namespace {

using Json = devcluster::Json;

void scrub(Json& value) {
  static const std::set<std::string> differing = {
      "uid",       "resourceVersion", "creationTimestamp", "managedFields",
      "clusterIP", "clusterIPs",      "nodeName",          "status",
      "value",     "generation"};
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end();) {
      member = differing.contains(member.key()) ? value.erase(member)
                                                : (scrub(*member), std::next(member));
    }
  } else if (value.is_array()) {
    for (Json& item : value) {
      scrub(item);
    }
  }
}

}  // namespace

std::string end_of(devcluster::Api& admin, const std::string& ns) {
  std::string text;
  const std::string in = "/namespaces/" + ns + "/";
  const std::vector<std::string> collections = {
      "/api/v1" + in + "pods",
      "/api/v1" + in + "services",
      "/api/v1" + in + "serviceaccounts",
      "/apis/rbac.authorization.k8s.io/v1" + in + "roles",
      "/apis/rbac.authorization.k8s.io/v1" + in + "rolebindings",
      "/apis/route.openshift.io/v1" + in + "routes",
      "/apis/policy/v1" + in + "poddisruptionbudgets",
      "/apis/security.openshift.io/v1/securitycontextconstraints"};
  for (const auto& collection : collections) {
    for (Json object : admin.list(collection)) {
      scrub(object);
      text += object.dump() + "\n";
    }
  }
  return text;
}

}  // namespace swo::test
