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
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcluster/http.hpp"
#include "devcluster/identity.hpp"

namespace devcluster {

using Json = nlohmann::json;
using Clock = std::function<std::chrono::system_clock::time_point()>;

struct ApiServerOptions {
  Clock clock = [] { return std::chrono::system_clock::now(); };
  std::string git_version = "v1.33.2";  // what /version says
  // Files of data/ with the types of the profile (OpenShift's, Gateway API).
  std::vector<std::string> extra_types;
};

// Looks at, and may change, an object that is about to be stored (SCC admission, defaulting of
// Pods, …). Returns a refusal, which becomes the answer (403 with this message), or nothing.
struct AdmissionRequest {
  std::string verb;  // create | update | delete
  std::string resource, group, subresource, ns;
  User user;
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

// What has become of an object.
struct Delta {
  enum class Kind { kAdded, kModified, kDeleted } kind = Kind::kAdded;
  std::string collection;  // "/api/v1/pods"; "" where the type has gone since, with all its objects
  Json object;             // kDeleted: its last state
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
  bool allowed(const User& user, const Access& access) const;  // by RBAC
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
  // Called after every committed change (any thread, outside locks): whoever lets the stand-in's
  // controllers work wakes up.
  void on_change(std::function<void()> wake);
  // What has changed since the last call, in order, for the stand-in's controllers; the first time
  // everything that is there, as added. Events are left out: they own nothing and are owned by
  // nothing, and there are many.
  std::vector<Delta> take_changes();
  // Of the namespaced types that are served: "/api/v1/pods".
  std::vector<std::string> namespaced_collections() const;
  // Of a kind's objects; "" where it is not served.
  std::string collection_of(const std::string& group, const std::string& kind) const;
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

// "ns/name"; no namespace where there is no slash.
std::pair<std::string, std::string> split_key(const std::string& key);
// "/api/v1/pods" and "demo" → "/api/v1/namespaces/demo/pods"; the same for a cluster-scoped object
// ("").
std::string within(const std::string& collection, const std::string& ns);

// Typed convenience over ApiServer::handle() with full rights, for the stand-in's controllers and
// for tests.
class Api {
 public:
  explicit Api(ApiServer& server) : server_(server) {}
  // `collection` is a path such as "/api/v1/pods", in which an object is named by its key
  // "ns/name", or "/api/v1/namespaces/demo/pods", in which its name is enough.
  std::optional<Json> get(const std::string& collection, const std::string& key);
  std::vector<Json> list(const std::string& collection, const std::string& query = "");
  // The stored object; throws std::runtime_error with the server's message when it is refused.
  Json create(const std::string& collection, const Json& object);
  Json update(const std::string& collection, const Json& object,
              const std::string& subresource = "");
  Json merge_patch(const std::string& collection, const std::string& key, const Json& patch,
                   const std::string& subresource = "");
  // False: there is no such object.
  bool remove(const std::string& collection, const std::string& key, int grace_seconds = -1);

 private:
  ApiServer& server_;
};

}  // namespace devcluster
