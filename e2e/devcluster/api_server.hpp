// A Kubernetes-shaped API server in memory: the semantics that an operator depends on, on plain
// values.
//
// A stand-in, not Kubernetes: what it imitates is cited where it is imitated, and what nobody here
// needs is answered with 501. Thread-safe: any thread may call handle(). Objects are kept as text,
// so that tens of thousands of them fit.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcluster/http.hpp"

namespace devcluster {

using Json = nlohmann::json;
using Clock = std::function<std::chrono::system_clock::time_point()>;

struct ApiServerOptions {
  Clock clock = [] { return std::chrono::system_clock::now(); };
  std::string git_version = "v1.33.2";  // what /version says
  // Files of data/ with the types of the profile (OpenShift's, Gateway API).
  std::vector<std::string> extra_types;
  bool rbac = true;  // false: every authenticated user may do everything
};

// Looks at, and may change, an object that is about to be stored (SCC admission, defaulting of
// Pods, …). Returns a refusal, which becomes the answer (403 with this message), or nothing.
struct AdmissionRequest {
  std::string verb;  // create | update | delete
  std::string resource, group, subresource, ns, user;
  std::vector<std::string> user_groups;
  const Json* old_object = nullptr;
};
using Admission = std::function<std::optional<std::string>(const AdmissionRequest&, Json& object)>;

class Faults;

// A request that has been served, in-process callers with full rights left out.
struct AuditEvent {
  std::string user, verb, group, resource, subresource, ns, name;
  int status = 0;
  bool dry_run = false;  // nothing has changed by it
};

class ApiServer {
 public:
  explicit ApiServer(ApiServerOptions options);
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // The whole protocol: every path, verb, watch, discovery, OpenAPI, Table.
  Answer handle(const Request& request);

  // Bearer token → user and groups (static token file; ServiceAccounts get theirs by TokenRequest).
  void add_token(std::string token, std::string user, std::vector<std::string> groups);
  // Run in the order added, after authorisation and defaulting, before validation.
  void add_admission(Admission admission);
  // Run before those: a mutating webhook. In a real server it comes after them, and what it made is
  // judged once more (SCC admission validates in the second phase).
  void add_webhook(Admission webhook);
  // Subresources served elsewhere: GET pods/log, pods/exec, nodes/metrics, … by
  // "resource/subresource".
  void add_subresource(
      std::string resource_and_subresource,
      std::function<Answer(const Request&, const std::string& ns, const std::string& name)> serve);

  std::uint64_t resource_version() const;
  // Forgets history at or below `resource_version`: older watches and continue tokens get 410.
  void compact(std::uint64_t resource_version);
  // Sends a bookmark on every open watch that takes them (they come by themselves each minute).
  void send_bookmarks();
  // Called after every committed change (any thread, outside locks): the stand-in's controllers
  // wake up.
  void on_change(std::function<void()> wake);
  // Called after every request that names a resource (any thread): tests count what an operator
  // does.
  void on_audit(std::function<void(const AuditEvent&)> heard);
  // What is to go wrong (faults.hpp).
  Faults& faults();
  // The x-kubernetes-validations (CEL) that this stand-in does not evaluate, one line per CRD
  // version.
  std::vector<std::string> unevaluated_rules() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// Typed convenience over ApiServer::handle() with full rights, for the stand-in's controllers and
// for tests.
class Api {
 public:
  explicit Api(ApiServer& server) : server_(server) {}
  // `collection` is a path such as "/api/v1/namespaces/demo/pods"; all-namespaces paths list only.
  std::optional<Json> get(const std::string& collection, const std::string& name);
  std::vector<Json> list(const std::string& collection, const std::string& query = "");
  // The stored object; throws std::runtime_error with the server's message when it is refused.
  Json create(const std::string& collection, const Json& object);
  Json update(const std::string& collection, const Json& object,
              const std::string& subresource = "");
  Json merge_patch(const std::string& collection, const std::string& name, const Json& patch,
                   const std::string& subresource = "");
  bool remove(const std::string& collection, const std::string& name, int grace_seconds = -1);

 private:
  ApiServer& server_;
};

}  // namespace devcluster
