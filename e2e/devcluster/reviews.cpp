// authorization.k8s.io and authentication.k8s.io: questions that are asked by creating an object.
#include "devcluster/server_impl.hpp"

namespace devcluster {
namespace {

Access access_of(const Json& spec) {
  if (spec.contains("nonResourceAttributes")) {
    const Json& a = spec["nonResourceAttributes"];
    return {a.value("verb", ""), "", "", "", "", "", a.value("path", "")};
  }
  const Json a = spec.value("resourceAttributes", Json::object());
  return {a.value("verb", ""),        a.value("group", ""),     a.value("resource", ""),
          a.value("subresource", ""), a.value("namespace", ""), a.value("name", "")};
}

Json user_info(const User& user) {
  Json out = {{"username", user.name}, {"groups", user.groups}};
  if (!user.uid.empty()) out["uid"] = user.uid;
  return out;
}

Json rules_status(const Rules& rules) {
  Json resource = Json::array(), non_resource = Json::array();
  for (const PolicyRule& rule : rules) {
    if (!rule.paths.empty()) {
      non_resource.push_back({{"verbs", rule.verbs}, {"nonResourceURLs", rule.paths}});
      continue;
    }
    Json item = {{"verbs", rule.verbs}, {"apiGroups", rule.groups}, {"resources", rule.resources}};
    if (!rule.names.empty()) item["resourceNames"] = rule.names;
    resource.push_back(std::move(item));
  }
  return {{"resourceRules", resource}, {"nonResourceRules", non_resource}, {"incomplete", false}};
}

}  // namespace

bool ApiServer::Impl::is_review(const Call& call) const {
  return call.path.group == "authorization.k8s.io" || call.path.group == "authentication.k8s.io";
}

Response ApiServer::Impl::review(Call& call) {
  if (call.verb != "create" || !call.path.name.empty()) throw no_such_path();
  Json object = body_of(call);
  if (!object.is_object()) throw bad_request("the body must be a JSON object");
  const Json spec = object.value("spec", Json::object());
  const std::string& what = call.path.resource;
  if (!object.contains("metadata")) object["metadata"] = Json::object();  // as the real one answers
  Json& status = object["status"];
  status = Json::object();
  if (what == "selfsubjectaccessreviews" || what == "subjectaccessreviews" ||
      what == "localsubjectaccessreviews") {
    User user = call.user;
    if (what[0] != 's' || what.compare(0, 4, "self") != 0) {
      user = {spec.value("user", ""), spec.value("groups", std::vector<std::string>{}), ""};
    }
    status["allowed"] = rbac.allows(user, access_of(spec));
  } else if (what == "selfsubjectrulesreviews") {
    status = rules_status(rbac.rules_for(call.user, spec.value("namespace", "")));
  } else if (what == "selfsubjectreviews") {
    status["userInfo"] = user_info(call.user);
  } else if (what == "tokenreviews") {
    const auto token = identity.find(spec.value("token", ""));
    const bool valid = token && (!token->expires || options.clock() < *token->expires);
    status["authenticated"] = valid;
    if (valid) status["user"] = user_info(token->user);
  } else {
    throw no_such_path();
  }
  return json_line(201, object);
}

}  // namespace devcluster
