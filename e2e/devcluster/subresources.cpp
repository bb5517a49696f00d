// status, scale, finalize, resize, binding, eviction, token; and those that are served elsewhere.
#include <algorithm>

#include "devcluster/base64.hpp"
#include "devcluster/jsonpath.hpp"
#include "devcluster/objects.hpp"
#include "devcluster/patch.hpp"
#include "devcluster/schema.hpp"
#include "devcluster/server_impl.hpp"
#include "devcluster/times.hpp"

namespace devcluster {
namespace {

constexpr std::int64_t kDefaultTokenSeconds = 3600;  // TokenRequest's default

// ".spec.replicas" → "/spec/replicas"
Json::json_pointer pointer_of(std::string path) {
  std::replace(path.begin(), path.end(), '.', '/');
  return Json::json_pointer(path);
}

struct ScalePaths {
  std::string spec = ".spec.replicas", status = ".status.replicas", selector;
};

ScalePaths scale_paths(const Call& call) {
  ScalePaths out;
  out.spec = call.version->scale.value("specReplicasPath", out.spec);
  out.status = call.version->scale.value("statusReplicasPath", out.status);
  out.selector = call.version->scale.value("labelSelectorPath", "");
  return out;
}

std::string selector_text(const Json& object, const ScalePaths& paths) {
  if (!paths.selector.empty()) return object.value(pointer_of(paths.selector), "");
  std::string out;
  const Json labels = object.value("/spec/selector/matchLabels"_json_pointer, Json::object());
  for (const auto& [key, value] : labels.items()) {
    out += (out.empty() ? "" : ",") + key + "=" + value.get<std::string>();
  }
  return out;
}

Json scale_of(const Json& object, const ScalePaths& paths) {
  const Json& metadata = object["metadata"];
  Json out = {{"kind", "Scale"},
              {"apiVersion", "autoscaling/v1"},
              {"metadata",
               {{"name", metadata["name"]},
                {"uid", metadata["uid"]},
                {"resourceVersion", metadata["resourceVersion"]},
                {"creationTimestamp", metadata["creationTimestamp"]}}},
              {"spec", {{"replicas", object.value(pointer_of(paths.spec), 0)}}},
              {"status", {{"replicas", object.value(pointer_of(paths.status), 0)}}}};
  if (metadata.contains("namespace")) out["metadata"]["namespace"] = metadata["namespace"];
  const std::string selector = selector_text(object, paths);
  if (!selector.empty()) out["status"]["selector"] = selector;
  return out;
}

bool is_core(const Call& call, const char* plural) {
  return call.path.group.empty() && call.path.resource == plural;
}

// Its going disrupts nothing: eviction.go, canIgnorePDB.
bool bypasses_budgets(const Json& pod) {
  const std::string phase = pod.value("/status/phase"_json_pointer, "");
  return (phase != "Running" && phase != "Unknown") ||
         pod["metadata"].contains("deletionTimestamp");
}

// KEP-3017: always, or while the budget is kept without it.
bool may_go_unwell(const Json& budget) {
  const Json status = budget.value("status", Json::object());
  const int desired = status.value("desiredHealthy", 0);
  return budget["spec"].value("unhealthyPodEvictionPolicy", "") == "AlwaysAllow" ||
         (desired > 0 && status.value("currentHealthy", 0) >= desired);
}

}  // namespace

Answer ApiServer::Impl::serve_subresource(Call& call) {
  const std::string& sub = call.path.subresource;
  std::function<Answer(const Request&, const std::string&, const std::string&)> elsewhere;
  {
    const std::shared_lock lock(subresources_mutex);
    const auto found = subresources.find(call.path.resource + "/" + sub.substr(0, sub.find('/')));
    if (found != subresources.end()) elsewhere = found->second;
  }
  if (elsewhere) return elsewhere(call.request, call.path.ns, call.path.name);

  const bool resize = sub == "resize" && is_core(call, "pods");
  if (resize && !call.type->has_subresource(sub)) throw no_such_path();
  if ((sub == "status" && call.version->status) || resize) {
    if (call.verb == "get") return read_one(call);
    if (call.verb == "update") return {replace(call, body_of(call)), nullptr};
    if (call.verb == "patch") return {patch(call), nullptr};
  }
  if (sub == "scale" && !call.version->scale.is_null()) return {scale(call), nullptr};
  if (is_core(call, "namespaces") && sub == "finalize" && call.verb == "update") {
    const Json finalizers = body_of(call).value("/spec/finalizers"_json_pointer, Json::array());
    return {update(call,
                   [&](const Json& live, ManagedFields managers) {
                     Draft draft{live, std::move(managers), false};
                     draft.object["spec"]["finalizers"] = finalizers;
                     return draft;
                   }),
            nullptr};
  }
  if (is_core(call, "pods")) {
    if (sub == "binding" && call.verb == "create") return {bind(call), nullptr};
    if (sub == "eviction" && call.verb == "create") return {evict(call), nullptr};
  }
  if (is_core(call, "serviceaccounts") && sub == "token" && call.verb == "create") {
    return {issue_token(call), nullptr};
  }
  if (is_core(call, "pods") || is_core(call, "nodes") || is_core(call, "services")) {
    throw not_implemented(call.path.resource + "/" + sub);
  }
  throw no_such_path();
}

Response ApiServer::Impl::scale(Call& call) {
  const ScalePaths paths = scale_paths(call);
  const RecordPtr record = get(call.key());
  if (call.verb == "get") {
    return json_line(200, scale_of(Json::parse(record->text), paths));
  }
  if (call.verb != "update" && call.verb != "patch") throw no_such_path();
  const Json body = body_of(call);
  const Response response = update(call, [&](const Json& live, ManagedFields managers) {
    const Json wanted = call.verb == "patch" ? patched(scale_of(live, paths),
                                                       call.header("content-type"), body, nullptr)
                                             : body;
    const Json replicas = wanted.value("/spec/replicas"_json_pointer, Json(0));
    if (!replicas.is_number_integer() || replicas < 0) {
      throw invalid(
          {"autoscaling", "scales", "Scale", call.path.name},
          {invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")});
    }
    Draft draft{live, std::move(managers), false};
    draft.object[pointer_of(paths.spec)] = replicas;
    const std::string version = wanted.value("/metadata/resourceVersion"_json_pointer, "");
    if (!version.empty()) draft.object["metadata"]["resourceVersion"] = version;
    return draft;
  });
  return json_line(200, scale_of(Json::parse(response.body), paths));
}

// What a scheduler does: pkg/registry/core/pod/storage (BindingREST).
Response ApiServer::Impl::bind(Call& call) {
  const std::string node = body_of(call).value("/target/name"_json_pointer, "");
  if (node.empty()) throw invalid(call.subject(), {required("target.name")});
  const std::string now = now_text();
  update(call, [&](const Json& live, ManagedFields managers) {
    const std::string bound = live.value("/spec/nodeName"_json_pointer, "");
    if (!bound.empty()) {
      throw conflict({"", "pods/binding", "Binding", call.path.name},
                     "pod " + call.path.name + " is already assigned to node \"" + bound + "\"");
    }
    Draft draft{live, std::move(managers), false};
    draft.object["spec"]["nodeName"] = node;
    draft.object["status"]["conditions"].push_back(
        {{"type", "PodScheduled"}, {"status", "True"}, {"lastTransitionTime", now}});
    return draft;
  });
  return json_line(201, success_status(call.subject(), ""));
}

// The budgets that a Pod is under; an empty selector selects nothing.
std::vector<RecordPtr> ApiServer::Impl::budgets_of(const RecordPtr& pod) const {
  const TypePtr budgets = catalog.find("policy", "poddisruptionbudgets");
  const auto page = store.list(*budgets->objects, {pod->ns, nullptr, nullptr, "", 0, 0});
  std::vector<RecordPtr> out;
  for (const RecordPtr& budget : page->records) {
    const Json selector =
        Json::parse(budget->text).value("/spec/selector"_json_pointer, Json::object());
    if (!selector.empty() && Selector::from_label_selector(selector).matches(pod->labels))
      out.push_back(budget);
  }
  return out;
}

// eviction.go, checkAndDecrement. False: someone else wrote the budget in between.
bool ApiServer::Impl::take_disruption(const Call& call, const RecordPtr& budget) {
  Json pdb = Json::parse(budget->text);
  Json& status = pdb["status"];
  const auto too_many = [](const Json& details, const std::string& why) {
    Refusal refusal(429, "TooManyRequests",
                    "Cannot evict pod as it would violate the pod's disruption budget.", details);
    refusal.add_cause({"DisruptionBudget", why, ""});
    return refusal;
  };
  const auto number = [&](const char* name) {
    return status.is_null() ? 0 : status.value(name, 0);
  };
  if (number("observedGeneration") < pdb["metadata"].value("generation", 0)) {
    throw too_many({{"retryAfterSeconds", 10}}, "The disruption budget " + budget->name +
                                                    " is still being processed by the server.");
  }
  if (number("disruptionsAllowed") <= 0) {
    throw too_many(Json::object(), "The disruption budget " + budget->name + " needs " +
                                       std::to_string(number("desiredHealthy")) +
                                       " healthy pods and has " +
                                       std::to_string(number("currentHealthy")) + " currently");
  }
  if (call.dry_run) return true;
  status["disruptionsAllowed"] = number("disruptionsAllowed") - 1;
  status["disruptedPods"][call.path.name] = now_text();
  const TypePtr budgets = catalog.find("policy", "poddisruptionbudgets");
  return put({budgets, budget->ns, budget->name}, budget, pdb) != nullptr;
}

// pkg/registry/core/pod/storage/eviction.go
Response ApiServer::Impl::evict(Call& call) {
  const Json body = call.request.body.empty() ? Json::object() : body_of(call);
  const RecordPtr record = get(call.key());
  const Json pod = Json::parse(record->text);
  if (!bypasses_budgets(pod)) {
    const auto budgets = budgets_of(record);
    if (budgets.size() > 1) {
      throw Refusal(
          500, "",
          "This pod has more than one PodDisruptionBudget, which the eviction subresource "
          "does not support.");
    }
    const bool counts =
        !budgets.empty() && (is_ready(pod) || !may_go_unwell(Json::parse(budgets.front()->text)));
    if (counts && !take_disruption(call, budgets.front())) return evict(call);
  }
  remove_one(call, call.key(), body.value("deleteOptions", Json::object()));
  return json_line(201, success_status(call.subject(), ""));
}

Response ApiServer::Impl::issue_token(Call& call) {
  const RecordPtr record = get(call.key());
  Json request = body_of(call);
  if (!request["spec"].is_object()) request["spec"] = Json::object();
  const std::int64_t seconds = request["spec"].value("expirationSeconds", kDefaultTokenSeconds);
  const std::string uid = Json::parse(record->text)["metadata"]["uid"];
  Identity::Token token{service_account_user(record->ns, record->name, uid),
                        options.clock() + std::chrono::seconds(seconds), record->ns, record->name};
  // The shape of a JWT, for clients that look into it; what makes it valid is that this server
  // knows it.
  const Json claims = {
      {"sub", token.user.name},
      {"exp",
       std::chrono::duration_cast<std::chrono::seconds>(token.expires->time_since_epoch()).count()},
      {"kubernetes.io",
       {{"namespace", record->ns}, {"serviceaccount", {{"name", record->name}, {"uid", uid}}}}}};
  const std::string text = base64_url(R"({"alg":"none"})") + "." + base64_url(claims.dump()) + "." +
                           base64_url(make_uid() + make_uid());
  request["apiVersion"] = "authentication.k8s.io/v1";
  request["kind"] = "TokenRequest";
  request["spec"]["expirationSeconds"] = seconds;
  request["status"] = {{"token", text}, {"expirationTimestamp", rfc3339(*token.expires)}};
  if (!call.dry_run) identity.add(text, std::move(token));
  return json_line(201, request);
}

}  // namespace devcluster
