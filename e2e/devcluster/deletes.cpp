// Deletion: preconditions, grace periods, finalizers.
// Sources: apiserver pkg/registry/rest/delete.go, pkg/registry/generic/registry/store.go;
// kubernetes pkg/registry/core/pod/strategy.go (CheckGracefulDelete).
#include <algorithm>
#include <optional>

#include "devcluster/members.hpp"
#include "devcluster/server_impl.hpp"
#include "devcluster/times.hpp"

namespace devcluster {
namespace {

constexpr int kAttempts = 64;
constexpr std::int64_t kDefaultGrace = 30;  // seconds

struct Options {
  std::string uid, resource_version, propagation;
  std::optional<std::int64_t> grace;
};

// metav1.DeleteOptions in the body; gracePeriodSeconds and propagationPolicy in the query too.
Options options_of(const Call& call, const Json& body) {
  Options out;
  const Json preconditions = body.value("preconditions", Json::object());
  out.uid = preconditions.value("uid", "");
  out.resource_version = preconditions.value("resourceVersion", "");
  out.propagation = body.value("propagationPolicy", call.target.value("propagationPolicy"));
  if (body.value("orphanDependents", false)) out.propagation = "Orphan";
  out.grace = call.target.number("gracePeriodSeconds");
  if (body.contains("gracePeriodSeconds") && body["gracePeriodSeconds"].is_number_integer()) {
    out.grace = body["gracePeriodSeconds"].get<std::int64_t>();
  }
  return out;
}

void check_precondition(const Subject& subject, const std::string& what, const std::string& wanted,
                        const std::string& there) {
  if (wanted.empty() || wanted == there) return;
  throw conflict(subject, "Precondition failed: " + what + " in precondition: " + wanted + ", " +
                              what + " in object meta: " + there);
}

// Only a Pod on a node that may still run is given time.
std::int64_t grace_of(const ResourceType& type, const Json& object, const Options& options) {
  if (type.kind != "Pod" || !type.group.empty()) return 0;
  const std::string phase = object.value("/status/phase"_json_pointer, "");
  if (object.value("/spec/nodeName"_json_pointer, "").empty() || phase == "Failed" ||
      phase == "Succeeded") {
    return 0;
  }
  const std::int64_t grace = options.grace.value_or(
      object.value("/spec/terminationGracePeriodSeconds"_json_pointer, kDefaultGrace));
  return grace < 0 ? 1 : grace;
}

void set_propagation(Json& metadata, const std::string& policy) {
  if (policy.empty()) return;
  Json kept =
      without(metadata.value("finalizers", Json::array()), {"foregroundDeletion", "orphan"});
  if (policy == "Foreground") kept.push_back("foregroundDeletion");
  if (policy == "Orphan") kept.push_back("orphan");
  metadata.erase("finalizers");
  if (!kept.empty()) metadata["finalizers"] = std::move(kept);
}

}  // namespace

bool has_finalizers(const Json& object) {
  const Json none = Json::array();
  return !object["metadata"].value("finalizers", none).empty() ||
         (object["apiVersion"] == "v1" && object["kind"] == "Namespace" &&
          !object.value("/spec/finalizers"_json_pointer, none).empty());
}

Json ApiServer::Impl::remove_one(Call& call, const ObjectKey& key, const Json& body) {
  const Options options_given = options_of(call, body);
  const Subject subject = key.subject();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const RecordPtr record = get(key);
    const Json live = Json::parse(with_api_version(record->text, call.api_version()));
    check_precondition(subject, "UID", options_given.uid, live["metadata"]["uid"]);
    check_precondition(subject, "ResourceVersion", options_given.resource_version,
                       live["metadata"]["resourceVersion"]);
    Json next = live;
    run_admission(call, admission_request(call, "delete", key.ns, &live), next);
    next = live;

    Json& metadata = next["metadata"];
    const std::int64_t grace = grace_of(*call.type, live, options_given);
    const bool deleting = metadata.contains("deletionTimestamp");
    set_propagation(metadata, options_given.propagation);
    const bool held = has_finalizers(next);
    if (grace == 0 && !held) {
      if (!call.dry_run && erase(key, record, next) == nullptr) continue;
      return success_status(subject, live["metadata"]["uid"]);
    }
    if (!deleting || grace < metadata.value("deletionGracePeriodSeconds", std::int64_t{0})) {
      metadata["deletionTimestamp"] = rfc3339(options.clock() + std::chrono::seconds(grace));
      metadata["deletionGracePeriodSeconds"] = grace;
      if (!deleting && metadata.contains("generation")) {
        metadata["generation"] = metadata["generation"].get<std::int64_t>() + 1;
      }
      if (call.type->subject().qualified() == "namespaces") next["status"]["phase"] = "Terminating";
    }
    if (next == live || call.dry_run) return next;
    if (put(key, record, next) != nullptr) return next;
  }
  throw modified(subject);
}

Response ApiServer::Impl::remove(Call& call) {
  const Json body = call.request.body.empty() ? Json::object() : body_of(call);
  if (!body.is_object()) throw bad_request("DeleteOptions must be a JSON object");
  if (body.contains("dryRun") && !body["dryRun"].empty()) call.dry_run = true;
  return json_line(200, remove_one(call, call.key(), body));
}

Response ApiServer::Impl::remove_collection(Call& call) {
  const Json body = call.request.body.empty() ? Json::object() : body_of(call);
  const Selector labels = Selector::labels(call.target.value("labelSelector"));
  const Selector fields = Selector::fields(call.target.value("fieldSelector"));
  const auto page = store.list(*call.type->objects, {call.path.ns, &labels, &fields, "", 0, 0});
  Json items = Json::array();
  for (const RecordPtr& record : page->records) {
    try {
      remove_one(call, {call.type, record->ns, record->name}, body);
      items.push_back(Json::parse(record->text));
    } catch (const Refusal& refusal) {
      if (refusal.code() != 404) throw;
    }
  }
  return json_line(200,
                   {{"kind", call.type->list_kind},
                    {"apiVersion", call.api_version()},
                    {"metadata", {{"resourceVersion", std::to_string(page->resource_version)}}},
                    {"items", std::move(items)}});
}

}  // namespace devcluster
