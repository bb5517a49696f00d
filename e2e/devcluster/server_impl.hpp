// The inside of ApiServer: one request understood (Call), and the parts that serve it.
//
// The source files divide the work: api_server.cpp routes, reads.cpp reads, writes.cpp writes,
// deletes.cpp deletes, subresources.cpp and reviews.cpp do what is neither.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "devcluster/api_server.hpp"
#include "devcluster/catalog.hpp"
#include "devcluster/faults.hpp"
#include "devcluster/identity.hpp"
#include "devcluster/paths.hpp"
#include "devcluster/rbac.hpp"
#include "devcluster/ssa.hpp"
#include "devcluster/status.hpp"
#include "devcluster/store.hpp"
#include "devcluster/watch.hpp"

namespace devcluster {

// What is called at an event: added at any time, by any thread, and called outside the lock.
template <typename Signature>
class Hooks {
 public:
  void add(std::function<Signature> hook) {
    const std::unique_lock lock(mutex_);
    hooks_.push_back(std::move(hook));
  }
  void add_first(std::function<Signature> hook) {
    const std::unique_lock lock(mutex_);
    hooks_.insert(hooks_.begin(), std::move(hook));
  }
  std::vector<std::function<Signature>> all() const {
    const std::shared_lock lock(mutex_);
    return hooks_;
  }

 private:
  mutable std::shared_mutex mutex_;
  std::vector<std::function<Signature>> hooks_;
};

enum class FieldValidation { kIgnore, kWarn, kStrict };

struct Call {
  const Request& request;
  Target target;
  User user;
  ResourcePath path;
  std::string verb;
  TypePtr type;
  const ServedVersion* version = nullptr;
  bool dry_run = false;
  FieldValidation validation = FieldValidation::kWarn;
  std::vector<std::string> warnings;
  // Reads of a lagging server stop here (see faults.hpp).
  std::shared_ptr<const std::atomic<std::uint64_t>> horizon;

  ObjectKey key() const { return {type, path.ns, path.name}; }
  Subject subject() const { return key().subject(); }
  std::string api_version() const { return type->api_version(path.version); }
  std::uint64_t at() const { return horizon ? horizon->load() : 0; }  // 0 = now
  bool status_write() const { return path.subresource == "status"; }
  std::string header(const std::string& lower_case_name) const;
  // fieldManager, or what the User-Agent begins with.
  std::string manager() const;
};

// What becomes of the live object. `managers` goes in as stored; a server-side apply hands it back
// finished, everything else leaves `managed` false and has its changes tracked as an Update.
struct Draft {
  Json object;
  ManagedFields managers;
  bool managed = false;
};

struct ApiServer::Impl {
  explicit Impl(ApiServerOptions given);

  Answer handle(const Request& request);

  // api_server.cpp
  Answer serve(Call& call);
  Answer serve_resource(Call& call);
  Answer serve_with_faults(Call& call);
  void authorize(Call& call) const;
  std::string now_text() const;
  Answer serve_audited(Call& call);
  void audit(const Call& call, int status) const;
  void committed(const ObjectKey& key);
  // What is stored; nullptr, or Refusal 404, when nothing is.
  RecordPtr find(const ObjectKey& key) const;
  RecordPtr get(const ObjectKey& key) const;
  // Stores the object, or takes it away, if it is still as it was in `live` (nullptr: not there),
  // and does what follows. nullptr: someone else was faster.
  RecordPtr put(const ObjectKey& key, const RecordPtr& live, Json& object);
  RecordPtr erase(const ObjectKey& key, const RecordPtr& live, Json& last_state);

  // reads.cpp
  Answer read_one(Call& call);
  Answer list(Call& call);
  Answer watch(Call& call, WatchOptions options);
  Response object_response(const Call& call, int status, const Record& record) const;
  Response object_response(const Call& call, int status, const Json& object) const;

  // writes.cpp
  Json body_of(const Call& call) const;
  Response create(Call& call, Json object);
  Response insert(Call& call, Draft draft);
  Response replace(Call& call, const Json& body);
  Response patch(Call& call);
  Response apply(Call& call, const Json& config);
  using Change = std::function<Draft(const Json& live, ManagedFields managers)>;
  Response update(Call& call, const Change& change);
  // Defaulting, admission and validation of what is about to be stored.
  void admit(Call& call, Json& object, const Json* old);
  void run_admission(Call& call, const AdmissionRequest& request, Json& object);
  static AdmissionRequest admission_request(const Call& call, const char* verb,
                                            const std::string& ns, const Json* old);
  // What the type's decoder makes of what was sent.
  static void read(Call& call, Json& object);
  static void check_applied(const Call& call, Json& config);
  void track(const Call& call, Draft& draft, const Json& live) const;
  ManagedEntry writer(const Call& call, const std::string& operation) const;
  std::string allocate_ip();
  void check_namespace(const Call& call) const;
  RecordPtr put_or_erase(const ObjectKey& key, const RecordPtr& live, Json& next);

  // guards.cpp: what a user may write only if he holds rights beyond the verb itself. Refusal 403
  // when `object` sets a blockOwnerDeletion or grants an RBAC rule that the user may not; `old` is
  // null on create.
  void check_grants(const Call& call, const Json& object, const Json* old) const;
  void check_owner_references(const Call& call, const Json& object, const Json* old) const;
  void check_escalation(const Call& call, const Json& object, const Json* old) const;

  // deletes.cpp
  Response remove(Call& call);
  Response remove_collection(Call& call);
  Json remove_one(Call& call, const ObjectKey& key, const Json& options);

  // crds.cpp: what a controller does for CustomResourceDefinitions, at once.
  void follow_crd(const std::string& name);
  void finish_crd_removal(const ResourceType& type);
  bool is_terminating(const ResourceType& type) const;

  // subresources.cpp
  Answer serve_subresource(Call& call);
  Response scale(Call& call);
  Response bind(Call& call);
  Response evict(Call& call);
  std::vector<RecordPtr> budgets_of(const RecordPtr& pod) const;
  bool take_disruption(const Call& call, const RecordPtr& budget);
  Response issue_token(Call& call);

  // reviews.cpp: authentication.k8s.io and authorization.k8s.io, which store nothing.
  bool is_review(const Call& call) const;
  Response review(Call& call);

  ApiServerOptions options;
  Store store;
  Catalog catalog;
  Identity identity;
  Rbac rbac;
  std::atomic<unsigned> bell{0};
  Faults faults{[this] { return store.resource_version(); }};
  std::atomic<unsigned> last_ip{1};
  mutable std::mutex crd_mutex;
  std::set<std::string> terminating_crds;

  Hooks<std::optional<std::string>(const AdmissionRequest&, Json&)> admissions;
  Hooks<void()> wakes;
  Hooks<void(const AuditEvent&)> audits;
  mutable std::shared_mutex subresources_mutex;
  std::map<std::string,
           std::function<Answer(const Request&, const std::string&, const std::string&)>>
      subresources;
};

// Its own, or a Namespace's of what is in it.
bool has_finalizers(const Json& object);

// The text under another version of its group: nothing but the apiVersion differs.
std::string with_api_version(const std::string& text, const std::string& api_version);

}  // namespace devcluster
