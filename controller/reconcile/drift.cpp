#include "reconcile/drift.hpp"

#include <algorithm>
#include <string>

#include "api/json_read.hpp"
#include "reconcile/fnv.hpp"

namespace swo::reconcile {
namespace {

// Lists of objects in the order of their text: their order has no meaning in the kinds compared
// here, and a foreign item put between ours must not count.
void make_canonical(Json& value) {
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end();) {
      if (member->is_null()) {
        member = value.erase(member);  // the same as left out: a server may keep it or not
      } else {
        make_canonical(*member);
        ++member;
      }
    }
  } else if (value.is_array()) {
    for (Json& item : value) {
      make_canonical(item);
    }
    if (std::all_of(value.begin(), value.end(),
                    [](const Json& item) { return item.is_object(); })) {
      std::sort(value.begin(), value.end(),
                [](const Json& a, const Json& b) { return a.dump() < b.dump(); });
    }
  }
}

bool item_matches(const Json& item, const Json& key) {
  if (!item.is_object() || !key.is_object()) {
    return false;
  }
  return std::all_of(key.items().begin(), key.items().end(), [&](const auto& member) {
    const auto found = item.find(member.key());
    return found != item.end() && *found == member.value();
  });
}

Json owned_part(const Json& value, const Json& fields);

Json owned_items(const Json& list, const Json& fields) {
  Json result = Json::array();
  for (const Json& item : list) {
    for (const auto& [name, below] : fields.items()) {
      const std::string_view path(name);
      if (path.starts_with("k:") &&
          item_matches(item, Json::parse(path.substr(2), nullptr, /*allow_exceptions=*/false))) {
        result.push_back(owned_part(item, below));
      } else if (path.starts_with("v:") && item == Json::parse(path.substr(2), nullptr, false)) {
        result.push_back(item);
      }
    }
  }
  return result;
}

// The part of `value` that a fieldsV1 node names: an empty node is a leaf and takes it whole.
Json owned_part(const Json& value, const Json& fields) {
  if (!fields.is_object() || fields.empty()) {
    return value;
  }
  if (value.is_array()) {
    return owned_items(value, fields);
  }
  if (!value.is_object()) {
    return value;
  }
  Json result = Json::object();
  for (const auto& [name, below] : fields.items()) {
    const std::string_view path(name);
    if (!path.starts_with("f:")) {
      continue;
    }
    const std::string key(path.substr(2));
    if (const auto member = value.find(key); member != value.end()) {
      result[key] = owned_part(*member, below);
    }
  }
  return result;
}

void merge_fields(Json& into, const Json& from) {
  for (const auto& [name, below] : from.items()) {
    if (into.contains(name) && into[name].is_object() && below.is_object()) {
      merge_fields(into[name], below);
    } else {
      into[name] = below;
    }
  }
}

// The manager's entries for the object itself; those of a subresource (status) are another matter.
bool is_entry_of(const Json& entry, std::string_view manager) {
  return text(at(entry, "manager")) == manager && text(at(entry, "subresource")).empty() &&
         at(entry, "fieldsV1").is_object();
}

}  // namespace

Digest digest_of_text(std::string_view text) {
  Fnv hash;
  for (const char c : text) {
    hash.add(static_cast<unsigned char>(c));
  }
  return hash.value() == kNothingOwned ? 1 : hash.value();
}

Digest digest_of_desired(const Json& document) {
  Json wanted = document;
  // Never part of fieldsV1: k8s.io/apimachinery/pkg/util/managedfields/internal/stripmeta.go.
  wanted.erase("apiVersion");
  wanted.erase("kind");
  if (wanted.contains("metadata")) {
    for (const char* field : {"name", "namespace", "uid", "resourceVersion", "managedFields"}) {
      wanted["metadata"].erase(field);
    }
  }
  make_canonical(wanted);
  return digest_of_text(wanted.dump());
}

Digest digest_of_owned(const Json& live, std::string_view manager) {
  Json fields = Json::object();
  for (const Json& entry : at(live, "metadata", "managedFields")) {
    if (is_entry_of(entry, manager)) {
      merge_fields(fields, entry["fieldsV1"]);
    }
  }
  if (fields.empty()) {
    return kNothingOwned;
  }
  Json owned = owned_part(live, fields);
  make_canonical(owned);
  return digest_of_text(owned.dump());
}

}  // namespace swo::reconcile
