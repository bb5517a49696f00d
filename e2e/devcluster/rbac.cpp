#include "devcluster/rbac.hpp"

#include <algorithm>
#include <mutex>

#include "devcluster/members.hpp"

namespace devcluster {
namespace {

constexpr const char* kGroup = "rbac.authorization.k8s.io";

bool has_or_star(const std::vector<std::string>& list, const std::string& what) {
  return holds(list, "*") || holds(list, what);
}

// "*", "pods", "pods/log", "*/scale".
bool covers_resource(const PolicyRule& rule, const Access& access) {
  if (access.subresource.empty()) return has_or_star(rule.resources, access.resource);
  return holds(rule.resources, "*") ||
         holds(rule.resources, access.resource + "/" + access.subresource) ||
         holds(rule.resources, "*/" + access.subresource);
}

bool covers_path(const PolicyRule& rule, const std::string& path) {
  return std::any_of(rule.paths.begin(), rule.paths.end(), [&](const std::string& pattern) {
    if (!pattern.empty() && pattern.back() == '*') {
      return path.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
    }
    return pattern == path;
  });
}

std::string quoted_list(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& item : list) out += (out.empty() ? "\"" : ", \"") + item + "\"";
  return "[" + out + "]";
}

std::string subject_key(const Json& subject, const std::string& ns) {
  const std::string kind = subject.value("kind", "");
  const std::string name = subject.value("name", "");
  if (kind == "Group") return "g:" + name;
  if (kind == "ServiceAccount") {
    return "u:system:serviceaccount:" + subject.value("namespace", ns) + ":" + name;
  }
  return "u:" + name;
}

}  // namespace

bool PolicyRule::allows(const Access& access) const {
  if (!has_or_star(verbs, access.verb)) return false;
  if (!access.path.empty()) return covers_path(*this, access.path);
  return has_or_star(groups, access.group) && covers_resource(*this, access) &&
         (names.empty() || (!access.name.empty() && holds(names, access.name)));
}

Rules rules_from(const Json& role) {
  Rules out;
  const auto rules = role.find("rules");
  if (rules == role.end() || !rules->is_array()) return out;
  for (const Json& rule : *rules) {
    if (!rule.is_object()) continue;
    out.push_back({strings(rule, "verbs"), strings(rule, "apiGroups"), strings(rule, "resources"),
                   strings(rule, "resourceNames"), strings(rule, "nonResourceURLs")});
  }
  return out;
}

Rbac::Rbac(Store& store) : store_(store) {}

void Rbac::refresh(const std::string& plural, const std::string& ns, const std::string& name) {
  const Collection& collection = store_.collection(kGroup, plural);
  const std::unique_lock lock(mutex_);
  // Read under the lock: of two refreshes of one object, the later sees the later state.
  const RecordPtr record = store_.get(collection, ns, name);
  const Json object = record == nullptr ? Json() : Json::parse(record->text);
  const Json* state = record == nullptr ? nullptr : &object;
  if (plural == "roles" || plural == "clusterroles") {
    put_role({ns, name}, state);
  } else if (plural == "rolebindings" || plural == "clusterrolebindings") {
    put_binding({ns, name}, state);
  }
}

void Rbac::put_role(const Key& key, const Json* object) {
  if (object == nullptr) {
    roles_.erase(key);
  } else {
    roles_[key] = {rules_from(*object), object->at("metadata").value("labels", Json::object()),
                   object->value("aggregationRule", Json())};
  }
  if (key.first.empty()) aggregate();
}

// The rules of an aggregated ClusterRole are those of the ClusterRoles that its selectors match.
void Rbac::aggregate() {
  for (auto& [key, role] : roles_) {
    if (!role.aggregation.is_object()) continue;
    role.rules.clear();
    for (const Json& s : role.aggregation.value("clusterRoleSelectors", Json::array())) {
      const Selector selector = Selector::from_label_selector(s);
      for (const auto& [other_key, other] : roles_) {
        if (!other_key.first.empty() || other.aggregation.is_object()) continue;
        Pairs labels;
        for (const auto& [k, v] : other.labels.items())
          labels.emplace_back(k, v.get<std::string>());
        if (!selector.matches(labels)) continue;
        role.rules.insert(role.rules.end(), other.rules.begin(), other.rules.end());
      }
    }
  }
}

void Rbac::put_binding(const Key& key, const Json* object) {
  if (const auto old = bindings_.find(key); old != bindings_.end()) {
    for (const std::string& subject : old->second.subjects) {
      const auto names = by_subject_.find({subject, key.first});
      if (names == by_subject_.end()) continue;
      names->second.erase(key.second);
      if (names->second.empty()) by_subject_.erase(names);
    }
    bindings_.erase(old);
  }
  if (object == nullptr) return;
  const Json reference = object->value("roleRef", Json::object());
  Binding binding{reference.value("kind", ""), reference.value("name", ""), {}};
  for (const Json& subject : object->value("subjects", Json::array())) {
    binding.subjects.push_back(subject_key(subject, key.first));
    by_subject_[{binding.subjects.back(), key.first}].insert(key.second);
  }
  bindings_[key] = std::move(binding);
}

const Rules* Rbac::rules_of(const std::string& ns, const Binding& binding) const {
  const auto role = roles_.find({binding.kind == "ClusterRole" ? "" : ns, binding.role});
  return role == roles_.end() ? nullptr : &role->second.rules;
}

// `visit` returns true to stop.
template <typename Visit>
void Rbac::visit_rules(const User& user, const std::string& ns, Visit visit) const {
  std::vector<std::string> subjects = {"u:" + user.name};
  for (const std::string& group : user.groups) subjects.push_back("g:" + group);
  for (const std::string& scope : {std::string(), ns}) {
    for (const std::string& subject : subjects) {
      const auto names = by_subject_.find({subject, scope});
      if (names == by_subject_.end()) continue;
      for (const std::string& name : names->second) {
        const Rules* rules = rules_of(scope, bindings_.at({scope, name}));
        if (rules == nullptr) continue;
        for (const PolicyRule& rule : *rules) {
          if (visit(rule)) return;
        }
      }
    }
    if (ns.empty()) return;
  }
}

bool Rbac::allows(const User& user, const Access& access) const {
  if (user.in("system:masters")) return true;
  const std::shared_lock lock(mutex_);
  bool allowed = false;
  visit_rules(user, access.ns,
              [&](const PolicyRule& rule) { return allowed = rule.allows(access); });
  return allowed;
}

Rules Rbac::rules_for(const User& user, const std::string& ns) const {
  if (user.in("system:masters")) return {{{"*"}, {"*"}, {"*"}, {}, {}}, {{"*"}, {}, {}, {}, {"*"}}};
  const std::shared_lock lock(mutex_);
  Rules out;
  visit_rules(user, ns, [&](const PolicyRule& rule) {
    out.push_back(rule);
    return false;
  });
  return out;
}

Rules Rbac::role_rules(const std::string& ns, const std::string& kind,
                       const std::string& name) const {
  const std::shared_lock lock(mutex_);
  const auto role = roles_.find({kind == "ClusterRole" ? "" : ns, name});
  return role == roles_.end() ? Rules{} : role->second.rules;
}

std::string Rbac::not_held(const User& user, const std::string& ns, const Rules& wanted) const {
  const Rules held = rules_for(user, ns);
  const auto covered = [&](const Access& access) {
    return std::any_of(held.begin(), held.end(),
                       [&](const PolicyRule& rule) { return rule.allows(access); });
  };
  std::string missing;
  for (const PolicyRule& rule : wanted) {
    bool all = true;
    for (const std::string& verb : rule.verbs) {
      for (const std::string& path : rule.paths)
        all = all && covered({verb, "", "", "", "", "", path});
      for (const std::string& group : rule.groups) {
        for (const std::string& resource : rule.resources) {
          const std::size_t slash = resource.find('/');
          Access access{verb,
                        group,
                        resource.substr(0, slash),
                        slash == std::string::npos ? "" : resource.substr(slash + 1),
                        ns,
                        ""};
          if (rule.names.empty()) all = all && covered(access);
          for (const std::string& name : rule.names) {
            access.name = name;
            all = all && covered(access);
          }
        }
      }
    }
    if (all) continue;
    missing +=
        "\n{APIGroups:" + quoted_list(rule.groups) + ", Resources:" + quoted_list(rule.resources);
    if (!rule.names.empty()) missing += ", ResourceNames:" + quoted_list(rule.names);
    if (!rule.paths.empty()) missing += ", NonResourceURLs:" + quoted_list(rule.paths);
    missing += ", Verbs:" + quoted_list(rule.verbs) + "}";
  }
  return missing;
}

}  // namespace devcluster
