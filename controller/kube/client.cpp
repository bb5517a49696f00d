#include "kube/client.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "api/json_read.hpp"
#include "api/utf8.hpp"
#include "kube/projection.hpp"
#include "kube/resource_version.hpp"

namespace swo::kube {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kApply = "application/apply-patch+yaml";  // JSON is YAML
constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kStrategicMergePatch = "application/strategic-merge-patch+json";

// A Status body is about a page; an error page of a proxy may be anything. More than this is not
// parsed.
constexpr std::size_t kMaxStatusBody = 256UL * 1024;

Error invalid(std::string message) { return make_error(ErrorKind::kInvalid, std::move(message)); }

Error bad_response(int status, std::string message) {
  Error error = make_error(ErrorKind::kBadResponse, std::move(message));
  error.http_status = status;
  return error;
}

// Log lines and file contents may have got into an object: bytes that are no UTF-8 become U+FFFD,
// where dump() would throw.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Appends ?name=value or &name=value, escaped; nothing when the value is empty.
void add_query(std::string& target, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  target += target.find('?') == std::string::npos ? '?' : '&';
  target.append(name).append("=").append(url_escape(value));
}

Result<Written> written(HttpResponse response) {
  static const FieldMask kMetadata{"metadata.generation"};
  const auto object = project(response.body, kMetadata);
  if (!object || !at(*object, "metadata").is_object()) {
    return bad_response(response.status,
                        "the answer to a write is not a JSON object with metadata");
  }
  const Json& metadata = at(*object, "metadata");
  Written out;
  out.uid = text(at(metadata, "uid"));
  out.resource_version = parse_resource_version(text(at(metadata, "resourceVersion"))).value_or(0);
  out.generation = number(at(metadata, "generation"));
  out.body = std::move(response.body);
  return out;
}

Result<HttpResponse> call(Transport& transport, std::string_view method, std::string target,
                          std::string body = {}, std::string_view content_type = {},
                          std::string_view accept = kJson) {
  HttpRequest request;
  request.method = method;
  request.target = std::move(target);
  request.body = std::move(body);
  request.headers.emplace_back("Accept", accept);
  if (!content_type.empty()) request.headers.emplace_back("Content-Type", content_type);
  auto response = transport.send(request);
  if (!response) return response;
  if (response->status >= 400) return error_from(*response);
  if (response->status >= 300) {
    // API servers answer paths that they clean with a redirect; so do login pages of proxies.
    return bad_response(response->status, "unexpected redirect to " +
                                              std::string(response->header("location")) +
                                              ": is the server URL that of an API server?");
  }
  return response;
}

// The object path of a key, or why there is none. "." and ".." would be resolved away on the
// server's side, and an empty name would make a read a list and a delete a delete of everything.
Result<std::string> path_of(const ResourceType& type, const ObjectKey& key) {
  if (key.name.empty() || key.name == "." || key.name == "..") {
    return invalid("metadata.name of " + std::string(type.kind) + " is \"" + key.name +
                   "\": give the object a name");
  }
  if (type.namespaced && key.ns.empty()) {
    return invalid("metadata.namespace of " + std::string(type.kind) + " \"" + key.name +
                   "\" is empty: the type is namespaced, so say which namespace");
  }
  return type.object_path(key.ns, key.name);
}

ObjectKey key_of(const Json& object) {
  return {text(at(object, "metadata", "namespace")), text(at(object, "metadata", "name"))};
}

// The largest that etcd's revisions, which are int64, could ever come to.
constexpr const char* kVersionOfNone = "9223372036854775807";

std::string apply_body(const Json& object, const ApplyOptions& options) {
  if (!options.only_if_absent) return dump(object);
  Json conditional = object;
  conditional["metadata"]["resourceVersion"] = kVersionOfNone;
  return dump(conditional);
}

Result<Written> apply_to(Transport& transport, const ResourceType& type, const Json& object,
                         const ApplyOptions& options, std::string_view subresource) {
  auto path = path_of(type, key_of(object));
  if (!path) return path.error();
  std::string target = *std::move(path);
  target += subresource;
  add_query(target, "fieldManager", options.field_manager);
  if (options.force) add_query(target, "force", "true");
  if (options.dry_run) add_query(target, "dryRun", "All");
  auto response = call(transport, "PATCH", std::move(target), apply_body(object, options), kApply);
  if (!response) return response.error();
  return written(*std::move(response));
}

Result<Written> patched(Transport& transport, Result<std::string> path, const Json& patch,
                        std::string_view content_type, std::string_view field_manager,
                        std::string_view subresource) {
  if (!path) return path.error();
  std::string target = *std::move(path);
  if (!subresource.empty()) target.append("/").append(subresource);
  add_query(target, "fieldManager", field_manager);
  auto response = call(transport, "PATCH", std::move(target), dump(patch), content_type);
  if (!response) return response.error();
  return written(*std::move(response));
}

std::optional<std::chrono::seconds> seconds_in(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  // The other form of Retry-After, a date, is not used by API servers.
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

void read_details(const Json& details, Error& error) {
  const auto retry = details.find("retryAfterSeconds");
  if (retry != details.end() && retry->is_number_unsigned() && retry->get<std::uint64_t>() > 0) {
    constexpr std::uint64_t kMost = 86'400;  // a day; more is a fault of the server's
    error.retry_after = std::chrono::seconds(std::min(retry->get<std::uint64_t>(), kMost));
  }
  const auto causes = details.find("causes");
  if (causes == details.end() || !causes->is_array()) return;
  for (const Json& cause : *causes) {
    if (!cause.is_object()) continue;
    error.causes.push_back(
        {text(at(cause, "field")), text(at(cause, "reason")), text(at(cause, "message"))});
  }
}

}  // namespace

Error error_from(const HttpResponse& response) {
  Error error;
  error.http_status = response.status;
  if (const auto wait = seconds_in(response.header("retry-after"))) error.retry_after = *wait;
  Json status;
  if (response.body.size() <= kMaxStatusBody && response.body.starts_with('{')) {
    status = Json::parse(response.body, nullptr, false);
  }
  if (status.is_object() && text(at(status, "kind")) == "Status") {
    error.reason = text(at(status, "reason"));
    error.message = text(at(status, "message"));
    const auto details = status.find("details");
    if (details != status.end() && details->is_object()) read_details(*details, error);
  }
  if (error.message.empty()) {
    error.message = "HTTP " + std::to_string(response.status);
    if (!response.body.empty()) error.message += ": " + api::shortened(response.body, kMaxExcerpt);
  }
  error.kind = error_kind(response.status, error.reason);
  return error;
}

Result<Json> Client::get(const ResourceType& type, const ObjectKey& key) {
  auto path = path_of(type, key);
  if (!path) return path.error();
  auto response = call(transport_, "GET", *std::move(path));
  if (!response) return response.error();
  Json object = Json::parse(response->body, nullptr, false);
  if (!object.is_object()) return bad_response(response->status, "the answer is not a JSON object");
  return object;
}

Result<std::string> Client::list_page(const ResourceType& type, std::string_view ns,
                                      const ListOptions& options) {
  std::string target = type.collection_path(ns);
  add_query(target, "labelSelector", options.label_selector);
  add_query(target, "fieldSelector", options.field_selector);
  if (options.limit != 0) add_query(target, "limit", std::to_string(options.limit));
  add_query(target, "continue", options.continue_token);
  return get_raw(target);
}

Result<Written> Client::create(const ResourceType& type, const Json& object,
                               std::string_view field_manager, bool dry_run) {
  const ObjectKey key = key_of(object);
  if (type.namespaced && key.ns.empty()) {
    return invalid("metadata.namespace of " + std::string(type.kind) + " \"" + key.name +
                   "\" is empty: the type is namespaced, so say which namespace");
  }
  std::string target = type.collection_path(key.ns);
  add_query(target, "fieldManager", field_manager);
  if (dry_run) add_query(target, "dryRun", "All");
  auto response = call(transport_, "POST", std::move(target), dump(object), kJson);
  if (!response) return response.error();
  return written(*std::move(response));
}

Result<Written> Client::apply(const ResourceType& type, const Json& object,
                              const ApplyOptions& options) {
  return apply_to(transport_, type, object, options, "");
}

Result<Written> Client::apply_status(const ResourceType& type, const Json& object,
                                     const ApplyOptions& options) {
  return apply_to(transport_, type, object, options, "/status");
}

Result<Written> Client::merge_patch(const ResourceType& type, const ObjectKey& key,
                                    const Json& patch, std::string_view field_manager,
                                    std::string_view subresource) {
  return patched(transport_, path_of(type, key), patch, kMergePatch, field_manager, subresource);
}

Result<Written> Client::strategic_merge_patch(const ResourceType& type, const ObjectKey& key,
                                              const Json& patch, std::string_view field_manager,
                                              std::string_view subresource) {
  return patched(transport_, path_of(type, key), patch, kStrategicMergePatch, field_manager,
                 subresource);
}

Result<Written> Client::replace(const ResourceType& type, const Json& object,
                                std::string_view subresource) {
  auto path = path_of(type, key_of(object));
  if (!path) return path.error();
  std::string target = *std::move(path);
  if (!subresource.empty()) target.append("/").append(subresource);
  auto response = call(transport_, "PUT", std::move(target), dump(object), kJson);
  if (!response) return response.error();
  return written(*std::move(response));
}

Status Client::remove(const ResourceType& type, const ObjectKey& key,
                      const DeleteOptions& options) {
  auto path = path_of(type, key);
  if (!path) return path.error();
  Json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) {
    body["preconditions"]["resourceVersion"] = options.resource_version;
  }
  if (options.grace_period_seconds) body["gracePeriodSeconds"] = *options.grace_period_seconds;
  if (!options.propagation_policy.empty()) body["propagationPolicy"] = options.propagation_policy;
  auto response = call(transport_, "DELETE", *std::move(path), dump(body), kJson);
  if (!response) return response.error();
  return Ok{};
}

Result<std::string> Client::pod_log(const ObjectKey& pod, std::string_view container, bool previous,
                                    int tail_lines, int limit_bytes) {
  static constexpr ResourceType kPods{"", "v1", "pods", "Pod"};
  auto path = path_of(kPods, pod);
  if (!path) return path.error();
  std::string target = *std::move(path) + "/log";
  add_query(target, "container", container);
  if (previous) add_query(target, "previous", "true");
  add_query(target, "tailLines", std::to_string(tail_lines));
  add_query(target, "limitBytes", std::to_string(limit_bytes));
  auto response = call(transport_, "GET", std::move(target), {}, {}, "text/plain, */*");
  if (!response) return response.error();
  return std::move(response->body);
}

Result<std::string> Client::get_raw(std::string_view path) {
  // Metrics are text: any type will do where JSON is not on offer.
  auto response = call(transport_, "GET", std::string(path), {}, {}, "application/json, */*");
  if (!response) return response.error();
  return std::move(response->body);
}

}  // namespace swo::kube
