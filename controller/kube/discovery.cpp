#include "kube/discovery.hpp"

#include <utility>

#include "api/json_read.hpp"

namespace swo::kube {
namespace {

Error bad_answer(std::string_view path) {
  return make_error(ErrorKind::kBadResponse,
                    "the answer to " + std::string(path) + " is not what an API server sends");
}

Result<Json> get_object(Client& client, std::string_view path) {
  auto text = client.get_raw(path);
  if (!text) return text.error();
  Json object = Json::parse(*text, nullptr, false);
  if (!object.is_object()) return bad_answer(path);
  return object;
}

const Json& list_at(const Json& object, const char* field) {
  static const Json none = Json::array();
  const auto it = object.is_object() ? object.find(field) : object.end();
  return it != object.end() && it->is_array() ? *it : none;
}

}  // namespace

Result<Discovery> Discovery::read(Client& client) {
  Discovery out(client);
  auto version = get_object(client, "/version");
  if (!version) return version.error();
  out.git_version_ = text(at(*version, "gitVersion"));
  if (out.git_version_.empty()) return bad_answer("/version");
  auto groups = get_object(client, "/apis");
  if (!groups) return groups.error();
  for (const Json& group : list_at(*groups, "groups")) {
    out.groups_.insert(text(at(group, "name")));
    for (const Json& each : list_at(group, "versions")) {
      out.group_versions_.insert(text(at(each, "groupVersion")));
    }
  }
  if (out.groups_.empty()) return bad_answer("/apis");
  return out;
}

bool Discovery::has_group(std::string_view group) const {
  return group.empty() || groups_.contains(group);
}

bool Discovery::has_group_version(std::string_view group, std::string_view version) const {
  if (group.empty()) return version == "v1";
  return group_versions_.contains(std::string(group).append("/").append(version));
}

Result<bool> Discovery::has(std::string_view group, std::string_view version,
                            std::string_view plural) {
  if (!has_group_version(group, version)) return false;
  const std::string name =
      group.empty() ? std::string(version) : std::string(group).append("/").append(version);
  auto known = plurals_.find(name);
  if (known == plurals_.end()) {
    const std::string path = (group.empty() ? "/api/" : "/apis/") + name;
    auto resources = get_object(*client_, path);
    if (!resources) return resources.error();
    std::set<std::string, std::less<>> plurals;
    for (const Json& resource : list_at(*resources, "resources")) {
      plurals.insert(text(at(resource, "name")));
    }
    known = plurals_.emplace(name, std::move(plurals)).first;
  }
  return known->second.contains(plural);
}

}  // namespace swo::kube
