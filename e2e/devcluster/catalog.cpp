#include "devcluster/catalog.hpp"

#include <algorithm>
#include <mutex>
#include <set>

#include "devcluster/lower.hpp"
#include "devcluster/members.hpp"
#include "devcluster/schema.hpp"

namespace devcluster {
namespace {

struct BuiltIn {
  const char *group, *version, *plural, *kind;
  bool namespaced, status;
  std::vector<std::string> short_names;
  bool all = false;  // in the category "all"
};

// kubernetes/kubernetes pkg/registry/*/rest: the types that an operator or a person meets.
const std::vector<BuiltIn>& built_ins() {
  static const std::vector<BuiltIn> types = {
      {"", "v1", "configmaps", "ConfigMap", true, false, {"cm"}},
      {"", "v1", "endpoints", "Endpoints", true, false, {"ep"}},
      {"", "v1", "events", "Event", true, false, {"ev"}},
      {"", "v1", "limitranges", "LimitRange", true, false, {"limits"}},
      {"", "v1", "namespaces", "Namespace", false, true, {"ns"}},
      {"", "v1", "nodes", "Node", false, true, {"no"}},
      {"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true, true, {"pvc"}},
      {"", "v1", "persistentvolumes", "PersistentVolume", false, true, {"pv"}},
      {"", "v1", "pods", "Pod", true, true, {"po"}, true},
      {"", "v1", "resourcequotas", "ResourceQuota", true, true, {"quota"}},
      {"", "v1", "secrets", "Secret", true, false, {}},
      {"", "v1", "serviceaccounts", "ServiceAccount", true, false, {"sa"}},
      {"", "v1", "services", "Service", true, true, {"svc"}, true},
      {"apiextensions.k8s.io",
       "v1",
       "customresourcedefinitions",
       "CustomResourceDefinition",
       false,
       true,
       {"crd", "crds"}},
      {"apps", "v1", "controllerrevisions", "ControllerRevision", true, false, {}},
      {"apps", "v1", "daemonsets", "DaemonSet", true, true, {"ds"}, true},
      {"apps", "v1", "deployments", "Deployment", true, true, {"deploy"}, true},
      {"apps", "v1", "replicasets", "ReplicaSet", true, true, {"rs"}, true},
      {"apps", "v1", "statefulsets", "StatefulSet", true, true, {"sts"}, true},
      {"autoscaling",
       "v2",
       "horizontalpodautoscalers",
       "HorizontalPodAutoscaler",
       true,
       true,
       {"hpa"},
       true},
      {"coordination.k8s.io", "v1", "leases", "Lease", true, false, {}},
      {"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true, false, {}},
      {"events.k8s.io", "v1", "events", "Event", true, false, {"ev"}},
      {"networking.k8s.io", "v1", "ingresses", "Ingress", true, true, {"ing"}},
      {"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true, false, {"netpol"}},
      {"node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", false, false, {}},
      {"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true, true, {"pdb"}},
      {"rbac.authorization.k8s.io",
       "v1",
       "clusterrolebindings",
       "ClusterRoleBinding",
       false,
       false,
       {}},
      {"rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false, false, {}},
      {"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true, false, {}},
      {"rbac.authorization.k8s.io", "v1", "roles", "Role", true, false, {}},
      {"scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false, false, {"pc"}},
      {"storage.k8s.io", "v1", "storageclasses", "StorageClass", false, false, {"sc"}},
  };
  return types;
}

// Field labels of core/v1 conversion.go, by resource; metadata.name and metadata.namespace go
// everywhere.
std::vector<std::string> selectable_fields(const std::string& group, const std::string& plural) {
  std::vector<std::string> out = {"metadata.name", "metadata.namespace"};
  const auto add = [&](std::initializer_list<const char*> more) {
    out.insert(out.end(), more.begin(), more.end());
  };
  if (group == "route.openshift.io") {
    // openshift-apiserver pkg/route/apiserver/registry/route/strategy.go
    add({"spec.host", "spec.path", "spec.to.name"});
  }
  if (!group.empty()) return out;
  if (plural == "pods") {
    add({"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
         "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"});
  } else if (plural == "nodes") {
    add({"spec.unschedulable"});
  } else if (plural == "events") {
    add({"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
         "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
         "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"});
  } else if (plural == "secrets") {
    add({"type"});
  } else if (plural == "namespaces") {
    add({"status.phase"});
  } else if (plural == "services") {
    add({"spec.clusterIP", "spec.type"});
  }
  return out;
}

// Types whose strategy in pkg/registry counts metadata.generation.
bool built_in_counts_generation(const std::string& group, const std::string& plural) {
  static const std::set<std::string> without_group = {"pods"};
  if (group.empty()) return without_group.count(plural) > 0;
  static const std::set<std::string> groups = {"apps", "policy", "networking.k8s.io",
                                               "apiextensions.k8s.io", "autoscaling"};
  return groups.count(group) > 0 && plural != "controllerrevisions";
}

std::size_t count_rules(const Json& schema) {
  std::size_t count = 0;
  if (schema.is_object()) {
    for (const auto& [key, value] : schema.items()) {
      if (key == "x-kubernetes-validations" && value.is_array()) {
        count += static_cast<std::size_t>(std::count_if(
            value.begin(), value.end(),
            [](const Json& rule) { return !is_immutability_rule(rule.value("rule", "")); }));
      } else {
        count += count_rules(value);
      }
    }
  } else if (schema.is_array()) {
    for (const Json& item : schema) count += count_rules(item);
  }
  return count;
}

ServedVersion served_version(const Json& version) {
  ServedVersion out;
  out.name = version.at("name");
  out.schema = version.value("/schema/openAPIV3Schema"_json_pointer, Json::object());
  const Json subresources = version.value("subresources", Json::object());
  out.status = subresources.contains("status");
  if (subresources.contains("scale")) out.scale = subresources["scale"];
  for (const Json& c : version.value("additionalPrinterColumns", Json::array())) {
    out.columns.push_back({c.value("name", ""), c.value("type", "string"), c.value("format", ""),
                           c.value("jsonPath", ""), c.value("description", ""),
                           c.value("priority", 0)});
  }
  return out;
}

}  // namespace

Catalog::Catalog(Store& store, const std::vector<TypeInfo>& extra) : store_(store) {
  const auto add = [&](const TypeInfo& info, bool everything) {
    auto type = std::make_shared<ResourceType>();
    type->group = info.group;
    type->plural = info.plural;
    type->singular = info.singular.empty() ? lower(info.kind) : info.singular;
    type->kind = info.kind;
    type->list_kind = info.kind + "List";
    type->storage_version = info.version;
    type->namespaced = info.namespaced;
    type->short_names = info.short_names;
    if (everything) type->categories = {"all"};
    type->counts_generation = built_in_counts_generation(info.group, info.plural) ||
                              info.group.find(".openshift.io") != std::string::npos;
    ServedVersion version;
    version.name = info.version;
    version.status = info.status;
    type->versions[info.version] = version;
    type->objects = &store.collection(info.group, info.plural);
    store.open(*type->objects, selectable_fields(info.group, info.plural));
    types_[{info.group, info.plural}] = type;
  };
  for (const BuiltIn& b : built_ins()) {
    add({b.group, b.version, b.plural, "", b.kind, b.namespaced, b.status, b.short_names}, b.all);
  }
  for (const TypeInfo& info : extra) add(info, false);
}

TypePtr Catalog::find(const std::string& group, const std::string& plural) const {
  const std::shared_lock lock(mutex_);
  const auto found = types_.find({group, plural});
  return found == types_.end() ? nullptr : found->second;
}

TypePtr Catalog::find_kind(const std::string& group, const std::string& kind) const {
  const std::shared_lock lock(mutex_);
  for (auto at = types_.lower_bound({group, ""}); at != types_.end() && at->first.first == group;
       ++at) {
    if (at->second->kind == kind) return at->second;
  }
  return nullptr;
}

std::vector<TypePtr> Catalog::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<TypePtr> out;
  for (const auto& [name, type] : types_) out.push_back(type);
  return out;
}

TypePtr Catalog::define(const Json& crd) {
  const Json& spec = crd.at("spec");
  const Json& names = spec.at("names");
  auto type = std::make_shared<ResourceType>();
  type->custom = true;
  type->counts_generation = true;
  type->group = spec.at("group");
  type->plural = names.at("plural");
  type->kind = names.at("kind");
  type->singular = names.value("singular", lower(type->kind));
  type->list_kind = names.value("listKind", type->kind + "List");
  type->short_names = strings(names, "shortNames");
  type->categories = strings(names, "categories");
  type->namespaced = spec.value("scope", "Namespaced") == "Namespaced";
  std::vector<std::string> fields = selectable_fields(type->group, type->plural);
  for (const Json& version : spec.at("versions")) {
    if (version.value("storage", false)) type->storage_version = version.at("name");
    if (version.value("served", false))
      type->versions[version.at("name")] = served_version(version);
    for (const Json& field : version.value("selectableFields", Json::array())) {
      fields.push_back(field.value("jsonPath", ".").substr(1));
    }
  }
  type->objects = &store_.collection(type->group, type->plural);
  const std::unique_lock lock(mutex_);
  TypePtr& slot = types_[{type->group, type->plural}];
  if (slot == nullptr) store_.open(*type->objects, fields);
  slot = type;
  return type;
}

void Catalog::remove(const std::string& group, const std::string& plural) {
  const std::unique_lock lock(mutex_);
  const auto found = types_.find({group, plural});
  if (found == types_.end()) return;
  store_.close(*found->second->objects);
  types_.erase(found);
}

std::vector<std::string> Catalog::unevaluated_rules() const {
  std::vector<std::string> out;
  for (const TypePtr& type : all()) {
    for (const auto& [name, version] : type->versions) {
      const std::size_t rules = count_rules(version.schema);
      if (rules == 0) continue;
      out.push_back(type->api_version(name) + "/" + type->plural + ": " + std::to_string(rules) +
                    (rules == 1 ? " rule" : " rules"));
    }
  }
  return out;
}

}  // namespace devcluster
