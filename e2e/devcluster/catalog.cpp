#include "devcluster/catalog.hpp"

#include <algorithm>
#include <mutex>

#include "devcluster/data.hpp"
#include "devcluster/lower.hpp"
#include "devcluster/members.hpp"
#include "devcluster/schema.hpp"

namespace devcluster {
namespace {

const std::vector<std::string> kAllVerbs = {"create", "delete", "deletecollection", "get",
                                            "list",   "patch",  "update",           "watch"};

// By which field selectors may select everything.
const std::vector<std::string> kSelectable = {"metadata.name", "metadata.namespace"};

std::vector<std::string> with(std::vector<std::string> list, const std::vector<std::string>& more) {
  list.insert(list.end(), more.begin(), more.end());
  return list;
}

ResourceType::Names names_of(const Json& entry) {
  using Names = ResourceType::Names;
  static const std::map<std::string, Names> rules = {
      {"subdomain", Names::kSubdomain}, {"label", Names::kLabel}, {"path", Names::kPath}};
  return meaning(rules, entry.value("names", "subdomain"));
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
  Json schema = version.value("/schema/openAPIV3Schema"_json_pointer, Json::object());
  Json metadata = object_meta_schema();
  // A schema may say more of the name alone.
  metadata["properties"].update(
      schema.value("/properties/metadata/properties"_json_pointer, Json::object()), true);
  schema["properties"]["metadata"] = std::move(metadata);
  out.schema = std::make_shared<const Json>(std::move(schema));
  const Json subresources = version.value("subresources", Json::object());
  out.status = subresources.contains("status");
  if (subresources.contains("scale")) out.scale = subresources["scale"];
  out.columns.push_back(name_column());
  const Json columns = version.value("additionalPrinterColumns", Json::array());
  for (const Json& column : columns) out.columns.push_back(custom_column(column));
  if (columns.empty()) out.columns.push_back(age_column());
  return out;
}

}  // namespace

Catalog::Catalog(Store& store, const std::vector<std::string>& more, int minor)
    : store_(store), minor_(minor) {
  const auto add = [this](const std::string&, const Json& entry) { add_built_in(entry); };
  each_entry("types.yaml", add);
  for (const std::string& file : more) each_entry(file, add);
}

void Catalog::add_built_in(const Json& entry) {
  check_keys(entry, {{"plural", "kind"},
                     {"group", "version", "singular", "namespaced", "status", "statusOnCreate",
                      "scale", "generation", "names", "shortNames", "categories", "verbs",
                      "selectableFields", "subresources", "columns"}});
  auto type = std::make_shared<ResourceType>();
  type->group = entry.value("group", "");
  type->plural = entry.at("plural");
  type->kind = entry.at("kind");
  type->singular = entry.value("singular", lower(type->kind));
  type->list_kind = type->kind + "List";
  type->storage_version = entry.value("version", "v1");
  type->namespaced = entry.value("namespaced", true);
  type->status_on_create = entry.value("statusOnCreate", false);
  type->counts_generation = entry.value("generation", false);
  type->names = names_of(entry);
  type->short_names = strings(entry, "shortNames");
  type->categories = strings(entry, "categories");
  type->verbs = entry.value("verbs", kAllVerbs);
  for (const Json& sub : entry.value("subresources", Json::array())) {
    check_keys(sub, {{"name", "kind", "verbs"}, {"group", "version", "since"}});
    if (sub.value("since", 0) > minor_) continue;
    type->subresources.push_back({sub.at("name"), sub.at("kind"), sub.value("group", ""),
                                  sub.value("version", ""), sub.at("verbs")});
  }
  ServedVersion& version = type->versions[type->storage_version];
  version.name = type->storage_version;
  version.schema = built_in_schema(type->subject().qualified());
  version.status = entry.value("status", false);
  if (entry.value("scale", false)) version.scale = Json::object();
  for (const Json& column : entry.value("columns", Json::array())) {
    version.columns.push_back(built_in_column(column));
  }
  if (version.columns.empty()) version.columns = {name_column(), age_column()};
  type->objects = &store_.collection(type->group, type->plural);
  store_.open(*type->objects, with(kSelectable, strings(entry, "selectableFields")));
  types_[{type->group, type->plural}] = type;
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
  type->verbs = kAllVerbs;
  std::vector<std::string> fields = kSelectable;
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
      const std::size_t rules = count_rules(*version.schema);
      if (rules == 0) continue;
      out.push_back(type->api_version(name) + "/" + type->plural + ": " + std::to_string(rules) +
                    (rules == 1 ? " rule" : " rules"));
    }
  }
  return out;
}

}  // namespace devcluster
