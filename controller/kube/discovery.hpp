// What an API server is and serves: its version and its API groups.
//
// A snapshot: read() makes two requests, and one more each time a group version is first asked for
// its resources. Used by one thread. Source:
// kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "kube/client.hpp"
#include "kube/resource.hpp"
#include "kube/result.hpp"

namespace swo::kube {

class Discovery {
 public:
  // GET /version and /apis. Errors: those of Client::get_raw(), and kBadResponse.
  static Result<Discovery> read(Client& client);

  // Of the server: "v1.33.5+abc". Its "major" and "minor" some builds leave empty (component-base
  // version/base.go: deprecated).
  const std::string& git_version() const { return git_version_; }
  // The core group is "", version "v1", always there.
  bool has_group(std::string_view group) const;
  bool has_group_version(std::string_view group, std::string_view version) const;
  // Whether the server serves this resource. A group version that it does not serve costs no
  // request. Errors: those of Client::get_raw(), and kBadResponse.
  Result<bool> has(std::string_view group, std::string_view version, std::string_view plural);
  Result<bool> has(const ResourceType& type) { return has(type.group, type.version, type.plural); }

 private:
  explicit Discovery(Client& client) : client_(&client) {}

  Client* client_;  // outlives this
  std::string git_version_;
  std::set<std::string, std::less<>> groups_;
  std::set<std::string, std::less<>> group_versions_;  // "apps/v1"
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>>
      plurals_;  // by group version
};

}  // namespace swo::kube
