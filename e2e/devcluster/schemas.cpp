#include <algorithm>
#include <map>
#include <stdexcept>

#include "devcluster/data.hpp"
#include "devcluster/schema.hpp"
#include "devcluster/yaml.hpp"

namespace devcluster {
namespace {

using nlohmann::json;

constexpr const char* kFile = "schemas.yaml";
constexpr const char* kAll = ".";  // what is said of a struct as a whole

struct Member {
  json schema;
  bool needed = false;
};

Member field_of(const json& said);

json struct_of(const json& fields) {
  json out = {{"type", "object"}, {"properties", json::object()}};
  const std::string all = fields.value(kAll, "");
  if (all == "atomic") out["x-kubernetes-map-type"] = "atomic";
  for (const auto& [name, said] : fields.items()) {
    if (name == kAll) continue;
    Member field = field_of(said);
    if (field.needed) out["required"].push_back(name);
    if (all == "nullable") field.schema["nullable"] = true;
    out["properties"][name] = std::move(field.schema);
  }
  return out;
}

json type_of(const std::string& word) {
  static const std::map<std::string, json> words = {
      {"string", {{"type", "string"}}},
      {"bool", {{"type", "boolean"}}},
      {"int", {{"type", "integer"}}},
      {"time", {{"type", "string"}, {"format", "date-time"}}},
      {"bytes", {{"type", "string"}, {"format", "byte"}}},
      {"quantity", {{"format", "quantity"}}},
      {"intOrString", {{"x-kubernetes-int-or-string", true}}},
      {"any", {{"x-kubernetes-preserve-unknown-fields", true}}}};
  const auto found = words.find(word);
  if (found != words.end()) return found->second;
  const json& all = data(kFile);
  if (!all.contains(word)) throw std::logic_error(std::string("no type is called ") + word);
  return struct_of(all[word]);
}

// Keys, and none for a set: x-kubernetes-list-type would refuse duplicates, which Go's types do
// not.
json list_of(const json& said) {
  json out = {{"type", "array"}, {"items", field_of(said.at(0)).schema}};
  if (said.size() < 2) return out;
  json keys(said.begin() + 1, said.end());
  if (keys == json::array({"set"})) keys = json::array();
  out["x-kubernetes-list-map-keys"] = std::move(keys);
  return out;
}

bool take_first(std::string& text, const std::string& word) {
  if (text.rfind(word + " ", 0) != 0) return false;
  text.erase(0, word.size() + 1);
  return true;
}

Member field_of_text(std::string text) {
  const auto equals = text.find(" = ");
  const std::string fallback = equals == std::string::npos ? "" : text.substr(equals + 3);
  text.resize(std::min(text.size(), equals));
  const bool needed = text.back() == '!';
  if (needed) text.pop_back();
  const bool immutable = take_first(text, "immutable");
  const bool atomic = take_first(text, "atomic");
  json schema;
  if (take_first(text, "map")) {
    schema = {{"type", "object"}, {"additionalProperties", type_of(text)}};
  } else {
    schema = type_of(text);
  }
  if (atomic) schema["x-kubernetes-map-type"] = "atomic";
  if (immutable) {
    schema["x-kubernetes-validations"] = {
        {{"rule", "self == oldSelf"}, {"message", "field is immutable"}}};
  }
  if (!fallback.empty()) schema["default"] = yaml_to_json(fallback);
  return {std::move(schema), needed};
}

Member field_of(const json& said) {
  if (said.is_null()) return {type_of("string")};
  if (said.is_array()) return {list_of(said)};
  if (said.is_string()) return field_of_text(said);
  Member out = field_of(said.at("is"));
  out.schema.update(said);
  out.schema.erase("is");
  return out;
}

// With what goes without saying.
json kind_of(const json& fields) {
  json out = struct_of(fields);
  for (const char* name : {"apiVersion", "kind"}) out["properties"][name] = type_of("string");
  out["properties"]["metadata"] = object_meta_schema();
  return out;
}

}  // namespace

const json& object_meta_schema() {
  static const json schema = type_of("ObjectMeta");
  return schema;
}

std::shared_ptr<const json> built_in_schema(const std::string& qualified) {
  static const auto all = [] {
    std::map<std::string, std::shared_ptr<const json>> out;
    each_entry(kFile, [&](const std::string& name, const json& fields) {
      const bool kind = name.front() >= 'a' && name.front() <= 'z';
      if (kind) out[name] = std::make_shared<const json>(kind_of(fields));
    });
    return out;
  }();
  static const auto anything = [] {
    json schema = kind_of(json::object());
    schema["x-kubernetes-preserve-unknown-fields"] = true;
    return std::make_shared<const json>(std::move(schema));
  }();
  const auto found = all.find(qualified);
  return found == all.end() ? anything : found->second;
}

}  // namespace devcluster
