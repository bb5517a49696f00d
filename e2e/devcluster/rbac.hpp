// Role-based access control: who may do what. Keeps an index of roles and bindings that follows the
// store, so that a decision costs the caller's own bindings and not all of them.
//
// Source: kubernetes plugin/pkg/auth/authorizer/rbac, pkg/registry/rbac/validation. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "devcluster/identity.hpp"
#include "devcluster/store.hpp"

namespace devcluster {

struct PolicyRule {
  std::vector<std::string> verbs, groups, resources, names, paths;
  bool allows(const Access& access) const;
};
using Rules = std::vector<PolicyRule>;

class Rbac {
 public:
  explicit Rbac(Store& store);

  // Reads an object of rbac.authorization.k8s.io (again) from the store.
  void refresh(const std::string& plural, const std::string& ns, const std::string& name);

  bool allows(const User& user, const Access& access) const;
  // All rules that hold for the user in `ns` ("" = cluster-wide ones only).
  Rules rules_for(const User& user, const std::string& ns) const;
  // Rules of the role that a binding in `ns` refers to; empty when it is not there.
  Rules role_rules(const std::string& ns, const std::string& kind, const std::string& name) const;
  // What of `wanted` the user does not hold in `ns`, in words ("" = holds all): the escalation
  // check.
  std::string not_held(const User& user, const std::string& ns, const Rules& wanted) const;

 private:
  struct Role {
    Rules rules;
    Json labels, aggregation;
  };
  struct Binding {
    std::string kind, role;
    std::vector<std::string> subjects;  // "u:NAME" or "g:NAME"
  };
  using Key = std::pair<std::string, std::string>;  // namespace ("" = cluster), name

  template <typename Visit>
  void visit_rules(const User& user, const std::string& ns, Visit visit) const;
  const Rules* rules_of(const std::string& ns, const Binding& binding) const;
  void put_binding(const Key& key, const Json* object);
  void put_role(const Key& key, const Json* object);
  void aggregate();

  Store& store_;
  mutable std::shared_mutex mutex_;
  std::map<Key, Role> roles_;
  std::map<Key, Binding> bindings_;
  std::map<std::pair<std::string, std::string>, std::set<std::string>>
      by_subject_;  // subject, ns → names
};

Rules rules_from(const Json& role);

}  // namespace devcluster
