#include "devcluster/collector.hpp"

#include <algorithm>
#include <utility>

#include "devcluster/members.hpp"
#include "devcluster/objects.hpp"
#include "devcluster/paths.hpp"

namespace devcluster {
namespace {

constexpr const char* kNamespaces = "/api/v1/namespaces";
constexpr const char* kAccounts = "/api/v1/serviceaccounts";

bool has_finalizer(const Json& object, const std::string& name) {
  return holds(strings(object["metadata"], "finalizers"), name);
}

}  // namespace

GarbageCollector::Reference GarbageCollector::reference_of(const Json& owner) {
  return {group_of(owner.value("apiVersion", "")), owner.value("kind", ""), owner.value("name", ""),
          owner.value("uid", "")};
}

bool GarbageCollector::exists(const Reference& owner, const std::string& dependent_key) const {
  const auto found = items_.find(owner.uid);
  if (found == items_.end() || found->second.self != owner) return false;
  const auto ns = split_key(found->second.key).first;
  return ns.empty() || ns == split_key(dependent_key).first;
}

void GarbageCollector::forget(const std::string& uid) {
  const auto found = items_.find(uid);
  if (found == items_.end()) return;
  for (const auto& owner : found->second.owners) {
    const auto dependents = owned_.find(owner.uid);
    if (dependents == owned_.end()) continue;
    dependents->second.erase(uid);
    if (dependents->second.empty()) owned_.erase(dependents);
    if (leaving_.count(owner.uid) > 0) doubtful_.insert(owner.uid);
  }
  items_.erase(found);
}

void GarbageCollector::observe(const Delta& delta) {
  const auto& metadata = delta.object["metadata"];
  const auto uid = uid_of(delta.object);
  forget(uid);
  if (delta.kind == Delta::Kind::kDeleted) {
    leaving_.erase(uid);
    const auto dependents = owned_.find(uid);
    if (dependents != owned_.end())
      doubtful_.insert(dependents->second.begin(), dependents->second.end());
    return;
  }
  Item item{delta.collection,
            key_of(delta.object),
            {group_of(delta.object.value("apiVersion", "")), delta.object.value("kind", ""),
             name_of(delta.object), uid},
            {}};
  for (const auto& owner : metadata.value("ownerReferences", Json::array())) {
    item.owners.push_back(reference_of(owner));
    owned_[item.owners.back().uid].insert(uid);
  }
  if (!item.owners.empty()) doubtful_.insert(uid);
  items_[uid] = std::move(item);
  if (metadata.contains("deletionTimestamp") &&
      (has_finalizer(delta.object, "foregroundDeletion") ||
       has_finalizer(delta.object, "orphan"))) {
    leaving_.insert(uid);
    doubtful_.insert(uid);
  }
}

void GarbageCollector::work(Time /*now*/) {
  // Changes come in their order, an owner before its dependents: what has no owner in the index has
  // none (garbagecollector.go, whose caches come apart, asks the API server).
  for (const auto& uid : std::exchange(doubtful_, {})) {
    if (leaving_.count(uid) > 0) finish_owner(uid);
    look_at(uid);
  }
}

// A dependent: gone when none of its owners is left, else freed of those that are gone.
void GarbageCollector::look_at(const std::string& uid) {
  const auto found = items_.find(uid);
  if (found == items_.end()) return;
  const auto& item = found->second;
  const auto there = [&](const Reference& owner) { return exists(owner, item.key); };
  if (std::all_of(item.owners.begin(), item.owners.end(), there)) return;
  const auto object = world_.api.get(item.collection, item.key);
  if (!object || uid_of(*object) != uid) return;
  Json kept = Json::array();
  for (const auto& owner : (*object)["metadata"].value("ownerReferences", Json::array())) {
    if (there(reference_of(owner))) kept.push_back(owner);
  }
  if (kept.empty()) {
    world_.api.remove(item.collection, item.key);
  } else {
    world_.patch(item.collection, item.key, {{"metadata", {{"ownerReferences", kept}}}});
  }
}

// An owner that is being deleted: its dependents are set free, or deleted first; then its finalizer
// goes.
void GarbageCollector::finish_owner(const std::string& uid) {
  const auto found = items_.find(uid);
  if (found == items_.end()) return;
  const auto& [collection, key, self, owners] = found->second;
  const auto object = world_.api.get(collection, key);
  if (!object) return;
  const bool orphan = has_finalizer(*object, "orphan");
  const auto owned = owned_.find(uid);
  const auto dependents = owned == owned_.end() ? std::set<std::string>{} : owned->second;
  bool waiting = false;
  for (const auto& dependent : dependents) {
    const auto item = items_.find(dependent);
    if (item == items_.end()) continue;
    const auto& [child_collection, child_key, child_self, child_owners] = item->second;
    const auto child = world_.api.get(child_collection, child_key);
    if (!child) continue;
    bool blocks = false;
    Json kept = Json::array();
    for (const auto& owner : (*child)["metadata"].value("ownerReferences", Json::array())) {
      if (owner.value("uid", "") != uid) {
        kept.push_back(owner);
      } else {
        blocks = owner.value("blockOwnerDeletion", false);
      }
    }
    if (orphan) {
      world_.patch(child_collection, child_key,
                   {{"metadata", {{"ownerReferences", kept.empty() ? Json() : kept}}}});
    } else {
      if (!deleting(*child)) world_.api.remove(child_collection, child_key);
      waiting = waiting || (blocks && world_.api.get(child_collection, child_key));
    }
  }
  if (waiting) return;
  const Json finalizers =
      without((*object)["metadata"]["finalizers"], {"orphan", "foregroundDeletion"});
  leaving_.erase(uid);
  world_.patch(collection, key, {{"metadata", {{"finalizers", finalizers}}}});
}

void Namespaces::observe(const Delta& delta) {
  const auto& metadata = delta.object["metadata"];
  if (delta.collection == kNamespaces) {
    const auto name = metadata.value("name", "");
    if (delta.kind == Delta::Kind::kDeleted) {
      terminating_.erase(name);
    } else {
      changed_.insert(name);
      if (metadata.contains("deletionTimestamp")) terminating_.insert(name);
    }
    return;
  }
  const auto ns = metadata.value("namespace", "");
  if (ns.empty()) return;
  const bool account = delta.collection == kAccounts && delta.kind == Delta::Kind::kDeleted;
  if (account || terminating_.count(ns) > 0) changed_.insert(ns);
}

void Namespaces::work(Time /*now*/) {
  for (const auto& name : std::exchange(changed_, {})) {
    if (terminating_.count(name) > 0) {
      empty(name);
    } else {
      furnish(name);
    }
  }
}

void Namespaces::furnish(const std::string& name) {
  if (!world_.api.get(kNamespaces, name) || world_.api.get(kAccounts, name + "/default")) return;
  world_.create(kAccounts, object_of("v1", "ServiceAccount", "default", name));
}

void Namespaces::empty(const std::string& name) {
  bool left = false;
  for (const auto& collection : world_.server.namespaced_collections()) {
    const auto path = within(collection, name);
    // Fails where the CustomResourceDefinition of the collection has gone, and its objects with it.
    attempt([&] {
      for (const auto& object : world_.api.list(path)) {
        if (!deleting(object)) world_.api.remove(path, name_of(object));
        left = left || world_.api.get(path, name_of(object)).has_value();
      }
    });
  }
  if (left) return;  // what goes later comes back as a change
  auto object = world_.api.get(kNamespaces, name);
  if (!object) return;
  (*object)["spec"]["finalizers"] = Json::array();
  attempt([&] { world_.api.update(kNamespaces, *object, "finalize"); });
}

}  // namespace devcluster
