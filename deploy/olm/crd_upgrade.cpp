#include "olm/crd_upgrade.hpp"

#include <algorithm>
#include <functional>

namespace olm {
namespace {

using Faults = std::vector<std::string>;

bool contains(const Json& list, const Json& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

Json list_of(const Json& node, const char* key) { return node.value(key, Json::array()); }

// Keywords that allow less when they grow (minimum, …) or when they shrink (maximum, …).
constexpr const char* kLowerBounds[] = {"minimum", "minLength", "minItems", "minProperties"};
constexpr const char* kUpperBounds[] = {"maximum", "maxLength", "maxItems", "maxProperties"};

void compare_bound(const Json& before, const Json& after, const char* key, bool upper,
                   const std::string& path, Faults& faults) {
  if (!after.contains(key)) return;
  if (!before.contains(key)) {
    faults.push_back(path + ": " + key + " is new");
  } else if (upper ? after.at(key) < before.at(key) : before.at(key) < after.at(key)) {
    faults.push_back(path + ": " + key + " is narrower");
  }
}

void compare(const Json& before, const Json& after, const std::string& path, Faults& faults);

void compare_children(const Json& before, const Json& after, const std::string& path,
                      Faults& faults) {
  const Json after_properties = after.value("properties", Json::object());
  const Json before_properties = before.value("properties", Json::object());
  for (const auto& [key, child] : before_properties.items()) {
    const std::string here = path + "." + key;
    if (after_properties.contains(key)) {
      compare(child, after_properties.at(key), here, faults);
    } else {
      faults.push_back(here + ": is gone");
    }
  }
  for (const char* inner : {"items", "additionalProperties"}) {
    if (before.contains(inner) && after.contains(inner)) {
      compare(before.at(inner), after.at(inner), path + "[]", faults);
    }
  }
}

void compare(const Json& before, const Json& after, const std::string& path, Faults& faults) {
  for (const char* key : {"type", "default", "format", "pattern", "x-kubernetes-list-type",
                          "x-kubernetes-list-map-keys", "x-kubernetes-int-or-string"}) {
    if (before.value(key, Json()) != after.value(key, Json())) {
      faults.push_back(path + ": " + key + " has changed");
    }
  }
  const Json required = list_of(before, "required");
  for (const Json& key : list_of(after, "required")) {
    if (!contains(required, key)) {
      faults.push_back(path + "." + key.get<std::string>() + ": is newly required");
    }
  }
  if (after.contains("enum")) {
    if (!before.contains("enum")) faults.push_back(path + ": enum is new");
    for (const Json& value : list_of(before, "enum")) {
      if (!contains(after.at("enum"), value)) {
        faults.push_back(path + ": enum has lost " + value.dump());
      }
    }
  }
  for (const char* key : kLowerBounds) compare_bound(before, after, key, false, path, faults);
  for (const char* key : kUpperBounds) compare_bound(before, after, key, true, path, faults);
  compare_children(before, after, path, faults);
}

const Json* version_named(const Json& crd, const Json& name) {
  for (const Json& version : crd.at("spec").at("versions")) {
    if (version.at("name") == name) return &version;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> unsafe_changes(const Json& before, const Json& after) {
  Faults faults;
  if (before.at("spec").at("scope") != after.at("spec").at("scope")) {
    faults.emplace_back("spec.scope: has changed");
  }
  for (const Json& old_version : before.at("spec").at("versions")) {
    const Json& name = old_version.at("name");
    const Json* version = version_named(after, name);
    if (version == nullptr) {
      faults.push_back(name.get<std::string>() + ": the version is gone");
      continue;
    }
    compare(old_version.at("schema").at("openAPIV3Schema"),
            version->at("schema").at("openAPIV3Schema"), name.get<std::string>(), faults);
  }
  return faults;
}

}  // namespace olm
