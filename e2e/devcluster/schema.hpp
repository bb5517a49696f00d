// Structural schemas of custom resources: defaulting, pruning and validation.
//
// Sources: apiextensions-apiserver pkg/apiserver/schema (defaulting, pruning, listtype) and
// kube-openapi pkg/validation (messages). Of x-kubernetes-validations only `self == oldSelf` is
// evaluated.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcluster/status.hpp"

namespace devcluster {

// Fills in defaults; a null where the schema allows none counts as absent.
void apply_defaults(Json& value, const Json& schema);

// Removes what the schema does not know; `removed` gets the paths ("spec.x", "spec.list[0].y").
// The object's own apiVersion, kind and metadata always stay.
void prune(Json& object, const Json& schema, std::vector<std::string>& removed);

// `old` for transition rules; nullptr on create.
std::vector<Cause> validate(const Json& object, const Json& schema, const Json* old);

// Evaluated here; any other rule is only counted.
bool is_immutability_rule(const std::string& rule);

// field.Error of apimachinery pkg/util/validation/field.
Cause required(const std::string& field, const std::string& detail = "");
Cause invalid_value(const std::string& field, const Json& value, const std::string& detail);
Cause unsupported(const std::string& field, const Json& value, const Json& supported);
Cause duplicate(const std::string& field, const Json& value);
Cause forbidden_field(const std::string& field, const std::string& detail);

}  // namespace devcluster
