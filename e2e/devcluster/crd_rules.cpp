// A CustomResourceDefinition's defaults and rules.
// Source: apiextensions-apiserver pkg/apis/apiextensions/{v1/defaults.go,validation/validation.go}.
#include <algorithm>

#include "devcluster/builtin.hpp"
#include "devcluster/lower.hpp"
#include "devcluster/schema.hpp"

namespace devcluster {
namespace {

// Structural: every node has a type, unless it is int-or-string or keeps what it does not know.
void check_structural(const Json& schema, const std::string& path, std::vector<Cause>& causes) {
  if (!schema.is_object()) return;
  const bool typed = schema.contains("type") || schema.value("x-kubernetes-int-or-string", false) ||
                     schema.value("x-kubernetes-preserve-unknown-fields", false);
  if (!typed)
    causes.push_back(required(path + ".type", "must not be empty for specified object fields"));
  const std::string list_type = schema.value("x-kubernetes-list-type", "");
  if (list_type == "map") {
    const Json keys = schema.value("x-kubernetes-list-map-keys", Json::array());
    if (keys.empty()) {
      causes.push_back(required(path + ".x-kubernetes-list-map-keys",
                                "must not be empty if x-kubernetes-list-type is map"));
    }
    const Json item = schema.value("items", Json::object());
    const Json names = item.value("required", Json::array());
    for (const Json& key : keys) {
      const Json property =
          item.value("properties", Json::object()).value(key.get<std::string>(), Json());
      const bool there = std::find(names.begin(), names.end(), key) != names.end();
      if (!there && (!property.is_object() || !property.contains("default"))) {
        causes.push_back(
            required(std::string(path)
                         .append(".items.properties[")
                         .append(key.get_ref<const std::string&>())
                         .append("].default"),
                     "this property is in x-kubernetes-list-map-keys, so it must have a default or "
                     "be a required property"));
      }
    }
  }
  if (schema.contains("properties") && schema["properties"].is_object()) {
    for (const auto& [name, property] : schema["properties"].items()) {
      std::string at = path;
      at.append(".properties[").append(name).append("]");
      check_structural(property, at, causes);
    }
  }
  if (schema.contains("items")) check_structural(schema["items"], path + ".items", causes);
  if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object()) {
    check_structural(schema["additionalProperties"], path + ".additionalProperties", causes);
  }
}

// Metadata is the API server's: a schema may only narrow the name.
void check_metadata(const Json& schema, const std::string& path, std::vector<Cause>& causes) {
  const Json said = schema.value("/properties/metadata"_json_pointer, Json::object());
  bool more = false;
  for (const auto& [word, value] : said.items()) {
    if (word == "properties") {
      for (const auto& [name, unused] : value.items()) {
        more = more || (name != "name" && name != "generateName");
      }
    } else {
      more = more || word != "type";
    }
  }
  if (more) {
    causes.push_back(forbidden_field(path + ".properties[metadata]",
                                     "must not specify anything other than name and generateName, "
                                     "but metadata is implicitly specified"));
  }
}

}  // namespace

void default_crd(Json& crd) {
  Json& spec = crd["spec"];
  if (!spec.is_object() || !spec.contains("names") || !spec["names"].is_object()) return;
  Json& names = spec["names"];
  const std::string kind = names.value("kind", "");
  if (!names.contains("singular")) names["singular"] = lower(kind);
  if (!names.contains("listKind")) names["listKind"] = kind + "List";
}

std::vector<Cause> validate_crd(const Json& crd) {
  std::vector<Cause> causes;
  const Json spec = crd.value("spec", Json::object());
  const Json names = spec.value("names", Json::object());
  const std::string group = spec.value("group", "");
  const std::string plural = names.value("plural", "");
  const std::string name = crd["metadata"].value("name", "");
  if (name != plural + "." + group) {
    causes.push_back(
        invalid_value("metadata.name", name, "must be spec.names.plural+\".\"+spec.group"));
  }
  const Json versions = spec.value("versions", Json::array());
  std::size_t storage = 0, i = 0;
  for (const Json& version : versions) {
    const std::string at = "spec.versions[" + std::to_string(i++) + "]";
    storage += version.value("storage", false) ? 1 : 0;
    if (version.value("name", "").empty()) causes.push_back(required(at + ".name"));
    const Json schema = version.value("/schema/openAPIV3Schema"_json_pointer, Json());
    if (!schema.is_object()) {
      causes.push_back(required(at + ".schema.openAPIV3Schema", "schemas are required"));
    } else {
      check_structural(schema, at + ".schema.openAPIV3Schema", causes);
      check_metadata(schema, at + ".schema.openAPIV3Schema", causes);
    }
  }
  if (storage != 1) {
    causes.push_back(invalid_value("spec.versions", versions.size(),
                                   "must have exactly one version marked as storage version"));
  }
  return causes;
}

}  // namespace devcluster
