#include "reconcile/execute.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "api/json_read.hpp"
#include "api/names.hpp"
#include "kube/resource_version.hpp"
#include "reconcile/children.hpp"
#include "reconcile/resize.hpp"
#include "reconcile/types.hpp"

namespace swo::reconcile {
namespace {

using kube::ErrorKind;

ChildKey child_key(const Action& action) {
  return {std::string(action.type().plural), action.key().name};
}

// Concerns this object alone, though the answer is 500: an admission webhook that does not answer,
// or a field that the API server does not know (apiserver's managedfields, on server-side apply).
bool is_of_one_object(const kube::Error& error) {
  const auto says = [&](const char* words) {
    return error.message.find(words) != std::string::npos;
  };
  return error.kind == ErrorKind::kServer &&
         (says("failed calling webhook") || says("field not declared in schema"));
}

// What a Pod's place is not given up for: anything but what only its predecessor is in the way of.
// A webhook that knows no dry run (webhooks of v1beta1 could be so) says nothing of the Pod.
bool speaks_against_successor(const kube::Error& error) {
  const auto says = [&](const char* words) {
    return error.message.find(words) != std::string::npos;
  };
  return error.kind != ErrorKind::kAlreadyExists && !says("does not support dry run") &&
         !(error.kind == ErrorKind::kForbidden && says("exceeded quota"));
}

// Nothing further can be expected of this server for now.
bool stops_everything(const kube::Error& error) {
  switch (error.kind) {
    case ErrorKind::kUnreachable:
    case ErrorKind::kAmbiguous:
    case ErrorKind::kUnauthorized:
    case ErrorKind::kTooManyRequests:
    case ErrorKind::kCancelled:
      return true;
    default:
      return false;
  }
}

// Nor of this API group: one that is aggregated (Routes are) has a server of its own, without which
// the rest of the cluster does very well.
bool stops_its_group(const kube::Error& error) {
  return (error.kind == ErrorKind::kServer && !is_of_one_object(error)) ||
         error.kind == ErrorKind::kBadResponse;
}

// Whose object it is, for the message: its controller, or its maker.
std::string holder_of(const Json& live) {
  if (const Json* controller = controller_of(live)) {
    return text(at(*controller, "kind")) + " \"" + text(at(*controller, "name")) + "\"";
  }
  for (const Json& entry : at(live, "metadata", "managedFields")) {
    return "an object made by " + text(at(entry, "manager"));
  }
  return "an object of someone else";
}

// The lists of the spec. They are merged by key, so an item whose key someone has changed (the
// number of a Service's port) is theirs, and ours beside it may not be valid: then the lists are
// written whole.
Json lists_of(const Json& document) {
  Json lists = Json::object();
  const Json& spec = at(document, "spec");
  for (const auto& [name, value] : spec.items()) {
    if (value.is_array()) {
      lists[name] = value;
    }
  }
  return lists;
}

// The Pod asks for a user namespace, and what the API server made of it does not.
bool lost_host_users(const Json& document, const kube::Written& made) {
  if (at(document, "spec", "hostUsers") != false ||
      made.body.find("\"hostUsers\":false") != std::string::npos) {
    return false;
  }
  const Json live = Json::parse(made.body, nullptr, /*allow_exceptions=*/false);
  return live.is_object() && at(live, "spec", "hostUsers") != false;
}

kube::Error host_users_dropped() {
  kube::Error error;
  error.kind = ErrorKind::kInvalid;
  error.reason = diagnose::kUserNamespaceDropped;
  error.message = "the API server has dropped spec.hostUsers: false of the Pod";
  return error;
}

// The uid that a write is for is not the live object's: 422, for it cannot be changed.
bool is_another(const kube::Error& error) {
  return error.kind == ErrorKind::kInvalid &&
         error.message.find("metadata.uid") != std::string::npos;
}

// Another object has the name by now, which the watch is about to show.
kube::Error raced(kube::Error error) {
  error.kind = ErrorKind::kConflict;
  return error;
}

// The labels by which objects are found. Whatever changes them hides the object from its watch.
Json lost_labels(const Json& wanted, const Json& live) {
  Json lost = Json::object();
  for (const std::string_view label :
       {api::kLabelManagedBy, api::kLabelWorkload, api::kLabelOrdinal}) {
    const Json& value = at(wanted, "metadata", "labels", label);
    if (!value.is_null() && at(live, "metadata", "labels", label) != value) {
      lost[std::string(label)] = value;
    }
  }
  return lost;
}

// Of the metadata what makes a live object of ours one of its workload again; empty: it is one.
Json lost_bonds(const Json& wanted, const Json& live) {
  Json bonds = Json::object();
  if (Json labels = lost_labels(wanted, live); !labels.empty()) {
    bonds["labels"] = std::move(labels);
  }
  if (controller_of(live) == nullptr) {
    const Json& owners = at(live, "metadata", "ownerReferences");
    Json all = owners.is_array() ? owners : Json::array();
    for (const Json& owner : at(wanted, "metadata", "ownerReferences")) {
      all.push_back(owner);
    }
    bonds["ownerReferences"] = std::move(all);
  }
  if (!bonds.empty()) {
    bonds["uid"] = at(live, "metadata", "uid");
  }
  return bonds;
}

// What was written over an object of ours that no watch had shown.
kube::Result<kube::Written> found_again(const Json& wanted, kube::Result<kube::Written> written) {
  const Json live = Json::parse(written->body, nullptr, /*allow_exceptions=*/false);
  const Json lost = lost_labels(wanted, live);
  if (lost.empty()) {
    return written;
  }
  kube::Error error;
  error.kind = ErrorKind::kInvalid;
  error.message = "something (an admission webhook?) rewrites the label " + lost.begin().key() +
                  ", by which the operator finds what is its own: have it leave this object alone";
  return error;
}

kube::Error taken(const Action& action, const std::string& holder) {
  kube::Error error;
  error.kind = ErrorKind::kAlreadyExists;
  error.message = action.key().to_string() + " is taken by " + holder;
  return error;
}

}  // namespace

kube::Result<kube::Written> Executor::create(const CreateAction& action, const Action& whole,
                                             const BelongsToUs& belongs, Memory& memory) {
  if (action.try_first) {
    const auto tried =
        client_.create(*action.type, action.document, api::kFieldManager, /*dry_run=*/true);
    if (tried && lost_host_users(action.document, *tried)) {
      return host_users_dropped();
    }
  }
  auto written = client_.create(*action.type, action.document, api::kFieldManager);
  if (written && lost_host_users(action.document, *written)) {
    // Gone as a rule before its node has heard of it. One that stays all the same is told of.
    static_cast<void>(client_.remove(*action.type, whole.key(), {.uid = written->uid}));
    return host_users_dropped();
  }
  if (written || written.error().kind != ErrorKind::kAlreadyExists) {
    return written;
  }
  // The watch has not shown ours yet, or somebody has changed its labels; or the name is someone
  // else's.
  const auto live = client_.get(*action.type, whole.key());
  if (!live) {
    return written;
  }
  if (!belongs(*live)) {
    memory.foreign[child_key(whole)] = {action.type, holder_of(*live)};
    return taken(whole, holder_of(*live));
  }
  const Json bonds = lost_bonds(action.document, *live);
  return bonds.empty() ? written
                       : client_.merge_patch(*action.type, whole.key(), {{"metadata", bonds}},
                                             api::kFieldManager);
}

kube::Result<kube::Written> Executor::apply(const ApplyAction& action, const Action& whole,
                                            const BelongsToUs& belongs, Memory& memory) {
  std::string uid = action.uid;
  if (action.expect_absent) {
    auto made = client_.apply(*action.type, action.document,
                              {.field_manager = api::kFieldManager, .only_if_absent = true});
    if (made || (made.error().kind != ErrorKind::kConflict &&
                 made.error().kind != ErrorKind::kAlreadyExists)) {
      return made;
    }
    const auto live = client_.get(*action.type, whole.key());
    if (!live) {
      return made;  // gone again: a race, which the next look settles
    }
    if (!belongs(*live)) {
      memory.foreign[child_key(whole)] = {action.type, holder_of(*live)};
      return taken(whole, holder_of(*live));
    }
    uid = text(at(*live, "metadata", "uid"));
    // Ours, as wanted: the watch has not shown it yet, and may not for long.
    if (digest_of_owned(*live, api::kFieldManager) == digest_of_desired(action.document)) {
      kube::Written found;
      found.resource_version =
          kube::parse_resource_version(text(at(*live, "metadata", "resourceVersion"))).value_or(0);
      return found;
    }
  }
  const auto once = [&] {
    Json document = action.document;
    if (!uid.empty()) {
      document["metadata"]["uid"] = uid;
    }
    return client_.apply(*action.type, document, {.field_manager = api::kFieldManager});
  };
  auto written = once();
  if (!written && is_another(written.error())) {
    return raced(written.error());
  }
  if (!written && written.error().kind == ErrorKind::kInvalid && !action.expect_absent) {
    const Json lists = lists_of(action.document);
    const Json repair = {{"metadata", {{"uid", action.uid}}}, {"spec", lists}};
    if (!lists.empty() && client_.merge_patch(*action.type, whole.key(), repair,
                                              std::string(api::kFieldManager) + "-repair")) {
      written = once();
    }
  }
  if (!written) {
    return written;
  }
  if (action.expect_absent) {
    return found_again(action.document, std::move(written));
  }
  // A repair that does not take: something rewrites what we write. Once is enough.
  const Json live = Json::parse(written->body, nullptr, /*allow_exceptions=*/false);
  const Settled now{digest_of_owned(live, api::kFieldManager), digest_of_desired(action.document)};
  if (now.live != now.desired) {
    memory.settled[child_key(whole)] = now;
  } else {
    memory.settled.erase(child_key(whole));
  }
  return written;
}

kube::Result<kube::Written> Executor::remove(const DeleteAction& action) {
  if (!action.successor.is_null()) {
    // Its name is taken, which the API server finds out last of all.
    const auto tried = client_.create(*action.type, action.successor, api::kFieldManager,
                                      /*dry_run=*/true);
    if (!tried && speaks_against_successor(tried.error())) {
      return tried.error();
    }
    if (tried && lost_host_users(action.successor, *tried)) {
      return host_users_dropped();
    }
  }
  kube::DeleteOptions options;
  options.uid = action.uid;
  options.propagation_policy = "Background";
  const kube::Status status = client_.remove(*action.type, action.key, options);
  // Gone already: what was to be done is done. A conflict is looked at again: another object may
  // have the name by now, or the server could not settle a race.
  if (!status && status.error().kind != ErrorKind::kNotFound) {
    return status.error();
  }
  return kube::Written{};
}

kube::Result<kube::Written> Executor::patch(const PatchAction& action, const Action& whole,
                                            Memory& memory) {
  const auto send = action.kind == PatchKind::kMerge ? &kube::Client::merge_patch
                                                     : &kube::Client::strategic_merge_patch;
  auto written = (client_.*send)(*action.type, action.key, action.patch, api::kFieldManager,
                                 action.subresource);
  if (written && action.subresource == "resize") {
    memory.settled.erase(child_key(whole));
    const Json live = Json::parse(written->body, nullptr, /*allow_exceptions=*/false);
    if (const auto settled = settled_resize(live, action.patch)) {
      memory.settled[child_key(whole)] = *settled;
    }
  }
  return written;
}

void Executor::recheck_foreign(std::string_view ns, const BelongsToUs& belongs, Memory& memory) {
  for (auto entry = memory.foreign.begin(); entry != memory.foreign.end();) {
    const kube::ResourceType& type = *entry->second.type;
    const auto live =
        client_.get(type, {type.namespaced ? std::string(ns) : "", entry->first.name});
    const bool free = live ? belongs(*live) : live.error().kind == ErrorKind::kNotFound;
    entry = free ? memory.foreign.erase(entry) : std::next(entry);
  }
}

std::optional<kube::StoreBase::Version> Executor::held_before(const Action& action) {
  const kube::StoreBase* store = world_.store_of(action.type());
  const bool deletes = std::holds_alternative<DeleteAction>(action.what);
  return deletes && store != nullptr ? store->version(action.key()) : std::nullopt;
}

bool Executor::expect(const kube::ObjectKey& owner, const Action& action,
                      const kube::Written& written,
                      const std::optional<kube::StoreBase::Version>& held, kube::Instant now) {
  const kube::StoreBase* store = world_.store_of(action.type());
  if (store == nullptr) {
    return false;
  }
  if (std::holds_alternative<DeleteAction>(action.what)) {
    if (held) {
      expectations_.removed(owner, *store, action.key(), *held, now);
    }
  } else {
    expectations_.wrote(owner, *store, action.key(), written.resource_version, now);
  }
  return true;
}

Executed Executor::carry_out(const kube::ObjectKey& owner, const std::vector<Action>& actions,
                             const BelongsToUs& belongs, Memory& memory, kube::Instant now,
                             const ActionObserver& observer) {
  Executed executed;
  std::map<ChildKey, kube::Error> failures;
  std::set<std::string_view> silent_groups;
  bool lacks_something = false;
  for (const Action& action : actions) {
    if (silent_groups.contains(action.type().group)) {
      continue;
    }
    // A claim or an account that another has: an instance would be made on what is not its own.
    if (lacks_something && std::holds_alternative<CreateAction>(action.what) &&
        action.type() == types::kPod) {
      continue;
    }
    // Its Service has just turned out to be another's.
    if (std::holds_alternative<ApplyAction>(action.what) &&
        leads_to_anothers(action.type(), action.key().name, memory)) {
      continue;
    }
    const auto held = held_before(action);
    auto written = std::visit(
        [&](const auto& what) -> kube::Result<kube::Written> {
          using What = std::decay_t<decltype(what)>;
          if constexpr (std::is_same_v<What, CreateAction>) {
            return create(what, action, belongs, memory);
          } else if constexpr (std::is_same_v<What, ApplyAction>) {
            return apply(what, action, belongs, memory);
          } else if constexpr (std::is_same_v<What, DeleteAction>) {
            return remove(what);
          } else {
            return patch(what, action, memory);
          }
        },
        action.what);
    if (written) {
      // Of a kind that is not watched nothing comes back that would lead to another look.
      executed.writes += expect(owner, action, *written, held, now) ? 1 : 0;
      if (std::holds_alternative<DeleteAction>(action.what)) {
        memory.settled.erase(child_key(action));
      }
      observer(action, nullptr);
      continue;
    }
    const kube::Error& error = written.error();
    observer(action, &error);
    const auto* applied = std::get_if<ApplyAction>(&action.what);
    lacks_something = lacks_something || (applied != nullptr && applied->expect_absent &&
                                          needed_by_pods(*applied->type));
    if (!executed.error) {
      executed.error = error;
    }
    if (stops_everything(error)) {
      break;
    }
    if (stops_its_group(error)) {
      silent_groups.insert(action.type().group);
    }
    if (error.kind != ErrorKind::kConflict) {  // a race is nothing to tell the user of
      failures[child_key(action)] = error;
    }
  }
  memory.failures = std::move(failures);
  return executed;
}

}  // namespace swo::reconcile
