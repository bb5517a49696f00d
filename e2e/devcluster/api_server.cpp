#include "devcluster/api_server.hpp"

#include "devcluster/data.hpp"
#include "devcluster/discovery.hpp"
#include "devcluster/http.hpp"
#include "devcluster/lower.hpp"
#include "devcluster/profile.hpp"
#include "devcluster/protobuf.hpp"
#include "devcluster/server_impl.hpp"
#include "devcluster/times.hpp"

namespace devcluster {
namespace {

constexpr const char* kRbacGroup = "rbac.authorization.k8s.io";

// apiserver pkg/endpoints/request/requestinfo.go
std::string verb_of(const Request& request, const Target& target, const ResourcePath& path) {
  const bool named = !path.name.empty();
  const std::string& m = request.method;
  if (m == "GET" || m == "HEAD") return named ? "get" : target.flag("watch") ? "watch" : "list";
  if (m == "POST") return "create";
  if (m == "PUT") return "update";
  if (m == "PATCH") return "patch";
  if (m == "DELETE") return named ? "delete" : "deletecollection";
  return lower(m);
}

Refusal fault_refusal(int status) {
  const std::string code = std::to_string(status);
  Json details = Json::object();
  if (status == 429) details["retryAfterSeconds"] = 1;
  return {status, data("reasons.yaml").value(code, "InternalError"),
          "fault on demand: status " + code, details};
}

Refusal unauthorized() { return {401, "Unauthorized", "Unauthorized"}; }

}  // namespace

std::string Call::header(const std::string& name) const { return request.header(name); }

std::string Call::manager() const {
  std::string named = target.value("fieldManager");
  if (!named.empty()) return named;
  const std::string agent = header("user-agent");
  return agent.empty() ? "unknown" : agent.substr(0, agent.find('/'));
}

std::string with_api_version(const std::string& text, const std::string& api_version) {
  constexpr std::string_view kStart = R"({"apiVersion":")";
  if (text.compare(0, kStart.size(), kStart) != 0) return text;
  const std::size_t end = text.find('"', kStart.size());
  if (text.compare(kStart.size(), end - kStart.size(), api_version) == 0) return text;
  return std::string(kStart) + api_version + text.substr(end);
}

ApiServer::Impl::Impl(ApiServerOptions given)
    : options(std::move(given)),
      catalog(store, options.extra_types, minor_of(options.git_version)),
      rbac(store) {
  read_protobuf_messages();
  // What a cluster holds before anyone has done anything.
  each_entry("bootstrap.yaml", [this](const std::string&, const Json& object) {
    const TypePtr type = catalog.find_kind(group_of(object.at("apiVersion")), object.at("kind"));
    if (type == nullptr) throw std::logic_error("no such kind");
    const Request request{
        "POST", type->path(), {{"user-agent", "kube-apiserver"}}, object.dump(), true, "", {}};
    const Answer answer = handle(request);
    if (answer.response.status >= 300) throw std::logic_error(answer.response.body);
  });
}

std::string ApiServer::Impl::now_text() const { return rfc3339(options.clock()); }

namespace {

User token_user(const ApiServer::Impl& server, const std::string& bearer) {
  const auto token = server.identity.find(bearer);
  if (!token || (token->expires && server.options.clock() >= *token->expires)) throw unauthorized();
  if (!token->service_account.empty()) {
    const RecordPtr record = server.find(
        {server.catalog.find("", "serviceaccounts"), token->ns, token->service_account});
    if (record == nullptr ||
        record->text.find("\"uid\":\"" + token->user.uid + "\"") == std::string::npos) {
      throw unauthorized();
    }
  }
  return token->user;
}

User authenticate(const ApiServer::Impl& server, const Request& request) {
  if (request.trusted) {
    return {"system:apiserver", {"system:masters", "system:authenticated"}, ""};
  }
  constexpr std::string_view kBearer = "Bearer ";
  const std::string authorization = request.header("authorization");
  if (authorization.compare(0, kBearer.size(), kBearer) == 0) {
    return token_user(server, authorization.substr(kBearer.size()));
  }
  if (!authorization.empty()) throw unauthorized();
  if (!request.certificate_name.empty()) {
    User user{request.certificate_name, request.certificate_groups, ""};
    user.groups.emplace_back("system:authenticated");
    return user;
  }
  return anonymous();
}

// kubectl --as and --as-group.
void impersonate(const ApiServer::Impl& server, Call& call) {
  const std::string name = call.header("impersonate-user");
  if (name.empty()) return;
  if (!server.rbac.allows(call.user, {"impersonate", "", "users", "", "", name})) {
    throw forbidden(
        {"", "users", "User", name},
        "User \"" + call.user.name +
            "\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope");
  }
  call.user = {name, {"system:authenticated"}, ""};
  const std::string group = call.header("impersonate-group");
  if (group.empty()) return;
  if (!server.rbac.allows(call.user, {"impersonate", "", "groups", "", "", group})) {
    throw forbidden({"", "groups", "Group", group}, "cannot impersonate groups");
  }
  call.user.groups.push_back(group);
}

std::string warning_header(const std::vector<std::string>& warnings) {
  std::string out;
  for (const std::string& warning : warnings) {
    out += (out.empty() ? "299 - " : ", 299 - ") + Json(warning).dump();
  }
  return out;
}

}  // namespace

Answer ApiServer::Impl::handle(const Request& request) {
  try {
    Call call{request, parse_target(request.target), {}, {},     "", nullptr, nullptr,
              false,   FieldValidation::kWarn,       {}, nullptr};
    call.user = authenticate(*this, request);
    impersonate(*this, call);
    Answer answer = serve_audited(call);
    if (!call.warnings.empty()) answer.response.headers["warning"] = warning_header(call.warnings);
    return answer;
  } catch (const Refusal& refusal) {
    return {refusal.response(), nullptr};
  } catch (const Json::exception& error) {
    return {bad_request(std::string("a field has the wrong type: ") + error.what()).response(),
            nullptr};
  } catch (const std::exception& error) {
    const Refusal internal(500, "InternalError",
                           std::string("Internal error occurred: ") + error.what());
    return {internal.response(), nullptr};
  }
}

Answer ApiServer::Impl::serve_audited(Call& call) {
  try {
    Answer answer = serve(call);
    audit(call, answer.response.status);
    return answer;
  } catch (const Refusal& refusal) {
    audit(call, refusal.code());
    throw;
  }
}

void ApiServer::Impl::audit(const Call& call, int status) const {
  if (call.request.trusted || call.path.resource.empty()) return;
  const ResourcePath& p = call.path;
  const AuditEvent event{call.user.name, call.verb, p.group, p.resource,  p.subresource,
                         p.ns,           p.name,    status,  call.dry_run};
  for (const auto& hear : audits.all()) hear(event);
}

Answer ApiServer::Impl::serve(Call& call) {
  if (const auto path = resource_path(call.target)) {
    call.path = *path;
    call.verb = verb_of(call.request, call.target, call.path);
    authorize(call);
    return serve_with_faults(call);
  }
  call.verb = lower(call.request.method);
  authorize(call);
  if (call.request.method != "GET" && call.request.method != "HEAD") {
    throw Refusal(405, "MethodNotAllowed",
                  "the server does not allow this method on the requested resource");
  }
  if (auto found = discovery(catalog, call.target, call.header("accept"), options.git_version)) {
    return {std::move(*found), nullptr};
  }
  throw no_such_path();
}

void ApiServer::Impl::authorize(Call& call) const {
  const bool resource = !call.path.resource.empty();
  const ResourcePath& p = call.path;
  Access access;
  access.verb = call.verb;
  if (resource) {
    // A Namespace's own rules may sit in a Role within it.
    access = {call.verb,
              p.group,
              p.resource,
              p.subresource,
              p.group.empty() && p.resource == "namespaces" ? p.name : p.ns,
              p.name};
    // A list or watch of one object by name is judged by that name.
    constexpr std::string_view kByName = "metadata.name=";
    const std::string fields = call.target.value("fieldSelector");
    if (p.name.empty() && fields.compare(0, kByName.size(), kByName) == 0) {
      access.name = fields.substr(kByName.size());
    }
  } else {
    access.path = call.target.path;
  }
  if (rbac.allows(call.user, access)) return;
  if (!resource) {
    throw Refusal(403, "Forbidden",
                  "forbidden: User \"" + call.user.name + "\" cannot " + call.verb + " path \"" +
                      call.target.path + "\"",
                  Json::object());
  }
  const std::string what = p.subresource.empty() ? p.resource : p.resource + "/" + p.subresource;
  throw forbidden(
      {p.group, p.resource, "", p.name},
      "User \"" + call.user.name + "\" cannot " + call.verb + " resource \"" + what +
          "\" in API group \"" + p.group + "\" " +
          (access.ns.empty() ? "at the cluster scope" : "in the namespace \"" + access.ns + "\""));
}

Answer ApiServer::Impl::serve_with_faults(Call& call) {
  if (call.request.trusted) return serve_resource(call);
  const auto fault = faults.next(call.verb, call.path.resource, call.path.subresource);
  if (!fault) return serve_resource(call);
  using Action = FaultRule::Action;
  const FaultRule& rule = fault->rule;
  Answer answer;
  answer.drop = rule.action == Action::kDrop;
  if (answer.drop) return answer;
  if (rule.action == Action::kError) throw fault_refusal(rule.status);
  if (rule.action == Action::kStale) call.horizon = fault->horizon;
  answer = serve_resource(call);
  answer.delay = rule.delay;
  answer.drop = rule.action == Action::kAmbiguous;
  const bool on_stream = rule.action != Action::kDelay && rule.action != Action::kStale;
  if (answer.stream && on_stream) answer.stream = faulty_stream(std::move(answer.stream), rule);
  return answer;
}

Answer ApiServer::Impl::serve_resource(Call& call) {
  if (is_review(call)) return {review(call), nullptr};
  call.type = catalog.find(call.path.group, call.path.resource);
  if (call.type == nullptr) throw no_such_path();
  const auto version = call.type->versions.find(call.path.version);
  if (version == call.type->versions.end()) throw no_such_path();
  call.version = &version->second;
  if (!call.type->namespaced && !call.path.ns.empty()) throw no_such_path();
  const bool one = !call.path.name.empty() || call.verb == "create";
  if (call.type->namespaced && call.path.ns.empty() && one) throw no_such_path();

  const std::string dry_run = call.target.value("dryRun");
  if (!dry_run.empty() && dry_run != "All") {
    throw bad_request("dryRun: Unsupported value: \"" + dry_run + "\": supported values: \"All\"");
  }
  call.dry_run = !dry_run.empty();
  const std::string validation = call.target.value("fieldValidation");
  if (validation == "Strict") call.validation = FieldValidation::kStrict;
  if (validation == "Ignore") call.validation = FieldValidation::kIgnore;

  if (!call.path.subresource.empty()) return serve_subresource(call);
  if (call.verb == "get") return read_one(call);
  if (call.verb == "list" || call.verb == "watch") return list(call);
  if (call.verb == "create" && call.path.name.empty())
    return {create(call, body_of(call)), nullptr};
  if (call.verb == "update" && !call.path.name.empty())
    return {replace(call, body_of(call)), nullptr};
  if (call.verb == "patch" && !call.path.name.empty()) return {patch(call), nullptr};
  if (call.verb == "delete") return {remove(call), nullptr};
  if (call.verb == "deletecollection") return {remove_collection(call), nullptr};
  throw Refusal(405, "MethodNotAllowed",
                "the server does not allow this method on the requested resource");
}

// What has to follow a write: the RBAC index, the types of CRDs, whoever waits for changes.
void ApiServer::Impl::committed(const ObjectKey& key) {
  if (key.type->group == kRbacGroup) rbac.refresh(key.type->plural, key.ns, key.name);
  if (key.type->group == "apiextensions.k8s.io") follow_crd(key.name);
  if (key.type->custom) finish_crd_removal(*key.type);
  for (const auto& wake : wakes.all()) wake();
}

RecordPtr ApiServer::Impl::find(const ObjectKey& key) const {
  return store.get(*key.type->objects, key.ns, key.name);
}

RecordPtr ApiServer::Impl::get(const ObjectKey& key) const {
  const RecordPtr record = find(key);
  if (record == nullptr) throw not_found(key.subject());
  return record;
}

RecordPtr ApiServer::Impl::put(const ObjectKey& key, const RecordPtr& live, Json& object) {
  const std::uint64_t expected = live == nullptr ? 0 : live->resource_version;
  const RecordPtr stored = store.put(*key.type->objects, key.ns, key.name, expected, object);
  if (stored != nullptr) committed(key);
  return stored;
}

RecordPtr ApiServer::Impl::erase(const ObjectKey& key, const RecordPtr& live, Json& last_state) {
  const RecordPtr last =
      store.erase(*key.type->objects, key.ns, key.name, live->resource_version, last_state);
  if (last != nullptr) committed(key);
  return last;
}

ApiServer::ApiServer(ApiServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
ApiServer::~ApiServer() = default;

Answer ApiServer::handle(const Request& request) { return impl_->handle(request); }

void ApiServer::add_token(std::string token, std::string user, std::vector<std::string> groups) {
  groups.emplace_back("system:authenticated");
  impl_->identity.add(std::move(token),
                      {{std::move(user), std::move(groups), ""}, std::nullopt, "", ""});
}

bool ApiServer::allowed(const User& user, const Access& access) const {
  return impl_->rbac.allows(user, access);
}

void ApiServer::add_webhook(Admission webhook) { impl_->admissions.add_first(std::move(webhook)); }

void ApiServer::add_admission(Admission admission) { impl_->admissions.add(std::move(admission)); }

void ApiServer::add_subresource(
    std::string resource_and_subresource,
    std::function<Answer(const Request&, const std::string&, const std::string&)> serve) {
  const std::unique_lock lock(impl_->subresources_mutex);
  impl_->subresources[std::move(resource_and_subresource)] = std::move(serve);
}

std::uint64_t ApiServer::resource_version() const { return impl_->store.resource_version(); }

void ApiServer::compact(std::uint64_t resource_version) { impl_->store.compact(resource_version); }

void ApiServer::send_bookmarks() {
  ++impl_->bell;
  impl_->store.wake_all();
}

std::vector<Delta> ApiServer::take_changes() {
  std::vector<Delta> out;
  for (const Change& change : impl_->store.take()) {
    if (change.collection->plural == "events") continue;
    const auto kind = change.deleted             ? Delta::Kind::kDeleted
                      : change.before == nullptr ? Delta::Kind::kAdded
                                                 : Delta::Kind::kModified;
    const TypePtr type = impl_->catalog.find(change.collection->group, change.collection->plural);
    if (type == nullptr && !change.deleted) continue;
    out.push_back({kind, type == nullptr ? "" : type->path(), Json::parse(change.after->text)});
  }
  return out;
}

std::vector<std::string> ApiServer::namespaced_collections() const {
  std::vector<std::string> out;
  for (const TypePtr& type : impl_->catalog.all()) {
    if (type->namespaced) out.push_back(type->path());
  }
  return out;
}

std::string ApiServer::collection_of(const std::string& group, const std::string& kind) const {
  const TypePtr type = impl_->catalog.find_kind(group, kind);
  return type == nullptr ? "" : type->path();
}

void ApiServer::on_change(std::function<void()> wake) { impl_->wakes.add(std::move(wake)); }

void ApiServer::on_audit(std::function<void(const AuditEvent&)> heard) {
  impl_->audits.add(std::move(heard));
}

Faults& ApiServer::faults() { return impl_->faults; }

std::vector<std::string> ApiServer::unevaluated_rules() const {
  return impl_->catalog.unevaluated_rules();
}

}  // namespace devcluster
