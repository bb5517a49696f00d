// Who the instances are, and that they may use their SCC.
#include <string>

#include "render/common.hpp"
#include "render/render.hpp"

namespace swo::render {

Json service_account(const api::Workload& workload) {
  return {{"apiVersion", "v1"},
          {"kind", "ServiceAccount"},
          {"metadata", metadata(workload, service_account_name(workload))},
          {"automountServiceAccountToken", workload.spec.platform.automount_service_account_token}};
}

// `use` by resourceNames: this SCC and no other.
Json role(const api::Workload& workload, const platform::Strategy& strategy) {
  return {{"apiVersion", "rbac.authorization.k8s.io/v1"},
          {"kind", "Role"},
          {"metadata", metadata(workload, role_name(workload))},
          {"rules", Json::array({{{"apiGroups", {"security.openshift.io"}},
                                  {"resources", {"securitycontextconstraints"}},
                                  {"resourceNames", Json::array({scc_name(workload, strategy)})},
                                  {"verbs", Json::array({"use"})}}})}};
}

Json role_binding(const api::Workload& workload) {
  Json subject = {{"kind", "ServiceAccount"}, {"name", service_account_name(workload)}};
  set_unless_empty(subject, "namespace", workload.ns);
  return {{"apiVersion", "rbac.authorization.k8s.io/v1"},
          {"kind", "RoleBinding"},
          {"metadata", metadata(workload, role_name(workload))},
          {"roleRef",
           {{"apiGroup", "rbac.authorization.k8s.io"},
            {"kind", "Role"},
            {"name", role_name(workload)}}},
          {"subjects", Json::array({subject})}};
}

}  // namespace swo::render
