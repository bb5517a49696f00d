// What an instance was made from, as a short hash: a Pod of another revision is to be replaced.
//
// Hashed is what the user wrote (fields at their default left out) and what the platform asks for,
// never the rendering: so a new version of the operator, with new defaults or a new way to say the
// same, restarts no pet.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

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
    "schedulerName",
    "serviceAccountName",
    "terminationGracePeriodSeconds",
    "dnsPolicy",
    "dnsConfig",
    "hostAliases",
    "setHostnameAsFQDN",
};

// Of these a revision keeps all but what concerns no Pod.
constexpr std::array kPartFields = {"readiness", "platform"};
constexpr std::array kLeftOut = {"selfHealing", "cgroups", "userNamespace"};

// In a ControllerRevision's data: the fields that revision_data() has in another form, as written.
constexpr const char* kAsWritten = "asWritten";

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
  for (const char* part : kPartFields) {
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

Json as_written(const api::Workload& workload) {
  const Json spec = api::to_json(workload.spec);
  Json written = Json::object();
  keep(written, spec, "resources");
  keep(written, spec, "ports");
  keep(written, spec.value("storage", Json::object()), "claims");
  return written;
}

// As `former` has it, be it that it has none.
void put_back(Json& spec, const Json& former, const char* field) {
  spec.erase(field);
  keep(spec, former, field);
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
  result["data"][kAsWritten] = as_written(workload);
  result["metadata"]["labels"][std::string(api::kLabelRevision)] = hash;
  return result;
}

std::optional<api::Workload> former_workload(const api::Workload& workload, const Json& data) {
  // Whoever may write ControllerRevisions may write anything.
  if (!data.is_object() || !data.contains(kAsWritten) || !data[kAsWritten].is_object()) {
    return std::nullopt;
  }
  const Json& written = data[kAsWritten];
  Json spec = api::to_json(workload.spec);
  for (const char* field : kWholeFields) {
    put_back(spec, data, field);
  }
  for (const char* field : kPartFields) {
    const Json now = spec.value(field, Json::object());
    put_back(spec, data, field);
    if (spec.contains(field) && !spec[field].is_object()) {
      return std::nullopt;
    }
    for (const char* part : kLeftOut) {
      if (now.contains(part)) {
        spec[field][part] = now[part];
      }
    }
  }
  put_back(spec, written, "ports");
  Json storage = spec.value("storage", Json::object());
  put_back(storage, written, "claims");
  spec["storage"] = std::move(storage);
  // Amounts that may change in a running Pod are those of today.
  if (resources_shape(workload.spec.resources) != data.value("resources", Json::object())) {
    put_back(spec, written, "resources");
  }
  auto parsed = api::parse_spec(spec);
  if (!std::holds_alternative<api::Spec>(parsed)) {
    return std::nullopt;
  }
  api::Workload former = workload;
  former.spec = std::get<api::Spec>(std::move(parsed));
  const std::string restarted(api::kAnnotationRestartedAt);
  former.annotations.erase(restarted);
  if (data.contains("restartedAt") && data["restartedAt"].is_string()) {
    former.annotations[restarted] = data["restartedAt"];
  }
  return former;
}

}  // namespace swo::render
