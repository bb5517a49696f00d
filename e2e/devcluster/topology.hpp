// How the parts of an object merge: which lists are keyed, which are sets, what is atomic.
//
// For custom resources the CRD's schema says it (x-kubernetes-list-type, -list-map-keys,
// -map-type), for built-in types data/topology.yaml.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace devcluster {

using Json = nlohmann::json;

class Topology {
 public:
  enum class List { kAtomic, kSet, kKeyed };

  static Topology custom(const Json* schema) { return {schema, true, "", ""}; }
  static Topology built_in() { return {nullptr, true, "", ""}; }

  Topology field(const std::string& name) const;
  Topology item() const;
  List list() const;
  const std::vector<std::string>& keys() const { return keys_; }
  bool atomic_map() const;
  // Declared by a struct or a schema's properties: not itself an owned field, only what is in it.
  bool declares(const std::string& field) const;
  // The value of a key that an item leaves out.
  Json key_default(const std::string& key) const;

 private:
  Topology(const Json* schema, bool root, std::string name, std::string parent);

  const Json* schema_;         // of a custom resource's part; nullptr = built-in rules
  bool root_;                  // the object itself: its metadata follows the built-in rules
  bool untyped_ = false;       // below x-kubernetes-preserve-unknown-fields
  std::string name_, parent_;  // built-in: this field and the one around it
  std::vector<std::string> keys_;
};

// An element of a path as FieldsV1 writes it: f:name, k:{"key":…}, v:value.
std::string field_element(const std::string& name);
std::string key_element(const Json& item, const Topology& list);
std::string value_element(const Json& value);

}  // namespace devcluster
