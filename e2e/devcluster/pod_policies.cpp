#include <algorithm>
#include <set>
#include <vector>

#include "devcluster/admission.hpp"
#include "devcluster/objects.hpp"

namespace devcluster {
namespace {

using Reason = std::optional<std::string>;

Reason named_class(World& world, const Json& pod, const char* field, const char* collection,
                   const std::string& before, const std::string& after) {
  const auto name = pod.at("spec").value(field, "");
  if (name.empty() || world.api.get(collection, name)) return std::nullopt;
  return before + name + after;
}

Reason limit_range(World& world, const std::string& ns, const Json& pod) {
  const auto& container = container_of(pod);
  const Json limits = container.value("/resources/limits"_json_pointer, Json::object());
  for (const auto& range : world.api.list(within("/api/v1/limitranges", ns))) {
    for (const auto& limit : range.value("/spec/limits"_json_pointer, Json::array())) {
      if (limit.value("type", "") != "Container") continue;
      const Json most = limit.value("max", Json::object());
      for (const auto& [resource, max] : most.items()) {
        const auto asked = limits.value(resource, "");
        if (asked.empty()) {
          return "maximum " + resource + " usage per Container is " + max.get<std::string>() +
                 ".  No limit is specified";
        }
        if (milli_of(asked) > milli_of(max.get<std::string>())) {
          return "maximum " + resource + " usage per Container is " + max.get<std::string>() +
                 ", but limit is " + asked;
        }
      }
    }
  }
  return std::nullopt;
}

// What is beyond `baseline` of the capabilities that the container adds.
std::string beyond_baseline(const Json& pod) {
  static const std::set<std::string> allowed = {
      "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",      "MKNOD",
      "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT"};
  const auto added = container_of(pod).value("/securityContext/capabilities/add"_json_pointer,
                                             std::vector<std::string>{});
  const auto found = std::find_if(added.begin(), added.end(),
                                  [](const auto& one) { return allowed.count(one) == 0; });
  return found == added.end() ? "" : *found;
}

Reason pod_security(World& world, const std::string& ns, const Json& pod) {
  const auto object = world.api.get("/api/v1/namespaces", ns);
  const Json labels =
      object ? object->at("metadata").value("labels", Json::object()) : Json::object();
  const auto level = labels.value("pod-security.kubernetes.io/enforce", "privileged");
  const auto name = "\"" + container_of(pod).value("name", "") + "\"";
  if (const auto capability = beyond_baseline(pod); level == "baseline" && !capability.empty()) {
    return "violates PodSecurity \"baseline:latest\": non-default capabilities (container " + name +
           " must not include \"" + capability + "\" in securityContext.capabilities.add)";
  }
  if (level != "restricted") return std::nullopt;
  const auto context = container_of(pod).value("securityContext", Json::object());
  if (!context.value("allowPrivilegeEscalation", true) && context.value("runAsNonRoot", false)) {
    return std::nullopt;
  }
  return "violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false "
         "(container " +
         name +
         " must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true "
         "(pod or container " +
         name + " must set securityContext.runAsNonRoot=true)";
}

Reason quota(World& world, const std::string& ns, const Json& pod) {
  for (const auto& one : world.api.list(within("/api/v1/resourcequotas", ns))) {
    const auto name = name_of(one);
    const Json hard = one.value("/spec/hard"_json_pointer, Json::object());
    if (hard.contains("pods")) {
      const auto pods = world.api.list(pods_path(ns));
      const auto used = std::count_if(pods.begin(), pods.end(),
                                      [](const Json& live) { return !has_ended(live); });
      const std::string most = hard["pods"];
      if (used >= milli_of(most) / 1000) {
        return "exceeded quota: " + name +
               ", requested: pods=1, used: pods=" + std::to_string(used) +
               ", limited: pods=" + most;
      }
    }
    for (const std::string resource : {"cpu", "memory"}) {
      const Json requests =
          container_of(pod).value("/resources/requests"_json_pointer, Json::object());
      if (hard.contains("requests." + resource) && !requests.contains(resource)) {
        return "failed quota: " + name + ": must specify requests." + resource +
               " for: " + container_of(pod).value("name", "");
      }
    }
  }
  return std::nullopt;
}

}  // namespace

Reason judge_pod(World& world, const std::string& ns, const Json& pod) {
  if (auto why = limit_range(world, ns, pod)) return why;
  if (auto why = pod_security(world, ns, pod)) return why;
  if (auto why =
          named_class(world, pod, "priorityClassName", "/apis/scheduling.k8s.io/v1/priorityclasses",
                      "no PriorityClass with name ", " was found")) {
    return why;
  }
  if (auto why = named_class(world, pod, "runtimeClassName", "/apis/node.k8s.io/v1/runtimeclasses",
                             "pod rejected: RuntimeClass \"", "\" not found")) {
    return why;
  }
  return quota(world, ns, pod);
}

}  // namespace devcluster
