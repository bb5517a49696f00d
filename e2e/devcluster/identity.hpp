// Who asks: bearer tokens, client certificates, impersonation. Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "devcluster/http.hpp"

namespace devcluster {

struct User {
  std::string name;
  std::vector<std::string> groups;
  std::string uid;
  bool in(const std::string& group) const;
};

// What is asked for.
struct Access {
  std::string verb, group, resource, subresource, ns, name;
  std::string path = {};  // a non-resource request; of the others the verb alone is set then
};

class Identity {
 public:
  struct Token {
    User user;
    std::optional<std::chrono::system_clock::time_point> expires;
    // Bound to this ServiceAccount: valid only while it is there with this uid (User::uid).
    std::string ns, service_account;
  };
  void add(std::string token, Token what);
  std::optional<Token> find(const std::string& token) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, Token> tokens_;
};

// system:serviceaccount:NS:NAME with its groups.
User service_account_user(const std::string& ns, const std::string& name, const std::string& uid);
// The system:anonymous of a request without credentials.
User anonymous();
// A random version-4 UUID.
std::string make_uid();
// `length` characters of the alphabet that generateName uses (apimachinery util/rand).
std::string random_suffix(std::size_t length);

}  // namespace devcluster
