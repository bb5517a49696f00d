// Structural schemas, of custom and of built-in types: decoding, defaulting, validation, and how
// parts merge. Pure.
//
// Sources: apiextensions-apiserver pkg/apiserver/schema (defaulting, pruning, listtype) and
// kube-openapi pkg/validation (messages). Of x-kubernetes-validations only `self == oldSelf` is
// evaluated.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcluster/status.hpp"

namespace devcluster {

// Fills in defaults; a null where the schema allows none counts as absent.
void apply_defaults(Json& value, const Json& schema);

// Paths ("spec.x", "spec.list[0].y"), of what decoding took away or could not read.
struct Decoding {
  std::vector<std::string> unknown;
  std::vector<Cause> mistyped;
};
// Removes what the schema does not know. Where types are Go's (all of a built-in object, a custom
// one's metadata) a null is a field left out, and what does not fit its type is told of; the rest
// of a custom object is left to validate().
Decoding decode(Json& object, const Json& schema, bool custom);

// `old` for transition rules; nullptr on create.
std::vector<Cause> validate(const Json& object, const Json& schema, const Json* old);

// Evaluated here; any other rule is only counted.
bool is_immutability_rule(const std::string& rule);

// How a part of an object merges, by its schema; nullptr where nothing is said of it.
class Shape {
 public:
  enum class List { kAtomic, kSet, kKeyed };

  explicit Shape(const Json* schema) : schema_(schema) {}
  Shape field(const std::string& name) const;
  Shape item() const;
  List list() const;
  const Json& keys() const;  // of a keyed list
  bool atomic_map() const;
  // Declared among the properties: not itself an owned field, only what is in it.
  bool declares(const std::string& field) const;
  // The value of a key that an item leaves out.
  Json key_default(const std::string& key) const;

 private:
  const Json* schema_;
};

// field.Error of apimachinery pkg/util/validation/field.
Cause required(const std::string& field, const std::string& detail = "");
Cause invalid_value(const std::string& field, const Json& value, const std::string& detail);
Cause unsupported(const std::string& field, const Json& value, const Json& supported);
Cause duplicate(const std::string& field, const Json& value);
Cause forbidden_field(const std::string& field, const std::string& detail);

// The schemas of built-in types: data/schemas.yaml in OpenAPI's words. Immutable, thread-safe; a
// fault in the file ends the program at the first use (see data.hpp).
// By what Subject::qualified() says. A type that the file does not have may hold anything.
std::shared_ptr<const Json> built_in_schema(const std::string& qualified);
const Json& object_meta_schema();

}  // namespace devcluster
