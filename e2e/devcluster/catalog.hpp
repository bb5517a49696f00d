// The resource types that this cluster serves: the built-in ones, those of the profile and, at run
// time, those of CustomResourceDefinitions.
//
// Types are immutable once in; readers hold a shared_ptr, so a type that is replaced stays valid
// for the requests under way. Thread-safe.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "devcluster/api_server.hpp"
#include "devcluster/status.hpp"
#include "devcluster/store.hpp"
#include "devcluster/table_cells.hpp"

namespace devcluster {

struct ServedVersion {
  std::string name;
  std::shared_ptr<const Json> schema;  // openAPIV3Schema, with that of metadata
  bool status = false;
  Json scale;  // specReplicasPath, …, empty for the usual ones; null = no such subresource
  std::vector<PrinterColumn> columns;
};

// Besides status and scale.
struct Subresource {
  std::string name, kind, group, version;
  std::vector<std::string> verbs;
};

struct ResourceType {
  std::string group, plural, singular, kind, list_kind, storage_version;
  bool namespaced = true;
  bool custom = false;
  bool counts_generation = false;
  bool status_on_create = false;  // what a kubelet or a controller registers with its status
  enum class Names { kSubdomain, kLabel, kPath } names = Names::kSubdomain;
  std::vector<std::string> short_names, categories, verbs;
  std::vector<Subresource> subresources;
  std::map<std::string, ServedVersion> versions;  // served ones only
  Collection* objects = nullptr;

  Subject subject(const std::string& name = "") const { return {group, plural, kind, name}; }
  bool has_subresource(const std::string& name) const {
    return std::any_of(subresources.begin(), subresources.end(),
                       [&](const Subresource& sub) { return sub.name == name; });
  }
  std::string api_version(const std::string& version) const {
    return group.empty() ? version : group + "/" + version;
  }
  // Of all its objects, in a version that is served: "/api/v1/pods".
  std::string path() const {
    const std::string& version = versions.empty() ? storage_version : versions.begin()->first;
    return (group.empty() ? "/api/" : "/apis/") + api_version(version) + "/" + plural;
  }
};
using TypePtr = std::shared_ptr<const ResourceType>;

// Names an object of the cluster.
struct ObjectKey {
  TypePtr type;
  std::string ns;  // "" of what is not namespaced
  std::string name;
  Subject subject() const { return type->subject(name); }
};

class Catalog {
 public:
  // Those of data/types.yaml and of `more` files of that form, as Kubernetes 1.`minor` has them.
  Catalog(Store& store, const std::vector<std::string>& more, int minor);

  TypePtr find(const std::string& group, const std::string& plural) const;  // nullptr when unknown
  TypePtr find_kind(const std::string& group, const std::string& kind) const;
  std::vector<TypePtr> all() const;  // by group, then plural
  // The type that a CustomResourceDefinition describes; replaces the one before.
  TypePtr define(const Json& crd);
  void remove(const std::string& group, const std::string& plural);
  // "group/version/plural: N rules" for each version with x-kubernetes-validations.
  std::vector<std::string> unevaluated_rules() const;

 private:
  void add_built_in(const Json& entry);

  Store& store_;
  const int minor_;
  mutable std::shared_mutex mutex_;
  std::map<std::pair<std::string, std::string>, TypePtr> types_;
};

}  // namespace devcluster
