#include "devcluster/admission.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

#include "devcluster/members.hpp"
#include "devcluster/objects.hpp"
#include "devcluster/scc.hpp"
#include "devcluster/scheduler.hpp"

namespace devcluster {
namespace {

// kubernetes pkg/apis/core: fields whose feature gate is off are dropped without a word.
void drop_unknown_fields(const Profile& profile, Json& pod) {
  auto& spec = pod["spec"];
  if (!profile.host_users) spec.erase("hostUsers");
  for (const char* list : {"initContainers", "containers"}) {
    if (!spec.contains(list)) continue;
    for (auto& container : spec[list]) {
      if (container.contains("lifecycle")) container["lifecycle"].erase("stopSignal");  // KEP-4960
    }
  }
}

// kubernetes plugin/pkg/admission/serviceaccount
std::optional<std::string> set_service_account(World& world, const AdmissionRequest& request,
                                               Json& pod) {
  auto& spec = pod["spec"];
  const std::string name = spec.value("serviceAccountName", "default");
  const auto account = world.api.get("/api/v1/serviceaccounts", request.ns + "/" + name);
  if (!account) {
    return "error looking up service account " + request.ns + "/" + name + ": serviceaccount \"" +
           name + "\" not found";
  }
  const bool mount = spec.value("automountServiceAccountToken",
                                account->value("automountServiceAccountToken", true));
  if (!mount) return std::nullopt;
  const std::string directory = "/var/run/secrets/kubernetes.io/serviceaccount";
  auto& volumes = spec["volumes"];
  if (volumes.is_null()) volumes = Json::array();
  const auto volume = "kube-api-access-" + hash_of(name_of(pod)).substr(0, 5);
  bool used = false;
  for (auto& container : spec["containers"]) {
    auto& mounts = container["volumeMounts"];
    if (mounts.is_null()) mounts = Json::array();
    if (std::any_of(mounts.begin(), mounts.end(),
                    [&](const Json& m) { return m.value("mountPath", "") == directory; })) {
      continue;
    }
    mounts.push_back({{"name", volume}, {"readOnly", true}, {"mountPath", directory}});
    used = true;
  }
  if (used) {
    volumes.push_back(
        {{"name", volume},
         {"projected",
          {{"defaultMode", 420},
           {"sources", Json::array({{{"serviceAccountToken",
                                      {{"expirationSeconds", 3607}, {"path", "token"}}}}})}}}});
  }
  return std::nullopt;
}

std::optional<std::string> admit_scc(World& world, const AdmissionRequest& request, Json& pod) {
  const std::string account = pod["spec"]["serviceAccountName"];
  const User service_account = service_account_user(request.ns, account, "");
  const auto usable = [&](const User& who, const Json& scc) {
    const auto groups = strings(scc, "groups");
    return holds(strings(scc, "users"), who.name) ||
           std::any_of(who.groups.begin(), who.groups.end(),
                       [&](const std::string& group) { return holds(groups, group); }) ||
           world.server.allowed(who, {"use", "security.openshift.io", "securitycontextconstraints",
                                      "", request.ns, name_of(scc)});
  };
  SccInput input;
  input.sccs = world.api.list("/apis/security.openshift.io/v1/securitycontextconstraints");
  if (const auto ns = world.api.get("/api/v1/namespaces", request.ns)) {
    input.namespace_annotations = ns->at("metadata").value("annotations", Json::object());
  }
  input.may_use = [&](const Json& scc) -> std::optional<std::string> {
    if (usable(service_account, scc)) return "serviceaccount";
    if (usable(request.user, scc)) return "user";
    return std::nullopt;
  };
  return admit_by_scc(input, pod);
}

std::optional<std::string> admit_pod(World& world, const AdmissionRequest& request, Json& pod) {
  drop_unknown_fields(world.profile, pod);
  if (auto refusal = set_service_account(world, request, pod)) return refusal;
  if (auto refusal = judge_pod(world, request.ns, pod)) return refusal;
  if (!world.profile.is_openshift()) return std::nullopt;
  return admit_scc(world, request, pod);
}

// openshift/library-go pkg/route/hostassignment and defaults of route/v1.
std::optional<std::string> admit_route(World& world, const AdmissionRequest& request, Json& route) {
  auto& spec = route["spec"];
  const bool create = request.old_object == nullptr;
  const auto old_host =
      create ? std::string() : request.old_object->value("/spec/host"_json_pointer, "");
  const std::string host = spec.value("host", "");
  if (host.empty() && !old_host.empty()) {
    spec["host"] = old_host;  // clearing it is ignored
  } else if (host.empty()) {
    spec["host"] = name_of(route) + "-" + request.ns + "." + kDomain;
    route["metadata"]["annotations"]["openshift.io/host.generated"] = "true";
  } else if (host != old_host &&
             !world.server.allowed(request.user,
                                   {create ? "create" : "update", "route.openshift.io", "routes",
                                    "custom-host", request.ns, ""})) {
    return create ? "spec.host: Forbidden: you do not have permission to set the host field of the "
                    "route"
                  : "spec.host: Invalid value: \"" + host + "\": field is immutable";
  }
  return std::nullopt;
}

// kubernetes pkg/registry/core/service/portallocator: a counter; an update keeps what it leaves
// out. A type that needs no node ports loses those that it had (strategy.go,
// dropTypeDependentFields).
void assign_node_ports(const AdmissionRequest& request, Json& service,
                       std::atomic<unsigned>& next) {
  constexpr unsigned kFirst = 30'000;  // --service-node-port-range
  constexpr unsigned kCount = 2'768;
  auto& spec = service["spec"];
  const auto type = spec.value("type", "ClusterIP");
  const bool needed = type == "NodePort" || type == "LoadBalancer";
  const Json before = request.old_object == nullptr
                          ? Json::array()
                          : request.old_object->value("/spec/ports"_json_pointer, Json::array());
  if (!spec.contains("ports")) return;
  for (auto& port : spec["ports"]) {
    for (const auto& was : before) {
      if (was.value("port", 0) == port.value("port", 0) && was.contains("nodePort")) {
        port.emplace("nodePort", was["nodePort"]);
        if (!needed && port["nodePort"] == was["nodePort"]) port.erase("nodePort");
      }
    }
    if (needed && !port.contains("nodePort")) port["nodePort"] = kFirst + next++ % kCount;
  }
}

// kubernetes plugin/pkg/admission/storage/persistentvolume/resize. What is not bound is refused by
// validation.
std::optional<std::string> may_grow(World& world, const AdmissionRequest& request,
                                    const Json& claim) {
  const auto storage = "/spec/resources/requests/storage"_json_pointer;
  const Json& old = *request.old_object;
  if (milli_of(claim.value(storage, "")) <= milli_of(old.value(storage, ""))) return std::nullopt;
  if (phase_of(old) != "Bound") return std::nullopt;
  const auto storage_class = world.api.get("/apis/storage.k8s.io/v1/storageclasses",
                                           old.value("/spec/storageClassName"_json_pointer, ""));
  if (storage_class && storage_class->value("allowVolumeExpansion", false)) return std::nullopt;
  return "only dynamically provisioned pvc can be resized and the storageclass that provisions the "
         "pvc must support resize";
}

// kubernetes plugin/pkg/admission/storage/storageobjectinuseprotection
void protect(Json& claim) {
  Json& finalizers = claim["metadata"]["finalizers"];
  if (finalizers.is_null()) finalizers = Json::array();
  if (!holds(strings(claim["metadata"], "finalizers"), kClaimProtection))
    finalizers.push_back(kClaimProtection);
}

}  // namespace

void install_admission(World& world) {
  auto node_ports = std::make_shared<std::atomic<unsigned>>(0);
  auto namespaces = std::make_shared<std::atomic<int>>(0);
  world.server.add_admission([&world, node_ports, namespaces](
                                 const AdmissionRequest& request,
                                 Json& object) -> std::optional<std::string> {
    if (request.verb == "delete" || !request.subresource.empty()) return std::nullopt;
    const bool create = request.verb == "create";
    if (request.resource == "routes" && request.group == "route.openshift.io") {
      return admit_route(world, request, object);
    }
    if (request.resource == "services" && request.group.empty()) {
      assign_node_ports(request, object, *node_ports);
    }
    if (request.resource == "persistentvolumeclaims" && request.group.empty()) {
      if (!create) return may_grow(world, request, object);
      protect(object);
    }
    if (!create) return std::nullopt;
    if (request.resource == "pods" && request.group.empty()) {
      return admit_pod(world, request, object);
    }
    if (request.resource == "namespaces" && request.group.empty() && world.profile.is_openshift()) {
      auto& annotations = object["metadata"]["annotations"];
      if (annotations.is_null()) annotations = Json::object();
      // Not over what is there: a restored namespace keeps its ranges.
      const auto ranges = namespace_ranges((*namespaces)++);
      for (const auto& [key, value] : ranges.items()) annotations.emplace(key, value);
    }
    return std::nullopt;
  });
}

}  // namespace devcluster
