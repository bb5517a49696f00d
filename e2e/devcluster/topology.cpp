#include "devcluster/topology.hpp"

#include <map>
#include <set>
#include <utility>

#include "devcluster/members.hpp"

namespace devcluster {
namespace {

using Keys = std::vector<std::string>;

// By "parent.field" first, then by "field".
const Keys* built_in_keys(const std::string& parent, const std::string& field) {
  static const std::map<std::string, Keys> table = {
      {"containers.ports", {"containerPort", "protocol"}},
      {"initContainers.ports", {"containerPort", "protocol"}},
      {"spec.ports", {"port", "protocol"}},
      {"containers", {"name"}},
      {"initContainers", {"name"}},
      {"ephemeralContainers", {"name"}},
      {"env", {"name"}},
      {"volumeMounts", {"mountPath"}},
      {"volumeDevices", {"devicePath"}},
      {"spec.volumes", {"name"}},  // not those of a SecurityContextConstraints, which are strings
      {"imagePullSecrets", {"name"}},
      {"secrets", {"name"}},
      {"hostAliases", {"ip"}},
      {"topologySpreadConstraints", {"topologyKey", "whenUnsatisfiable"}},
      {"schedulingGates", {"name"}},
      {"resourceClaims", {"name"}},
      {"status.podIPs", {"ip"}},
      {"conditions", {"type"}},
      {"ownerReferences", {"uid"}},
  };
  if (const auto found = table.find(parent + "." + field); found != table.end())
    return &found->second;
  const auto found = table.find(field);
  return found == table.end() ? nullptr : &found->second;
}

// x-kubernetes-map-type: atomic (selectors and references).
bool built_in_atomic(const std::string& parent, const std::string& field) {
  static const std::set<std::string> names = {"nodeSelector",
                                              "selector",
                                              "labelSelector",
                                              "namespaceSelector",
                                              "podSelector",
                                              "involvedObject",
                                              "regarding",
                                              "related",
                                              "secretKeyRef",
                                              "configMapKeyRef",
                                              "fieldRef",
                                              "resourceFieldRef",
                                              "secretRef",
                                              "nodePublishSecretRef",
                                              "claimRef",
                                              "targetRef",
                                              "roleRef",
                                              "nodeSelectorTerms",
                                              "requiredDuringSchedulingIgnoredDuringExecution",
                                              "fieldsV1"};
  return names.count(field) > 0 && parent != "metadata" && parent != "labels" &&
         parent != "annotations";
}

const Json* lookup(const Json* schema, const char* key) {
  return schema == nullptr ? nullptr : devcluster::lookup(*schema, key);
}

bool says(const Json* schema, const char* key, const char* value) {
  const Json* found = lookup(schema, key);
  return found != nullptr && found->is_string() && found->get_ref<const std::string&>() == value;
}

}  // namespace

Topology::Topology(const Json* schema, bool root, std::string name, std::string parent)
    : schema_(schema), root_(root), name_(std::move(name)), parent_(std::move(parent)) {
  if (schema_ == nullptr) {
    if (const Keys* keys = built_in_keys(parent_, name_)) keys_ = *keys;
  } else if (const Json* keys = lookup(schema_, "x-kubernetes-list-map-keys")) {
    keys_ = keys->get<Keys>();
  }
}

Topology Topology::field(const std::string& name) const {
  if (root_ && name == "metadata") return {nullptr, false, name, ""};
  if (schema_ == nullptr) {
    Topology out(nullptr, false, untyped_ ? "" : name, untyped_ ? "" : name_);
    out.untyped_ = untyped_;
    return out;
  }
  if (const Json* properties = lookup(schema_, "properties")) {
    if (const auto found = properties->find(name); found != properties->end()) {
      return {&*found, false, "", ""};
    }
  }
  const Json* additional = lookup(schema_, "additionalProperties");
  if (additional != nullptr && additional->is_object()) return {additional, false, "", ""};
  Topology out(nullptr, false, "", "");
  out.untyped_ = true;
  return out;
}

Topology Topology::item() const {
  if (schema_ != nullptr) {
    if (const Json* items = lookup(schema_, "items")) return {items, false, "", ""};
  }
  // A built-in item keeps its list's name, so that "containers.ports" is found from within.
  Topology out(nullptr, false, name_, parent_);
  out.untyped_ = untyped_ || schema_ != nullptr;
  out.keys_.clear();
  return out;
}

Topology::List Topology::list() const {
  if (schema_ != nullptr) {
    if (says(schema_, "x-kubernetes-list-type", "map")) return List::kKeyed;
    return says(schema_, "x-kubernetes-list-type", "set") ? List::kSet : List::kAtomic;
  }
  if (!keys_.empty()) return List::kKeyed;
  return name_ == "finalizers" && parent_ != "status" ? List::kSet : List::kAtomic;
}

bool Topology::atomic_map() const {
  if (schema_ != nullptr) return says(schema_, "x-kubernetes-map-type", "atomic");
  return built_in_atomic(parent_, name_);
}

bool Topology::declares(const std::string& field) const {
  if (schema_ != nullptr) {
    const Json* properties = lookup(schema_, "properties");
    return root_ || (properties != nullptr && properties->contains(field));
  }
  static const std::set<std::string> maps = {
      "labels",   "annotations", "data",        "stringData", "binaryData", "limits",
      "requests", "capacity",    "allocatable", "hard",       "matchLabels"};
  return !untyped_ && maps.count(name_) == 0;
}

Json Topology::key_default(const std::string& key) const {
  if (schema_ == nullptr) return key == "protocol" ? Json("TCP") : Json();
  const Json* property = lookup(lookup(lookup(schema_, "items"), "properties"), key.c_str());
  const Json* value = lookup(property, "default");
  return value == nullptr ? Json() : *value;
}

std::string field_element(const std::string& name) { return "f:" + name; }

std::string key_element(const Json& item, const Topology& list) {
  Json key = Json::object();
  for (const std::string& name : list.keys()) {
    const auto found = item.is_object() ? item.find(name) : item.end();
    key[name] = item.is_object() && found != item.end() ? *found : list.key_default(name);
  }
  return "k:" + key.dump();
}

std::string value_element(const Json& value) { return "v:" + value.dump(); }

}  // namespace devcluster
