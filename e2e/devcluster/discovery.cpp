#include "devcluster/discovery.hpp"

#include <map>
#include <set>

namespace devcluster {
namespace {

using Groups = std::map<std::string, std::set<std::string>>;  // group → versions

Groups groups_of(const Catalog& catalog) {
  Groups out;
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

Json subresource_json(const ResourceType& type, const Subresource& sub) {
  Json out = {{"name", type.plural + "/" + sub.name},
              {"singularName", ""},
              {"namespaced", type.namespaced},
              {"kind", sub.kind},
              {"verbs", sub.verbs}};
  if (!sub.group.empty()) out["group"] = sub.group;
  if (!sub.version.empty()) out["version"] = sub.version;
  return out;
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
                  {"verbs", type->verbs}};
    if (!type->short_names.empty()) entry["shortNames"] = type->short_names;
    if (!type->categories.empty()) entry["categories"] = type->categories;
    list.push_back(std::move(entry));
    const std::vector<std::string> change = {"get", "patch", "update"};
    const auto add = [&](const Subresource& sub) { list.push_back(subresource_json(*type, sub)); };
    if (served->second.status) add({"status", type->kind, "", "", change});
    if (!served->second.scale.is_null()) add({"scale", "Scale", "autoscaling", "v1", change});
    for (const Subresource& sub : type->subresources) add(sub);
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

}  // namespace

std::optional<Response> discovery(const Catalog& catalog, const Target& target,
                                  const std::string& accept, const std::string& git_version) {
  const auto& s = target.segments;
  if (s.empty()) {
    return json_line(200, {{"paths",
                            {"/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2",
                             "/openapi/v3", "/readyz", "/version"}}});
  }
  if (s[0] == "healthz" || s[0] == "livez" || s[0] == "readyz") {
    return Response{200, {{"content-type", "text/plain; charset=utf-8"}}, "ok"};
  }
  if (s[0] == "version" && s.size() == 1) return json_line(200, version_json(git_version));
  if (s[0] == "openapi") return openapi(catalog, target, accept, git_version);
  if (s[0] == "api" && s.size() == 1) {
    return json_line(200, {{"kind", "APIVersions"},
                           {"versions", {"v1"}},
                           {"serverAddressByClientCIDRs", Json::array()}});
  }
  if (s[0] == "api" && s.size() == 2 && s[1] == "v1") {
    return json_line(200, {{"kind", "APIResourceList"},
                           {"groupVersion", "v1"},
                           {"resources", resources_json(catalog, "", "v1")}});
  }
  if (s[0] != "apis") return std::nullopt;
  const Groups groups = groups_of(catalog);
  if (s.size() == 1) {
    Json list = Json::array();
    for (const auto& [group, versions] : groups) list.push_back(group_json(group, versions));
    return json_line(200,
                     {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(list)}});
  }
  const auto group = groups.find(s[1]);
  if (group == groups.end()) return std::nullopt;
  if (s.size() == 2) {
    Json body = group_json(group->first, group->second);
    body["kind"] = "APIGroup";
    body["apiVersion"] = "v1";
    return json_line(200, body);
  }
  if (s.size() == 3 && group->second.count(s[2]) > 0) {
    return json_line(200, {{"kind", "APIResourceList"},
                           {"apiVersion", "v1"},
                           {"groupVersion", s[1] + "/" + s[2]},
                           {"resources", resources_json(catalog, s[1], s[2])}});
  }
  return std::nullopt;
}

}  // namespace devcluster
