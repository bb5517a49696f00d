// What an instance was made from, as a short hash: a Pod of another revision is to be replaced.
//
// Hashed is what the user wrote (fields at their default left out) and what the platform asks for,
// never the rendering: so a new version of the operator, with new defaults or a new way to say the
// same, restarts no pet.
#include <array>
#include <cstdint>
#include <string>

#include "api/names.hpp"
#include "render/common.hpp"
#include "render/hash.hpp"
#include "render/quantity.hpp"
#include "render/render.hpp"

namespace swo::render {
namespace {

// The fields of the spec that reach the Pod as they are. Ports, claims and others in part: below.
constexpr std::array kWholeFields = {
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "init",
    "env",
    "envFrom",
    "volumes",
    "volumeMounts",
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "podMetadata",
    "priorityClassName",
    "serviceAccountName",
    "terminationGracePeriodSeconds",
};

void keep(Json& result, const Json& spec, const char* field) {
  if (spec.contains(field)) {
    result[field] = spec[field];
  }
}

// A Service may listen on another port without a new Pod.
Json pod_ports(const api::Workload& workload) {
  Json ports = Json::array();
  for (const api::Port& port : workload.spec.ports) {
    ports.push_back({port.name, port.target_port.value_or(port.port), port.protocol});
  }
  return ports;
}

// A claim may grow under its Pod.
Json mounted_claims(const api::Workload& workload) {
  Json claims = Json::array();
  for (const api::Claim& claim : workload.spec.storage.claims) {
    Json mounted = {claim.name, claim.mount_path, claim.sub_path};
    if (claim.seed_from_image) {
      mounted.push_back("seed");
    }
    claims.push_back(std::move(mounted));
  }
  return claims;
}

// Which resources are asked for, not how much: that may change in the running Pod, save for its
// class of service (KEP-1287).
Json resources_shape(const Json& asked) {
  Json shape = canonical_resources(asked);
  const Json limits = shape.value("limits", Json::object());
  const Json requests = shape.value("requests", limits);
  const bool guaranteed = limits.contains("cpu") && limits.contains("memory") && requests == limits;
  for (const char* kind : {"limits", "requests"}) {
    for (const char* name : {"cpu", "memory"}) {
      if (shape.contains(kind) && shape[kind].contains(name)) {
        shape[kind][name] = "*";
      }
    }
  }
  if (guaranteed) {
    shape["guaranteed"] = true;
  }
  return shape;
}

// Only what differs from the plain Pod, so that a decision that is new to the operator changes
// nothing where it does not apply.
Json platform_part(const platform::Strategy& strategy) {
  Json part = Json::array();
  if (strategy.user_namespace == platform::UserNamespaceVia::kAnnotation)
    part.push_back("annotation");
  if (strategy.use_scc) part.push_back("scc");
  if (strategy.ping_group_range_sysctl) part.push_back("pingGroupRange");
  if (strategy.selinux_type) part.push_back("seLinuxType");
  if (strategy.runtime_mounts) part.push_back("runtimeMounts");
  return part;
}

Json revision_data(const api::Workload& workload, const platform::Strategy& strategy) {
  const Json spec = api::to_json(workload.spec);
  Json data = Json::object();
  for (const char* field : kWholeFields) {
    keep(data, spec, field);
  }
  set_unless_empty(data, "resources", resources_shape(workload.spec.resources));
  keep(data, spec, "readiness");
  if (data.contains("readiness")) {
    data["readiness"].erase("selfHealing");
  }
  keep(data, spec, "platform");
  if (data.contains("platform")) {
    data["platform"].erase("cgroups");        // of the nodes
    data["platform"].erase("userNamespace");  // its outcome is the strategy's
  }
  for (const char* part : {"readiness", "platform"}) {
    if (data.contains(part) && data[part].empty()) {
      data.erase(part);
    }
  }
  set_unless_empty(data, "ports", pod_ports(workload));
  set_unless_empty(data, "claims", mounted_claims(workload));
  set_unless_empty(data, "strategy", platform_part(strategy));
  const std::string restarted(api::kAnnotationRestartedAt);
  if (workload.annotations.contains(restarted)) {
    data["restartedAt"] = workload.annotations[restarted];
  }
  return data;
}

}  // namespace

std::string revision(const api::Workload& workload, const platform::Strategy& strategy) {
  return short_hash(
      revision_data(workload, strategy).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Json controller_revision(const api::Workload& workload, const platform::Strategy& strategy,
                         std::int64_t number) {
  const std::string hash = revision(workload, strategy);
  Json result = {{"apiVersion", "apps/v1"},
                 {"kind", "ControllerRevision"},
                 {"metadata", metadata(workload, dns_label(workload.name, "-" + hash))},
                 {"data", revision_data(workload, strategy)},
                 {"revision", number}};
  result["metadata"]["labels"][std::string(api::kLabelRevision)] = hash;
  return result;
}

}  // namespace swo::render
