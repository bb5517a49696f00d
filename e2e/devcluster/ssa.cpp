#include "devcluster/ssa.hpp"

#include <algorithm>

namespace devcluster {
namespace {

// The parts that nobody owns: apimachinery managedfields/internal/stripmeta.go.
Json ownable(const Json& object) {
  Json out = object.is_object() ? object : Json::object();
  out.erase("apiVersion");
  out.erase("kind");
  if (const auto metadata = out.find("metadata"); metadata != out.end() && metadata->is_object()) {
    for (const char* name :
         {"name", "namespace", "uid", "generation", "resourceVersion", "creationTimestamp",
          "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"}) {
      metadata->erase(name);
    }
    if (metadata->empty()) out.erase(metadata);
  }
  return out;
}

// Every object has metadata, so a creation does not add it.
FieldSet whole_of(const Json& after, const Shape& shape) {
  return compare({{"metadata", Json::object()}}, after, shape).changed;
}

void drop_empty(ManagedFields& managers) {
  std::erase_if(managers, [](const ManagedEntry& entry) { return entry.fields.empty(); });
}

// An entry that says the same as before keeps its time, so that a write without effect changes
// nothing.
void put_entry(ManagedFields& managers, const ManagedEntry& who, FieldSet fields) {
  for (ManagedEntry& entry : managers) {
    if (!entry.same_manager(who)) continue;
    if (entry.fields == fields && entry.api_version == who.api_version) return;
    entry = who;
    entry.fields = std::move(fields);
    return;
  }
  managers.push_back(who);
  managers.back().fields = std::move(fields);
}

// Takes from the others what has changed hands or is gone.
void take_from_others(ManagedFields& managers, const ManagedEntry& who, const Comparison& change) {
  for (ManagedEntry& entry : managers) {
    if (entry.same_manager(who)) continue;
    entry.fields.remove_all(change.changed);
    entry.fields.remove_all(change.removed);
  }
}

// managedfields/internal/conflict.go
Refusal conflict_with(const std::vector<std::pair<const ManagedEntry*, FieldSet>>& conflicts) {
  Json causes = Json::array();
  std::string list;
  std::size_t count = 0;
  for (const auto& [entry, fields] : conflicts) {
    std::string by = "\"" + entry->manager + "\"";
    if (!entry->subresource.empty()) by += " with subresource \"" + entry->subresource + "\"";
    if (entry->operation == "Update") by += " using " + entry->api_version;
    std::vector<std::string> paths;
    fields.for_each("", [&](const std::string& path) { paths.push_back(path); });
    for (const std::string& path : paths) {
      causes.push_back({{"reason", "FieldManagerConflict"},
                        {"message", "conflict with " + by},
                        {"field", path}});
    }
    count += paths.size();
    if (paths.size() == 1) {
      list += (list.empty() ? "" : "\n") + ("conflict with " + by + ": " + paths[0]);
      continue;
    }
    list += (list.empty() ? "" : "\n") + ("conflicts with " + by + ":");
    for (const std::string& path : paths) list += "\n- " + path;
  }
  const std::string how_many = count == 1 ? "1 conflict: " : std::to_string(count) + " conflicts: ";
  return {409, "Conflict", "Apply failed with " + how_many + list, {{"causes", causes}}};
}

}  // namespace

bool ManagedEntry::same_manager(const ManagedEntry& other) const {
  return manager == other.manager && operation == other.operation &&
         subresource == other.subresource &&
         (operation == "Apply" || api_version == other.api_version);
}

ManagedFields managed_fields_of(const Json& object) {
  ManagedFields out;
  if (!object.is_object() || !object.contains("metadata")) return out;
  const auto& metadata = object["metadata"];
  const auto found = metadata.find("managedFields");
  if (found == metadata.end() || !found->is_array()) return out;
  for (const Json& entry : *found) {
    out.push_back({entry.value("manager", ""), entry.value("operation", ""),
                   entry.value("subresource", ""), entry.value("apiVersion", ""),
                   entry.value("time", ""),
                   field_set_from(entry.value("fieldsV1", Json::object()))});
  }
  return out;
}

void set_managed_fields(Json& object, const ManagedFields& managers) {
  Json list = Json::array();
  for (const ManagedEntry& entry : managers) {
    Json item = {{"manager", entry.manager},        {"operation", entry.operation},
                 {"apiVersion", entry.api_version}, {"time", entry.time},
                 {"fieldsType", "FieldsV1"},        {"fieldsV1", fields_v1(entry.fields)}};
    if (!entry.subresource.empty()) item["subresource"] = entry.subresource;
    list.push_back(std::move(item));
  }
  if (list.empty()) {
    object["metadata"].erase("managedFields");
  } else {
    object["metadata"]["managedFields"] = std::move(list);
  }
}

ApplyResult apply_config(const Json& live, ManagedFields managers, const Json& config,
                         const Shape& shape, const ManagedEntry& who, bool force) {
  const Json wanted = ownable(config);
  const FieldSet now = fields_of(wanted, shape);
  FieldSet last;
  for (const ManagedEntry& entry : managers) {
    if (entry.same_manager(who)) last = entry.fields;
  }

  ApplyResult out;
  out.object = live.is_object() ? live : config;
  merge_into(out.object, wanted, shape);

  // What it applied before, applies no longer, and nobody else owns, goes.
  FieldSet gone = last;
  gone.remove_all(now);
  FieldSet kept = now;
  for (const ManagedEntry& entry : managers) {
    if (!entry.same_manager(who)) kept.insert_all(entry.fields);
  }
  remove_fields(out.object, gone, kept, shape);

  const Comparison change = compare(ownable(live), ownable(out.object), shape);
  std::vector<std::pair<const ManagedEntry*, FieldSet>> conflicts;
  for (const ManagedEntry& entry : managers) {
    if (entry.same_manager(who)) continue;
    FieldSet common = entry.fields.intersection(change.changed);
    if (!common.empty()) conflicts.emplace_back(&entry, std::move(common));
  }
  if (!conflicts.empty() && !force) throw conflict_with(conflicts);

  take_from_others(managers, who, change);
  put_entry(managers, who, now);
  drop_empty(managers);
  out.managers = std::move(managers);
  return out;
}

ManagedFields track_update(const Json& before, const Json& after, ManagedFields managers,
                           const Shape& shape, const ManagedEntry& who) {
  const Json new_state = ownable(after);
  const Comparison change = before.is_object() ? compare(ownable(before), new_state, shape)
                                               : Comparison{whole_of(new_state, shape), {}};
  if (change.changed.empty() && change.removed.empty()) return managers;
  take_from_others(managers, who, change);
  FieldSet mine;
  for (const ManagedEntry& entry : managers) {
    if (entry.same_manager(who)) mine = entry.fields;
  }
  mine.insert_all(change.changed);
  mine.remove_all(change.removed);
  put_entry(managers, who, std::move(mine));
  drop_empty(managers);
  return managers;
}

}  // namespace devcluster
