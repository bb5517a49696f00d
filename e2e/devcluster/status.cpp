#include "devcluster/status.hpp"

#include <utility>

namespace devcluster {
namespace {

Json details_of(const Subject& subject) {
  Json details = Json::object();
  if (!subject.name.empty()) details["name"] = subject.name;
  if (!subject.group.empty()) details["group"] = subject.group;
  if (!subject.resource.empty()) details["kind"] = subject.resource;
  return details;
}

std::string quoted(const Subject& subject) {
  if (subject.name.empty()) return subject.qualified();
  return subject.qualified() + " \"" + subject.name + "\"";
}

}  // namespace

Refusal::Refusal(int code, std::string reason, std::string message, Json details)
    : code_(code),
      reason_(std::move(reason)),
      message_(std::move(message)),
      details_(std::move(details)) {}

Json Refusal::status() const {
  Json status = {{"kind", "Status"},    {"apiVersion", "v1"},  {"metadata", Json::object()},
                 {"status", "Failure"}, {"message", message_}, {"reason", reason_},
                 {"code", code_}};
  if (reason_.empty()) status.erase("reason");
  if (!details_.is_null()) status["details"] = details_;
  if (!continue_.empty()) status["metadata"]["continue"] = continue_;
  return status;
}

Response Refusal::response() const {
  Response response = json_response(code_, status().dump() + "\n");
  if (details_.is_object() && details_.contains("retryAfterSeconds")) {
    response.headers["retry-after"] = std::to_string(details_["retryAfterSeconds"].get<int>());
  }
  return response;
}

void Refusal::add_cause(const Cause& cause) {
  details_["causes"].push_back(
      {{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
}

Refusal bad_request(const std::string& message) { return {400, "BadRequest", message}; }

Refusal not_found(const Subject& subject) {
  return {404, "NotFound", quoted(subject) + " not found", details_of(subject)};
}

Refusal no_such_path() {
  return {404, "NotFound", "the server could not find the requested resource", Json::object()};
}

Refusal already_exists(const Subject& subject) {
  return {409, "AlreadyExists", quoted(subject) + " already exists", details_of(subject)};
}

Refusal conflict(const Subject& subject, const std::string& why) {
  return {409, "Conflict", "Operation cannot be fulfilled on " + quoted(subject) + ": " + why,
          details_of(subject)};
}

Refusal modified(const Subject& subject) {
  return conflict(subject,
                  "the object has been modified; please apply your changes to the latest version "
                  "and try again");
}

Refusal forbidden(const Subject& subject, const std::string& why) {
  return {403, "Forbidden", quoted(subject) + " is forbidden: " + why, details_of(subject)};
}

Refusal expired(const std::string& message) { return {410, "Expired", message}; }

Refusal invalid(const Subject& subject, const std::vector<Cause>& causes) {
  std::string list;
  Json details = details_of(subject);
  details["kind"] = subject.kind;
  for (const Cause& cause : causes) {
    list += (list.empty() ? "" : ", ") + cause.field + ": " + cause.message;
  }
  if (causes.size() > 1) list = "[" + list + "]";
  const std::string kind =
      subject.group.empty() ? subject.kind : subject.kind + "." + subject.group;
  Refusal out(422, "Invalid", kind + " \"" + subject.name + "\" is invalid: " + list, details);
  for (const Cause& cause : causes) out.add_cause(cause);
  return out;
}

Refusal not_implemented(const std::string& what) {
  return {501, "NotImplemented", what + " is not imitated by this stand-in"};
}

Json success_status(const Subject& subject, const std::string& uid) {
  Json details = details_of(subject);
  if (!uid.empty()) details["uid"] = uid;
  return {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", Json::object()},
          {"status", "Success"},
          {"details", details}};
}

Response json_response(int status, std::string body) {
  return {status, {{"content-type", "application/json"}}, std::move(body)};
}

Response json_line(int status, const Json& body) {
  return json_response(status, body.dump() + "\n");
}

}  // namespace devcluster
