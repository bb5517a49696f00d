// plan(): from everything observed to what is to be done now, and what is to be said.
//
// A pure function: no I/O, no clock but `now`, the same input gives the same plan, and planning
// again after any prefix of the actions was carried out leads to the same end. Actions are in the
// order in which they are to be carried out.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "api/json.hpp"
#include "api/workload.hpp"
#include "kube/resource.hpp"
#include "platform/strategy.hpp"
#include "reconcile/observed.hpp"

namespace swo::reconcile {

using Time = std::chrono::system_clock::time_point;

// POST: fails with AlreadyExists rather than touching what is there. For Pods, which are never
// changed.
// `try_first`: asked as a dry run before, so that a Pod whose hostUsers: false the API server drops
// is never there.
struct CreateAction {
  const kube::ResourceType* type = nullptr;
  Json document;
  bool try_first = false;
};

// Server-side apply. `expect_absent`: we believe it is not there, and leave alone what someone else
// controls. Else `uid` is of the object that was looked at: another one that has its name by now is
// left alone.
struct ApplyAction {
  const kube::ResourceType* type = nullptr;
  Json document;
  bool expect_absent = false;
  std::string uid = {};
};

// Delete exactly this object (uid precondition).
struct DeleteAction {
  const kube::ResourceType* type = nullptr;
  kube::ObjectKey key;
  std::string uid;
  // What is to take its place; null: nothing. It goes only where the API server would take that.
  Json successor = nullptr;
};

// kStrategicMerge: lists by their keys; only types that are built in have it.
enum class PatchKind { kMerge, kStrategicMerge };

struct PatchAction {
  const kube::ResourceType* type = nullptr;
  kube::ObjectKey key;
  Json patch;
  std::string subresource = {};
  PatchKind kind = PatchKind::kMerge;
};

struct Action {
  std::variant<CreateAction, ApplyAction, DeleteAction, PatchAction> what;
  std::string why;  // one clause, for the log and for the Event
  const kube::ResourceType& type() const;
  kube::ObjectKey key() const;
  std::string describe() const;  // "delete Pod demo/nginx-1: made from an older revision"
};

// An Event about the workload.
struct Notice {
  bool warning = false;
  std::string reason;
  std::string message;
  bool operator==(const Notice&) const = default;
};

struct Plan {
  std::vector<Action> actions;
  api::Status status;
  std::vector<Notice> notices;  // for changes of state that this plan's status tells
  std::optional<std::chrono::milliseconds> requeue_after;
  std::optional<Digest> in_line;   // for Memory
  std::set<std::string> unshrunk;  // for Memory, once the notices are out
};

struct PlanInput {
  const api::Workload& workload;
  const Observed& observed;
  const Memory& memory;
  const platform::Facts& facts;
  const platform::Strategy& strategy;
  Time now;
};

Plan plan(const PlanInput& input);

}  // namespace swo::reconcile
