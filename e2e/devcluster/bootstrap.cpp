#include "devcluster/bootstrap.hpp"

namespace devcluster {
namespace {

using Json = nlohmann::json;

constexpr const char* kRbac = "/apis/rbac.authorization.k8s.io/v1/";

Json rule(std::vector<std::string> groups, std::vector<std::string> resources,
          std::vector<std::string> verbs) {
  return {{"apiGroups", std::move(groups)},
          {"resources", std::move(resources)},
          {"verbs", std::move(verbs)}};
}

Json paths(std::vector<std::string> urls) {
  return {{"nonResourceURLs", std::move(urls)}, {"verbs", {"get"}}};
}

Json cluster_role(const std::string& name, std::vector<Json> rules, Json labels = Json::object()) {
  return {{"metadata", {{"name", name}, {"labels", std::move(labels)}}},
          {"rules", std::move(rules)}};
}

// admin, edit and view collect the rules of the ClusterRoles that carry their label.
Json aggregated(const std::string& name) {
  const Json labels = {{"rbac.authorization.k8s.io/aggregate-to-" + name, "true"}};
  return {{"metadata", {{"name", name}}},
          {"aggregationRule",
           {{"clusterRoleSelectors", Json::array({Json{{"matchLabels", labels}}})}}}};
}

Json binding(const std::string& name, const std::string& role,
             const std::vector<std::string>& groups) {
  Json subjects = Json::array();
  for (const std::string& group : groups) subjects.push_back({{"kind", "Group"}, {"name", group}});
  return {{"metadata", {{"name", name}}},
          {"roleRef", {{"kind", "ClusterRole"}, {"name", role}}},
          {"subjects", std::move(subjects)}};
}

Json aggregate_labels(const std::vector<std::string>& roles) {
  Json out = Json::object();
  for (const std::string& role : roles)
    out["rbac.authorization.k8s.io/aggregate-to-" + role] = "true";
  return out;
}

}  // namespace

std::vector<std::pair<std::string, Json>> bootstrap_objects() {
  std::vector<std::pair<std::string, Json>> out;
  for (const char* name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    out.emplace_back("/api/v1/namespaces", Json{{"metadata", {{"name", name}}}});
  }
  out.emplace_back(
      "/apis/scheduling.k8s.io/v1/priorityclasses",
      Json{{"metadata", {{"name", "system-cluster-critical"}}}, {"value", 2000000000}});
  out.emplace_back("/apis/scheduling.k8s.io/v1/priorityclasses",
                   Json{{"metadata", {{"name", "system-node-critical"}}}, {"value", 2000001000}});

  const std::vector<std::string> read = {"get", "list", "watch"};
  const std::vector<std::string> write = {"create", "delete", "deletecollection", "patch",
                                          "update"};
  const std::vector<std::string> core = {"configmaps", "endpoints", "persistentvolumeclaims",
                                         "pods",       "services",  "serviceaccounts",
                                         "events"};
  const std::string roles = std::string(kRbac) + "clusterroles";
  out.emplace_back(roles,
                   cluster_role("cluster-admin", {rule({"*"}, {"*"}, {"*"}),
                                                  {{"nonResourceURLs", {"*"}}, {"verbs", {"*"}}}}));
  out.emplace_back(
      roles, cluster_role("system:discovery",
                          {paths({"/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez",
                                  "/openapi", "/openapi/*", "/readyz", "/version", "/version/"})}));
  out.emplace_back(
      roles, cluster_role("system:public-info-viewer",
                          {paths({"/healthz", "/livez", "/readyz", "/version", "/version/"})}));
  out.emplace_back(
      roles,
      cluster_role("system:basic-user",
                   {rule({"authorization.k8s.io"},
                         {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}, {"create"}),
                    rule({"authentication.k8s.io"}, {"selfsubjectreviews"}, {"create"})}));
  out.emplace_back(
      roles,
      cluster_role(
          "system:aggregate-to-view",
          {rule({""}, core, read), rule({""}, {"namespaces", "pods/log", "pods/status"}, read),
           rule({"apps"}, {"*"}, read), rule({"policy"}, {"poddisruptionbudgets"}, read),
           rule({"networking.k8s.io"}, {"ingresses", "networkpolicies"}, read)},
          aggregate_labels({"view", "edit", "admin"})));
  out.emplace_back(
      roles,
      cluster_role(
          "system:aggregate-to-edit",
          {rule({""}, core, write), rule({""}, {"secrets"}, {"*"}),
           rule({""}, {"pods/exec", "pods/attach", "pods/portforward", "pods/eviction"}, {"*"}),
           rule({""}, {"serviceaccounts/token"}, {"create"}), rule({"apps"}, {"*"}, write),
           rule({"policy"}, {"poddisruptionbudgets"}, write),
           rule({"networking.k8s.io"}, {"ingresses", "networkpolicies"}, write)},
          aggregate_labels({"edit", "admin"})));
  out.emplace_back(
      roles, cluster_role("system:aggregate-to-admin",
                          {rule({"rbac.authorization.k8s.io"}, {"roles", "rolebindings"}, {"*"})},
                          aggregate_labels({"admin"})));
  for (const char* name : {"view", "edit", "admin"}) out.emplace_back(roles, aggregated(name));

  const std::string bindings = std::string(kRbac) + "clusterrolebindings";
  out.emplace_back(bindings, binding("cluster-admin", "cluster-admin", {"system:masters"}));
  out.emplace_back(bindings,
                   binding("system:discovery", "system:discovery", {"system:authenticated"}));
  out.emplace_back(bindings,
                   binding("system:basic-user", "system:basic-user", {"system:authenticated"}));
  out.emplace_back(bindings, binding("system:public-info-viewer", "system:public-info-viewer",
                                     {"system:authenticated", "system:unauthenticated"}));
  return out;
}

}  // namespace devcluster
