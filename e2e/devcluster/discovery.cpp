#include "devcluster/discovery.hpp"

#include <map>
#include <set>

#include "devcluster/openapi.hpp"

namespace devcluster {
namespace {

using Groups = std::map<std::string, std::set<std::string>>;  // group → versions

struct Review {
  const char *group, *plural, *kind;
  bool namespaced;
};
// Served by reviews.cpp; stored nowhere.
constexpr Review kReviews[] = {
    {"authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", false},
    {"authentication.k8s.io", "tokenreviews", "TokenReview", false},
    {"authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", true},
    {"authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false},
    {"authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview", false},
    {"authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview", false},
};

const Json& all_verbs() {
  static const Json verbs = {"create", "delete", "deletecollection", "get",
                             "list",   "patch",  "update",           "watch"};
  return verbs;
}

Groups groups_of(const Catalog& catalog) {
  Groups out = {{"authentication.k8s.io", {"v1"}}, {"authorization.k8s.io", {"v1"}}};
  for (const TypePtr& type : catalog.all()) {
    if (type->group.empty()) continue;
    for (const auto& [version, served] : type->versions) out[type->group].insert(version);
  }
  return out;
}

// GA before beta before alpha, higher numbers first (apimachinery
// version.CompareKubeAwareVersionStrings).
bool better(const std::string& a, const std::string& b) {
  const auto rank = [](const std::string& v) {
    return v.find("alpha") != std::string::npos ? 0 : v.find("beta") != std::string::npos ? 1 : 2;
  };
  return rank(a) != rank(b) ? rank(a) > rank(b) : a > b;
}

std::string preferred(const std::set<std::string>& versions) {
  std::string best;
  for (const std::string& version : versions) {
    if (best.empty() || better(version, best)) best = version;
  }
  return best;
}

Json group_json(const std::string& group, const std::set<std::string>& versions) {
  Json list = Json::array();
  const std::string best = preferred(versions);
  const auto entry = [&](const std::string& version) {
    return Json{{"groupVersion", group + "/" + version}, {"version", version}};
  };
  list.push_back(entry(best));
  for (const std::string& version : versions) {
    if (version != best) list.push_back(entry(version));
  }
  return {{"name", group}, {"versions", list}, {"preferredVersion", entry(best)}};
}

void add_subresource(Json& list, const ResourceType& type, const std::string& sub,
                     const std::string& kind, Json verbs, const std::string& group = "",
                     const std::string& version = "") {
  Json entry = {{"name", type.plural + "/" + sub},
                {"singularName", ""},
                {"namespaced", type.namespaced},
                {"kind", kind},
                {"verbs", std::move(verbs)}};
  if (!group.empty()) entry["group"] = group;
  if (!version.empty()) entry["version"] = version;
  list.push_back(std::move(entry));
}

Json resources_json(const Catalog& catalog, const std::string& group, const std::string& version) {
  Json list = Json::array();
  for (const TypePtr& type : catalog.all()) {
    const auto served = type->versions.find(version);
    if (type->group != group || served == type->versions.end()) continue;
    Json entry = {{"name", type->plural},
                  {"singularName", type->singular},
                  {"namespaced", type->namespaced},
                  {"kind", type->kind},
                  {"verbs", all_verbs()}};
    if (!type->short_names.empty()) entry["shortNames"] = type->short_names;
    if (!type->categories.empty()) entry["categories"] = type->categories;
    list.push_back(std::move(entry));
    const Json change = {"get", "patch", "update"};
    if (served->second.status) add_subresource(list, *type, "status", type->kind, change);
    const bool scales = type->custom ? served->second.scale.is_object()
                                     : group == "apps" && type->plural != "daemonsets" &&
                                           type->plural != "controllerrevisions";
    if (scales) add_subresource(list, *type, "scale", "Scale", change, "autoscaling", "v1");
    if (group.empty() && type->plural == "pods") {
      add_subresource(list, *type, "binding", "Binding", {"create"});
      add_subresource(list, *type, "eviction", "Eviction", {"create"}, "policy", "v1");
      add_subresource(list, *type, "exec", "PodExecOptions", {"create", "get"});
      add_subresource(list, *type, "log", "Pod", {"get"});
      add_subresource(list, *type, "resize", "Pod", change);
    }
    if (group.empty() && type->plural == "serviceaccounts") {
      add_subresource(list, *type, "token", "TokenRequest", {"create"}, "authentication.k8s.io",
                      "v1");
    }
  }
  for (const Review& review : kReviews) {
    if (group != review.group) continue;
    list.push_back({{"name", review.plural},
                    {"singularName", ""},
                    {"namespaced", review.namespaced},
                    {"kind", review.kind},
                    {"verbs", {"create"}}});
  }
  return list;
}

Json version_json(const std::string& git_version) {
  const std::size_t first = git_version.find('.'), second = git_version.find('.', first + 1);
  return {{"major", git_version.substr(1, first - 1)},
          {"minor", git_version.substr(first + 1, second - first - 1)},
          {"gitVersion", git_version},
          {"gitCommit", "devcluster"},  // by which a client may know the stand-in
          {"gitTreeState", "clean"},
          {"platform", "linux/amd64"}};
}

Response json(const Json& body) { return json_response(200, body.dump() + "\n"); }

}  // namespace

std::optional<Response> discovery(const Catalog& catalog, const Target& target,
                                  const std::string& accept, const std::string& git_version) {
  const auto& s = target.segments;
  if (s.empty()) {
    return json({{"paths",
                  {"/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3",
                   "/readyz", "/version"}}});
  }
  if (s[0] == "healthz" || s[0] == "livez" || s[0] == "readyz") {
    return Response{200, {{"content-type", "text/plain; charset=utf-8"}}, "ok"};
  }
  if (s[0] == "version" && s.size() == 1) return json(version_json(git_version));
  if (s[0] == "openapi") return openapi(catalog, target, accept, git_version);
  if (s[0] == "api" && s.size() == 1) {
    return json({{"kind", "APIVersions"},
                 {"versions", {"v1"}},
                 {"serverAddressByClientCIDRs", Json::array()}});
  }
  if (s[0] == "api" && s.size() == 2 && s[1] == "v1") {
    return json({{"kind", "APIResourceList"},
                 {"groupVersion", "v1"},
                 {"resources", resources_json(catalog, "", "v1")}});
  }
  if (s[0] != "apis") return std::nullopt;
  const Groups groups = groups_of(catalog);
  if (s.size() == 1) {
    Json list = Json::array();
    for (const auto& [group, versions] : groups) list.push_back(group_json(group, versions));
    return json({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(list)}});
  }
  const auto group = groups.find(s[1]);
  if (group == groups.end()) return std::nullopt;
  if (s.size() == 2) {
    Json body = group_json(group->first, group->second);
    body["kind"] = "APIGroup";
    body["apiVersion"] = "v1";
    return json(body);
  }
  if (s.size() == 3 && group->second.count(s[2]) > 0) {
    return json({{"kind", "APIResourceList"},
                 {"apiVersion", "v1"},
                 {"groupVersion", s[1] + "/" + s[2]},
                 {"resources", resources_json(catalog, s[1], s[2])}});
  }
  return std::nullopt;
}

}  // namespace devcluster
