// Writes: create, replace, patch and apply all end in insert() or update().
// Sources: apiserver pkg/registry/generic/registry/store.go, pkg/registry/rest/{create,update}.go,
// pkg/endpoints/handlers/patch.go.
#include <algorithm>

#include <boost/algorithm/string/join.hpp>

#include "devcluster/base64.hpp"
#include "devcluster/builtin.hpp"
#include "devcluster/members.hpp"
#include "devcluster/patch.hpp"
#include "devcluster/protobuf.hpp"
#include "devcluster/schema.hpp"
#include "devcluster/server_impl.hpp"
#include "devcluster/yaml.hpp"

namespace devcluster {
namespace {

constexpr std::size_t kLargestBody =
    std::size_t{3} * 1024 * 1024;    // apiserver config.go MaxRequestBodyBytes
constexpr int kDeepestBody = 1'000;  // far beyond any schema; keeps recursion off the stack's end
constexpr int kAttempts = 64;        // lost races before an update gives up
constexpr std::size_t kSuffixLength = 5;  // apiserver names/generate.go
constexpr std::size_t kLongestBase = 58;

// Throws where the body is nested too deeply.
bool keep_shallow(int depth, Json::parse_event_t, Json&) {
  if (depth > kDeepestBody) throw bad_request("the body is nested more than 1000 levels deep");
  return true;
}

// Kind, name and namespace of what was sent must be what the path says; left out, they are filled
// in.
void identify(const Call& call, Json& object) {
  if (!object.is_object()) throw bad_request("the body must be a JSON object");
  const std::string api_version = call.api_version();
  const Json sent_version = object.value("apiVersion", Json());
  const Json sent_kind = object.value("kind", Json());
  if (!sent_version.is_null() && sent_version != api_version) {
    throw bad_request("the API version in the data (" + sent_version.dump() +
                      ") does not match the expected API version (" + api_version + ")");
  }
  if (!sent_kind.is_null() && sent_kind != call.type->kind) {
    throw bad_request("the kind in the data (" + sent_kind.dump() +
                      ") does not match the expected kind (" + call.type->kind + ")");
  }
  object["apiVersion"] = api_version;
  object["kind"] = call.type->kind;
  Json& metadata = object["metadata"];
  if (metadata.is_null()) metadata = Json::object();
  if (!metadata.is_object()) throw bad_request("metadata must be a JSON object");
  const std::string ns = metadata.value("namespace", "");
  if (!ns.empty() && ns != call.path.ns) {
    throw bad_request(
        "the namespace of the provided object does not match the namespace sent on the request");
  }
  if (call.type->namespaced) metadata["namespace"] = call.path.ns;
  const std::string name = metadata.value("name", "");
  if (!call.path.name.empty() && !name.empty() && name != call.path.name) {
    throw bad_request("the name of the object (" + name + ") does not match the name on the URL (" +
                      call.path.name + ")");
  }
  if (!call.path.name.empty()) metadata["name"] = call.path.name;
}

Json content_of(const Json& object) {
  Json out = object;
  out.erase("metadata");
  out.erase("status");
  out.erase("apiVersion");
  out.erase("kind");
  return out;
}

void copy_or_erase(Json& to, const Json& from, const char* name) {
  const auto found = from.find(name);
  if (found == from.end()) {
    to.erase(name);
  } else {
    to[name] = *found;
  }
}

// What no client may change.
void keep_system_fields(const Call& call, Json& next, const Json& live) {
  const Subject subject = call.subject();
  Json& metadata = next["metadata"];
  if (!metadata.is_object()) metadata = Json::object();
  const Json& kept = live["metadata"];
  const std::string version = metadata.value("resourceVersion", "");
  if (!version.empty() && version != kept["resourceVersion"]) {
    throw modified(subject);
  }
  const std::string uid = metadata.value("uid", "");
  if (!uid.empty() && uid != kept["uid"]) {
    // A PUT takes it as a precondition, a PATCH as a change.
    if (call.request.method == "PATCH") {
      throw invalid(subject, {invalid_value("metadata.uid", uid, "field is immutable")});
    }
    throw conflict(subject, "Precondition failed: UID in precondition: " + uid +
                                ", UID in object meta: " + kept["uid"].get<std::string>());
  }
  if (kept.contains("deletionTimestamp")) {
    for (const Json& finalizer : metadata.value("finalizers", Json::array())) {
      const Json before = kept.value("finalizers", Json::array());
      if (std::find(before.begin(), before.end(), finalizer) == before.end()) {
        throw invalid(subject, {forbidden_field(
                                   "metadata.finalizers",
                                   "no new finalizers can be added if the object is being deleted, "
                                   "found new finalizers []string{" +
                                       finalizer.dump() + "}")});
      }
    }
  }
  for (const char* name :
       {"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation",
        "deletionTimestamp", "deletionGracePeriodSeconds", "generateName"}) {
    copy_or_erase(metadata, kept, name);
  }
  for (const char* name : {"labels", "annotations", "finalizers", "ownerReferences"}) {
    const auto found = metadata.find(name);
    if (found != metadata.end() && found->empty()) metadata.erase(found);
  }
}

void encode_string_data(Json& secret) {
  const auto plain = secret.find("stringData");
  if (plain == secret.end()) return;
  for (const auto& [key, value] : plain->items()) {
    secret["data"][key] = base64(value.get_ref<const std::string&>());
  }
  secret.erase("stringData");
}

Json binary_body(const std::string& type, const std::string& body) {
  try {
    if (type.find("protobuf") != std::string::npos) {
      if (auto object = decode_protobuf(body)) return std::move(*object);
    }
  } catch (const std::runtime_error& error) {
    throw bad_request(error.what());
  }
  throw Refusal(415, "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: "
                "application/json, application/yaml");
}

Shape shape_of(const Call& call) { return Shape(call.version->schema.get()); }

// A body is a bad request; what a patch makes is invalid (handlers/patch.go).
Refusal unreadable(const Call& call, const Json& object, const std::string& why) {
  if (call.request.method == "PATCH")
    return invalid({}, {invalid_value("patch", object.dump(), why)});
  return bad_request(why);
}

// Managed fields that are sent take the place of those that are there: [] and [{}] clear them, left
// out they stay (apimachinery managedfields/internal/fieldmanager.go, isResetManagedFields).
void take_managed_fields(const Json& sent, ManagedFields& managers) {
  const Json* list = lookup(sent["metadata"], "managedFields");
  if (list == nullptr || list->is_null()) return;
  if (list->empty() || *list == Json::array({Json::object()})) {
    managers.clear();
  } else {
    managers = managed_fields_of(sent);
  }
}

}  // namespace

Json ApiServer::Impl::body_of(const Call& call) const {
  const std::string& body = call.request.body;
  if (body.size() > kLargestBody) {
    throw Refusal(413, "RequestEntityTooLarge",
                  "Request entity too large: limit is " + std::to_string(kLargestBody));
  }
  const std::string type = call.header("content-type");
  if (type.find("protobuf") != std::string::npos || type.find("cbor") != std::string::npos) {
    return binary_body(type, body);
  }
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  const bool looks_json = first != std::string::npos && (body[first] == '{' || body[first] == '[');
  try {
    if (type.find("yaml") != std::string::npos && !looks_json) return yaml_to_json(body);
    return Json::parse(body, keep_shallow);
  } catch (const Refusal&) {
    throw;
  } catch (const std::exception& error) {
    throw bad_request(std::string("error decoding the body: ") + error.what());
  }
}

void ApiServer::Impl::check_namespace(const Call& call) const {
  if (!call.type->namespaced) return;
  const RecordPtr record = get({catalog.find("", "namespaces"), "", call.path.ns});
  const std::string* phase = find_pair(record->fields, "status.phase");
  if (phase != nullptr && *phase == "Terminating") {
    Refusal refusal =
        forbidden(call.subject(), "unable to create new content in namespace " + call.path.ns +
                                      " because it is being terminated");
    refusal.add_cause({"NamespaceTerminating", "namespace " + call.path.ns + " is being terminated",
                       "metadata.namespace"});
    throw refusal;
  }
}

void ApiServer::Impl::admit(Call& call, Json& object, const Json* old) {
  apply_defaults(object, *call.version->schema);
  if (!call.type->custom) {
    default_built_in(*call.type, object, [this] { return allocate_ip(); });
  }

  const char* const verb = old == nullptr ? "create" : "update";
  run_admission(call, admission_request(call, verb, call.path.ns, old), object);
  if (!call.user.in("system:masters")) check_grants(call, object, old);

  std::vector<Cause> causes = validate_metadata(*call.type, object["metadata"]);
  const auto add = [&](const std::vector<Cause>& more) {
    causes.insert(causes.end(), more.begin(), more.end());
  };
  add(validate(object, *call.version->schema, old));
  const bool resize = call.path.subresource == "resize";
  if (!call.type->custom) add(validate_built_in(*call.type, object, resize ? nullptr : old));
  if (resize) add(validate_resize(object, *old));
  Subject subject = call.subject();
  subject.name = object["metadata"].value("name", "");
  if (!causes.empty()) throw invalid(subject, causes);
}

AdmissionRequest ApiServer::Impl::admission_request(const Call& call, const char* verb,
                                                    const std::string& ns, const Json* old) {
  const ResourcePath& path = call.path;
  return {verb, path.resource, path.group, path.subresource, ns, call.user, old};
}

void ApiServer::Impl::run_admission(Call& call, const AdmissionRequest& request, Json& object) {
  for (const Admission& admission : admissions.all()) {
    const auto refusal = admission(request, object);
    if (!refusal) continue;
    Subject subject = call.subject();
    subject.name = object.value("/metadata/name"_json_pointer, subject.name);
    if (refusal->find(" is forbidden: ") == std::string::npos) throw forbidden(subject, *refusal);
    throw Refusal(403, "Forbidden", *refusal, forbidden(subject, "").status()["details"]);
  }
}

void ApiServer::Impl::read(Call& call, Json& object) {
  identify(call, object);
  const Decoding found = decode(object, *call.version->schema, call.type->custom);
  if (!found.mistyped.empty()) {
    const std::string& kind = call.type->kind;
    throw unreadable(call, object,
                     kind + " in version \"" + call.path.version + "\" cannot be handled as a " +
                         kind + ": " + found.mistyped.front().message);
  }
  if (call.type->subject().qualified() == "secrets") encode_string_data(object);
  if (found.unknown.empty() || call.validation == FieldValidation::kIgnore) return;
  std::vector<std::string> texts;
  for (const std::string& field : found.unknown) texts.push_back("unknown field \"" + field + "\"");
  if (call.validation == FieldValidation::kStrict) {
    throw unreadable(call, object, "strict decoding error: " + boost::algorithm::join(texts, ", "));
  }
  call.warnings = std::move(texts);
}

void ApiServer::Impl::track(const Call& call, Draft& draft, const Json& live) const {
  if (!draft.managed) {
    draft.managers = track_update(live, draft.object, std::move(draft.managers), shape_of(call),
                                  writer(call, "Update"));
  }
  set_managed_fields(draft.object, draft.managers);
}

ManagedEntry ApiServer::Impl::writer(const Call& call, const std::string& operation) const {
  return {call.manager(), operation, call.path.subresource, call.api_version(), now_text(), {}};
}

Response ApiServer::Impl::create(Call& call, Json object) {
  read(call, object);
  return insert(call, {std::move(object), {}, false});
}

Response ApiServer::Impl::insert(Call& call, Draft draft) {
  Json& object = draft.object;
  Json& metadata = object["metadata"];
  const std::string base = metadata.value("generateName", "");
  const bool generated = metadata.value("name", "").empty() && !base.empty();
  if (metadata.value("name", "").empty() && !generated) {
    throw invalid(call.subject(), {required("metadata.name", "name or generateName is required")});
  }
  if (!metadata.value("resourceVersion", "").empty()) {
    throw bad_request("resourceVersion should not be set on objects to be created");
  }
  call.path.name = metadata.value("name", "");
  check_namespace(call);
  if (call.type->custom && is_terminating(*call.type)) {
    throw Refusal(405, "MethodNotAllowed",
                  "create not allowed while custom resource definition is terminating");
  }
  for (const char* name :
       {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"}) {
    metadata.erase(name);
  }
  metadata["uid"] = make_uid();
  metadata["creationTimestamp"] = now_text();
  if (call.type->counts_generation) metadata["generation"] = 1;
  if (call.version->status && !call.type->status_on_create) object.erase("status");
  if (generated) metadata["name"] = base.substr(0, kLongestBase) + random_suffix(kSuffixLength);

  admit(call, object, nullptr);
  track(call, draft, nullptr);
  for (int attempt = 0;; ++attempt) {
    // Not `metadata`: an admission may have put another object in place.
    const ObjectKey key{call.type, call.path.ns, object["metadata"]["name"]};
    if (call.dry_run) {
      if (find(key) != nullptr) throw already_exists(key.subject());
      return object_response(call, 201, object);
    }
    if (const RecordPtr record = put(key, nullptr, object)) {
      return object_response(call, 201, *record);
    }
    if (!generated || attempt == kAttempts) throw already_exists(key.subject());
    object["metadata"]["name"] = base.substr(0, kLongestBase) + random_suffix(kSuffixLength);
  }
}

Response ApiServer::Impl::replace(Call& call, const Json& body) {
  Json sent = body;
  read(call, sent);
  // Unconditional updates are for built-in types only (customresource strategy:
  // AllowUnconditionalUpdate).
  if (call.type->custom && sent["metadata"].value("resourceVersion", "").empty()) {
    throw invalid(call.subject(),
                  {{"FieldValueInvalid", "Invalid value: 0x0: must be specified for an update",
                    "metadata.resourceVersion"}});
  }
  return update(call, [&](const Json&, ManagedFields managers) {
    return Draft{sent, std::move(managers), false};
  });
}

Response ApiServer::Impl::patch(Call& call) {
  const std::string type = call.header("content-type");
  const Json body = body_of(call);
  if (type.find("apply-patch") != std::string::npos) return apply(call, body);
  return update(call, [&](const Json& live, ManagedFields managers) {
    const Shape shape = shape_of(call);
    Json next = patched(live, type, body, call.type->custom ? nullptr : &shape);
    read(call, next);
    return Draft{std::move(next), std::move(managers), false};
  });
}

// Apply takes no field that it does not know, whatever the fieldValidation: apimachinery
// managedfields/internal/structuredmerge.go and structured-merge-diff typed/validate.go.
void ApiServer::Impl::check_applied(const Call& call, Json& config) {
  const Decoding found = decode(config, *call.version->schema, call.type->custom);
  std::vector<std::string> faults;
  for (const std::string& field : found.unknown)
    faults.push_back("." + field + ": field not declared in schema");
  for (const Cause& cause : found.mistyped)
    faults.push_back("." + cause.field + ": " + cause.message);
  if (!faults.empty()) {
    const std::string list = faults.size() == 1
                                 ? faults.front()
                                 : "errors:\n  " + boost::algorithm::join(faults, "\n  ");
    const ResourceType& type = *call.type;
    throw Refusal(500, "",
                  "failed to create typed patch object (" + call.path.ns + "/" + call.path.name +
                      "; " + type.group + "/" + call.path.version + ", Kind=" + type.kind +
                      "): " + list);
  }
  if (call.type->subject().qualified() == "secrets") encode_string_data(config);
}

Response ApiServer::Impl::apply(Call& call, const Json& body) {
  if (call.target.value("fieldManager").empty()) {
    throw Refusal(422, "Invalid",
                  "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is "
                  "required for apply patch");
  }
  Json config = body;
  identify(call, config);
  if (config["metadata"].contains("managedFields")) {
    throw bad_request("metadata.managedFields must be nil");
  }
  check_applied(call, config);
  if (call.status_write()) {
    Json only = {{"apiVersion", config["apiVersion"]},
                 {"kind", config["kind"]},
                 {"metadata", config["metadata"]}};
    if (config.contains("status")) only["status"] = config["status"];
    config = std::move(only);
  } else if (call.version->status) {
    config.erase("status");
  }
  const bool force = call.target.flag("force");
  const ManagedEntry who = writer(call, "Apply");
  const std::string version = config["metadata"].value("resourceVersion", "");
  const std::string uid = config["metadata"].value("uid", "");
  for (int attempt = 0;; ++attempt) {
    if (find(call.key()) != nullptr) {
      return update(call, [&](const Json& live, ManagedFields managers) {
        ApplyResult result =
            apply_config(live, std::move(managers), config, shape_of(call), who, force);
        if (!version.empty()) result.object["metadata"]["resourceVersion"] = version;
        if (!uid.empty()) result.object["metadata"]["uid"] = uid;
        return Draft{std::move(result.object), std::move(result.managers), true};
      });
    }
    if (call.status_write() || !call.path.subresource.empty()) throw not_found(call.subject());
    if (!uid.empty()) {
      throw conflict(call.subject(), "uid mismatch: the provided object specified uid " + uid +
                                         ", and no existing object was found");
    }
    Call creation = call;
    creation.verb = "create";
    authorize(creation);
    try {
      config["metadata"].erase("resourceVersion");
      ApplyResult result = apply_config(nullptr, {}, config, shape_of(call), who, force);
      return insert(call, {std::move(result.object), std::move(result.managers), true});
    } catch (const Refusal& refusal) {
      // Somebody created it in between: then it is an update after all.
      if (refusal.reason() != "AlreadyExists" || call.dry_run || attempt == kAttempts) throw;
    }
  }
}

Response ApiServer::Impl::update(Call& call, const Change& change) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const RecordPtr record = get(call.key());
    const Json live = Json::parse(with_api_version(record->text, call.api_version()));
    Draft draft = change(live, managed_fields_of(live));
    Json& next = draft.object;
    if (!draft.managed && call.path.subresource.empty()) take_managed_fields(next, draft.managers);
    if (call.path.subresource == "resize") next = resized(live, next);
    keep_system_fields(call, next, live);
    if (call.status_write()) {
      Json status_only = live;
      copy_or_erase(status_only, next, "status");
      next = std::move(status_only);
    } else if (call.version->status) {
      copy_or_erase(next, live, "status");
    }
    admit(call, next, &live);
    if (call.type->counts_generation && !call.status_write() &&
        content_of(next) != content_of(live)) {
      next["metadata"]["generation"] = live["metadata"].value("generation", 0) + 1;
    }
    track(call, draft, live);
    if (next == live) return object_response(call, 200, *record);
    if (call.dry_run) return object_response(call, 200, next);
    if (const RecordPtr stored = put_or_erase(call.key(), record, next)) {
      return object_response(call, 200, *stored);
    }
  }
  throw modified(call.subject());
}

// The last finalizer's removal from what is being deleted deletes it.
RecordPtr ApiServer::Impl::put_or_erase(const ObjectKey& key, const RecordPtr& live, Json& next) {
  const Json& metadata = next["metadata"];
  const bool held = metadata.value("deletionGracePeriodSeconds", 0) > 0 || has_finalizers(next);
  const bool goes = metadata.contains("deletionTimestamp") && !held;
  return goes ? erase(key, live, next) : put(key, live, next);
}

// 10.96.0.0/16, as kubeadm's default service subnet begins; .0.1 is the API server's own.
std::string ApiServer::Impl::allocate_ip() {
  const unsigned n = ++last_ip;
  return "10.96." + std::to_string(n / 254 % 256) + "." + std::to_string(n % 254 + 1);
}

}  // namespace devcluster
