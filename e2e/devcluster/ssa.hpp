// Field management: who owns which field, and server-side apply on top of it.
//
// Sources: kubernetes.io/docs/reference/using-api/server-side-apply; apimachinery
// util/managedfields; sigs.k8s.io/structured-merge-diff merge/update.go. Pure.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcluster/field_set.hpp"
#include "devcluster/status.hpp"

namespace devcluster {

struct ManagedEntry {
  std::string manager, operation, subresource, api_version, time;
  FieldSet fields;

  // One entry each: an applier and an updater of one name are two, and so are its subresources.
  bool same_manager(const ManagedEntry& other) const;
};
using ManagedFields = std::vector<ManagedEntry>;

ManagedFields managed_fields_of(const Json& object);
void set_managed_fields(Json& object, const ManagedFields& managers);

// Who writes; `who.fields` is ignored.
struct ApplyResult {
  Json object;
  ManagedFields managers;
};
// What becomes of `live` (null: created) when `who` applies `config`. Refusal 409 with a cause for
// each field of another manager that would change, unless `force`.
ApplyResult apply_config(const Json& live, ManagedFields managers, const Json& config,
                         const Shape& shape, const ManagedEntry& who, bool force);

// The managers after `who` changed `before` (null: created) into `after` by other means.
ManagedFields track_update(const Json& before, const Json& after, ManagedFields managers,
                           const Shape& shape, const ManagedEntry& who);

}  // namespace devcluster
