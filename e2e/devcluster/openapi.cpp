#include "devcluster/data.hpp"
#include "devcluster/discovery.hpp"
#include "devcluster/protobuf.hpp"

namespace devcluster {
namespace {

constexpr const char* kObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
constexpr const char* kGvk = "x-kubernetes-group-version-kind";

std::string definition_name(const ResourceType& type, const std::string& version) {
  return (type.group.empty() ? "core" : type.group) + "." + version + "." + type.kind;
}

Json gvk(const ResourceType& type, const std::string& version) {
  return {{"group", type.group}, {"version", version}, {"kind", type.kind}};
}

// v2 knows neither nullable nor combinations, and has its own form of int-or-string
// (apiextensions-apiserver pkg/controller/openapi/v2/conversion.go).
Json swagger_schema(const Json& schema) {
  if (!schema.is_object()) return schema;
  Json out = schema;
  for (const char* name : {"nullable", "oneOf", "anyOf", "allOf", "not", "x-kubernetes-validations",
                           "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "example"}) {
    out.erase(name);
  }
  if (schema.value("x-kubernetes-int-or-string", false)) {
    out["type"] = "string";
    out["format"] = "int-or-string";
  }
  if (schema.value("x-kubernetes-preserve-unknown-fields", false)) out.erase("properties");
  if (out.value("additionalProperties", Json()) == true)
    out["additionalProperties"] = Json::object();
  if (const auto properties = out.find("properties"); properties != out.end()) {
    for (auto& [name, property] : properties->items()) property = swagger_schema(property);
  }
  for (const char* name : {"items", "additionalProperties"}) {
    if (out.contains(name)) out[name] = swagger_schema(out[name]);
  }
  return out;
}

// The schema with what every object has: apiVersion, kind, metadata.
Json with_type_meta(Json schema, const std::string& reference_prefix) {
  Json& properties = schema["properties"];
  properties.update(data("openapi.yaml").at("typeMeta"));
  properties["metadata"] = {{"$ref", reference_prefix + kObjectMeta},
                            {"description", "Standard object's metadata."}};
  return schema;
}

Json definition(const ResourceType& type, const ServedVersion& version, bool v3) {
  Json out;
  if (type.custom) {
    out = with_type_meta(v3 ? *version.schema : swagger_schema(*version.schema),
                         v3 ? "#/components/schemas/" : "#/definitions/");
  } else {
    // Decoding knows a built-in type's fields; this document leaves them open.
    out = {{"type", "object"},
           {"description", type.kind + " (this stand-in does not describe its fields)"}};
  }
  out[kGvk] = Json::array({gvk(type, version.name)});
  return out;
}

std::string group_path(const std::string& group, const std::string& version) {
  return group.empty() ? "api/" + version : "apis/" + group + "/" + version;
}

std::string object_path(const ResourceType& type, const std::string& version) {
  return "/" + group_path(type.group, version) +
         (type.namespaced ? "/namespaces/{namespace}/" : "/") + type.plural + "/{name}";
}

// Operations say only what kubectl looks for: the kind, and that fieldValidation and dryRun are
// understood.
Json path_item(const ResourceType& type, const std::string& version, bool v3) {
  const Json string = {{"type", "string"}};
  Json parameters = Json::array();
  for (const char* name : {"dryRun", "fieldManager", "fieldValidation"}) {
    Json parameter = v3 ? Json{{"schema", string}} : string;
    parameter.update({{"name", name}, {"in", "query"}});
    parameters.push_back(std::move(parameter));
  }
  const Json operation = {
      {kGvk, gvk(type, version)}, {"parameters", parameters}, {"responses", Json::object()}};
  return {{"get", operation}, {"patch", operation}, {"post", operation}, {"put", operation}};
}

Json swagger(const Catalog& catalog, const std::string& git_version) {
  Json definitions = {{kObjectMeta, data("openapi.yaml").at("objectMeta")}}, paths = Json::object();
  for (const TypePtr& type : catalog.all()) {
    for (const auto& [name, version] : type->versions) {
      definitions[definition_name(*type, name)] = definition(*type, version, false);
      paths[object_path(*type, name)] = path_item(*type, name, false);
    }
  }
  return {{"swagger", "2.0"},
          {"info", {{"title", "Kubernetes"}, {"version", git_version}}},
          {"paths", std::move(paths)},
          {"definitions", std::move(definitions)}};
}

Json openapi_v3(const Catalog& catalog, const std::string& group, const std::string& version,
                const std::string& git_version) {
  Json schemas = {{kObjectMeta, data("openapi.yaml").at("objectMeta")}}, paths = Json::object();
  bool any = false;
  for (const TypePtr& type : catalog.all()) {
    const auto served = type->versions.find(version);
    if (type->group != group || served == type->versions.end()) continue;
    any = true;
    schemas[definition_name(*type, version)] = definition(*type, served->second, true);
    const std::string path = object_path(*type, version);
    paths[path] = path_item(*type, version, true);
    paths[path.substr(0, path.rfind('/'))] = path_item(*type, version, true);
  }
  if (!any) return nullptr;
  return {{"openapi", "3.0.0"},
          {"info", {{"title", "Kubernetes"}, {"version", git_version}}},
          {"paths", std::move(paths)},
          {"components", {{"schemas", std::move(schemas)}}}};
}

Json v3_index(const Catalog& catalog) {
  Json paths = Json::object();
  for (const TypePtr& type : catalog.all()) {
    for (const auto& [version, served] : type->versions) {
      const std::string path = group_path(type->group, version);
      paths[path] = {{"serverRelativeURL", "/openapi/v3/" + path}};
    }
  }
  return {{"paths", std::move(paths)}};
}

}  // namespace

std::optional<Response> openapi(const Catalog& catalog, const Target& target,
                                const std::string& accept, const std::string& git_version) {
  const auto& s = target.segments;
  if (s.size() == 2 && s[1] == "v2") {
    const Json document = swagger(catalog, git_version);
    if (accept.find("proto-openapi.spec.v2") == std::string::npos)
      return json_response(200, document.dump());
    return Response{
        200,
        {{"content-type", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"}},
        encode_protobuf(document, "Document")};
  }
  if (s.size() < 2 || s[1] != "v3") return std::nullopt;
  Json document;
  if (s.size() == 2) document = v3_index(catalog);
  if (s.size() == 4 && s[2] == "api") document = openapi_v3(catalog, "", s[3], git_version);
  if (s.size() == 5 && s[2] == "apis") document = openapi_v3(catalog, s[3], s[4], git_version);
  if (document.is_null()) return std::nullopt;
  return json_response(200, document.dump());
}

}  // namespace devcluster
