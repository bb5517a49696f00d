#include "devcluster/topology.hpp"

#include <map>
#include <set>
#include <utility>

#include "devcluster/data.hpp"
#include "devcluster/members.hpp"

namespace devcluster {
namespace {

using Keys = std::vector<std::string>;

struct BuiltIn {
  std::map<std::string, Keys> keys;
  std::set<std::string> atomic, maps;
};

const BuiltIn& merge_rules() {
  static const BuiltIn all = [] {
    const Json& table = data("topology.yaml");
    return BuiltIn{table.at("keys"), table.at("atomic"), table.at("maps")};
  }();
  return all;
}

// By "parent.field" first, then by "field".
Keys built_in_keys(const std::string& parent, const std::string& field) {
  const auto& keys = merge_rules().keys;
  auto found = keys.find(parent + "." + field);
  if (found == keys.end()) found = keys.find(field);
  return found == keys.end() ? Keys{} : found->second;
}

bool built_in_atomic(const std::string& parent, const std::string& field) {
  return merge_rules().atomic.count(field) > 0 && parent != "metadata" && parent != "labels" &&
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
    keys_ = built_in_keys(parent_, name_);
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
  return !untyped_ && merge_rules().maps.count(name_) == 0;
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
