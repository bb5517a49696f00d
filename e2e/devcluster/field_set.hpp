// A set of fields of one object, as metadata.managedFields' FieldsV1 writes it: a trie whose edges
// are path elements (f:name, k:{"key":…}, v:value). Source: sigs.k8s.io/structured-merge-diff
// fieldpath/serialize.go.
#pragma once

#include <functional>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "devcluster/schema.hpp"

namespace devcluster {

struct FieldSet {
  bool member = false;  // the field itself, besides what is below it
  std::map<std::string, FieldSet> below;

  bool empty() const { return !member && below.empty(); }
  bool operator==(const FieldSet&) const = default;

  void insert_all(const FieldSet& other);
  void remove_all(const FieldSet& other);  // members only: paths of `other` that are members
  FieldSet intersection(const FieldSet& other) const;
  // Dotted paths for messages: .spec.ports[port=80,protocol="TCP"].name
  void for_each(const std::string& prefix,
                const std::function<void(const std::string&)>& visit) const;
};

FieldSet field_set_from(const Json& fields_v1);
Json fields_v1(const FieldSet& set);

// Every field that `value` sets.
FieldSet fields_of(const Json& value, const Shape& shape);

struct Comparison {
  FieldSet changed;  // modified or added
  FieldSet removed;
};
Comparison compare(const Json& before, const Json& after, const Shape& shape);

// `onto` with what `config` sets: maps and keyed lists item by item, the rest replaced.
void merge_into(Json& onto, const Json& config, const Shape& shape);
// Takes the fields of `gone` out of `from`, except where `kept` has something at or below.
void remove_fields(Json& from, const FieldSet& gone, const FieldSet& kept, const Shape& shape);

}  // namespace devcluster
