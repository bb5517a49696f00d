#include "devcluster/table_cells.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "devcluster/jsonpath.hpp"
#include "devcluster/lower.hpp"
#include "devcluster/times.hpp"

namespace devcluster {
namespace {

using Now = std::chrono::system_clock::time_point;
using Cell = std::function<Json(const Json&, Now)>;
struct Column {
  const char* name;
  Cell cell;
  int priority = 0;
  const char* type = "string";
};

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

// The values of a path, joined by commas; `none` when there is nothing.
Cell path(const char* where, const char* none = "<none>") {
  return [where, none](const Json& object, Now) -> Json {
    std::string out;
    for (const Json* value : json_path(object, where)) {
      out += (out.empty() ? "" : ",") + text_of(*value);
    }
    return out.empty() ? Json(none) : Json(out);
  };
}

Cell number(const char* where) {
  return [where](const Json& object, Now) -> Json {
    const auto found = json_path(object, where);
    return found.empty() ? Json(0) : *found.front();
  };
}

Json age_of(const Json& time, Now now) {
  const auto then = time.is_string() ? parse_rfc3339(time.get<std::string>()) : std::nullopt;
  if (!then) return "<unknown>";
  return human_duration(std::chrono::duration_cast<std::chrono::seconds>(now - *then));
}

Cell age(const char* where = ".metadata.creationTimestamp") {
  return [where](const Json& object, Now now) -> Json {
    const auto found = json_path(object, where);
    return age_of(found.empty() ? Json() : *found.front(), now);
  };
}

Cell size_of(const char* where) {
  return [where](const Json& object, Now) -> Json {
    const auto found = json_path(object, where);
    return found.empty() ? std::size_t{0} : found.front()->size();
  };
}

Cell ratio(const char* ready, const char* wanted) {
  return [=](const Json& object, Now now) -> Json {
    return text_of(number(ready)(object, now)) + "/" + text_of(number(wanted)(object, now));
  };
}

Json container_statuses(const Json& pod) {
  return pod.value("/status/containerStatuses"_json_pointer, Json::array());
}

Json pod_ready(const Json& pod, Now) {
  std::size_t ready = 0;
  for (const Json& c : container_statuses(pod)) ready += c.value("ready", false) ? 1 : 0;
  return std::to_string(ready) + "/" +
         std::to_string(pod.value("/spec/containers"_json_pointer, Json::array()).size());
}

// printPod: the reason of what is waiting or has ended stands before the phase.
Json pod_status(const Json& pod, Now) {
  const Json status = pod.value("status", Json::object());
  std::string reason = status.value("reason", status.value("phase", "Unknown"));
  for (const Json& c : container_statuses(pod)) {
    const Json state = c.value("state", Json::object());
    if (state.contains("waiting") && !state["waiting"].value("reason", "").empty()) {
      reason = state["waiting"]["reason"];
    } else if (state.contains("terminated")) {
      const std::string why = state["terminated"].value("reason", "");
      reason = why.empty() ? "ExitCode:" + std::to_string(state["terminated"].value("exitCode", 0))
                           : why;
    }
  }
  return pod["metadata"].contains("deletionTimestamp") ? Json("Terminating") : Json(reason);
}

Json pod_restarts(const Json& pod, Now) {
  int count = 0;
  for (const Json& c : container_statuses(pod)) count += c.value("restartCount", 0);
  return std::to_string(count);
}

Json service_ports(const Json& service, Now) {
  std::string out;
  for (const Json& p : service.value("/spec/ports"_json_pointer, Json::array())) {
    out += (out.empty() ? "" : ",") + text_of(p.value("port", Json()));
    if (p.contains("nodePort")) out += ":" + text_of(p["nodePort"]);
    out += "/" + p.value("protocol", "TCP");
  }
  return out.empty() ? "<none>" : out;
}

Json node_status(const Json& node, Now) {
  std::string out = "Unknown";
  for (const Json& c : node.value("/status/conditions"_json_pointer, Json::array())) {
    if (c.value("type", "") == "Ready")
      out = c.value("status", "") == "True" ? "Ready" : "NotReady";
  }
  if (node.value("/spec/unschedulable"_json_pointer, false)) out += ",SchedulingDisabled";
  return out;
}

Json node_roles(const Json& node, Now) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::string out;
  const Json labels = node.value("/metadata/labels"_json_pointer, Json::object());
  for (const auto& [key, value] : labels.items()) {
    if (key.rfind(kPrefix, 0) == 0) out += (out.empty() ? "" : ",") + key.substr(kPrefix.size());
  }
  return out.empty() ? "<none>" : out;
}

Json event_object(const Json& event, Now) {
  const Json about =
      event.value(event.contains("regarding") ? "regarding" : "involvedObject", Json::object());
  return lower(about.value("kind", "")) + "/" + about.value("name", "");
}

Json event_seen(const Json& event, Now now) {
  for (const char* where :
       {".series.lastObservedTime", ".lastTimestamp", ".deprecatedLastTimestamp", ".eventTime",
        ".metadata.creationTimestamp"}) {
    const auto found = json_path(event, where);
    if (!found.empty() && found.front()->is_string()) return age_of(*found.front(), now);
  }
  return "<unknown>";
}

Json event_message(const Json& event, Now) {
  return event.value("note", event.value("message", ""));
}

Cell condition(const char* type) {
  return [type](const Json& object, Now) -> Json {
    for (const Json& c : object.value("/status/conditions"_json_pointer, Json::array())) {
      if (c.value("type", "") == type) return c.value("status", "Unknown");
    }
    return "";
  };
}

const std::map<std::string, std::vector<Column>>& tables() {
  static const Column kAge = {"Age", age()};
  static const std::map<std::string, std::vector<Column>> all = {
      {"pods",
       {{"Ready", pod_ready},
        {"Status", pod_status},
        {"Restarts", pod_restarts},
        kAge,
        {"IP", path(".status.podIP"), 1},
        {"Node", path(".spec.nodeName"), 1},
        {"Nominated Node", path(".status.nominatedNodeName"), 1},
        {"Readiness Gates", [](const Json&, Now) { return Json("<none>"); }, 1}}},
      {"services",
       {{"Type", path(".spec.type")},
        {"Cluster-IP", path(".spec.clusterIP")},
        {"External-IP", path(".status.loadBalancer.ingress[*].ip")},
        {"Port(s)", service_ports},
        kAge,
        {"Selector",
         [](const Json& s, Now) -> Json {
           std::string out;
           const Json labels = s.value("/spec/selector"_json_pointer, Json::object());
           for (const auto& [k, v] : labels.items()) {
             out += (out.empty() ? "" : ",") + k + "=" + text_of(v);
           }
           return out.empty() ? "<none>" : out;
         },
         1}}},
      {"nodes",
       {{"Status", node_status},
        {"Roles", node_roles},
        kAge,
        {"Version", path(".status.nodeInfo.kubeletVersion")},
        {"Internal-IP", path(R"(.status.addresses[?(@.type=="InternalIP")].address)"), 1},
        {"External-IP", path(R"(.status.addresses[?(@.type=="ExternalIP")].address)"), 1},
        {"OS-Image", path(".status.nodeInfo.osImage", "<unknown>"), 1},
        {"Kernel-Version", path(".status.nodeInfo.kernelVersion", "<unknown>"), 1},
        {"Container-Runtime", path(".status.nodeInfo.containerRuntimeVersion", "<unknown>"), 1}}},
      {"namespaces", {{"Status", path(".status.phase", "Active")}, kAge}},
      {"configmaps", {{"Data", size_of(".data")}, kAge}},
      {"secrets", {{"Type", path(".type")}, {"Data", size_of(".data")}, kAge}},
      {"serviceaccounts", {{"Secrets", size_of(".secrets")}, kAge}},
      {"endpoints", {{"Endpoints", path(".subsets[*].addresses[*].ip")}, kAge}},
      {"endpointslices.discovery.k8s.io",
       {{"AddressType", path(".addressType")},
        {"Ports", path(".ports[*].port")},
        {"Endpoints", path(".endpoints[*].addresses[0]")},
        kAge}},
      {"persistentvolumeclaims",
       {{"Status", path(".status.phase", "")},
        {"Volume", path(".spec.volumeName", "")},
        {"Capacity", path(".status.capacity.storage", "")},
        {"Access Modes", path(".spec.accessModes[*]", "")},
        {"StorageClass", path(".spec.storageClassName", "")},
        kAge}},
      {"deployments.apps",
       {{"Ready", ratio(".status.readyReplicas", ".spec.replicas")},
        {"Up-to-date", number(".status.updatedReplicas"), 0, "integer"},
        {"Available", number(".status.availableReplicas"), 0, "integer"},
        kAge,
        {"Containers", path(".spec.template.spec.containers[*].name"), 1},
        {"Images", path(".spec.template.spec.containers[*].image"), 1}}},
      {"replicasets.apps",
       {{"Desired", number(".spec.replicas"), 0, "integer"},
        {"Current", number(".status.replicas"), 0, "integer"},
        {"Ready", number(".status.readyReplicas"), 0, "integer"},
        kAge}},
      {"statefulsets.apps", {{"Ready", ratio(".status.readyReplicas", ".spec.replicas")}, kAge}},
      {"poddisruptionbudgets.policy",
       {{"Min Available", path(".spec.minAvailable", "N/A")},
        {"Max Unavailable", path(".spec.maxUnavailable", "N/A")},
        {"Allowed Disruptions", number(".status.disruptionsAllowed"), 0, "integer"},
        kAge}},
      {"leases.coordination.k8s.io", {{"Holder", path(".spec.holderIdentity", "")}, kAge}},
      {"runtimeclasses.node.k8s.io", {{"Handler", path(".handler", "")}, kAge}},
      {"storageclasses.storage.k8s.io", {{"Provisioner", path(".provisioner", "")}, kAge}},
      {"priorityclasses.scheduling.k8s.io", {{"Value", number(".value"), 0, "integer"}, kAge}},
      {"ingresses.networking.k8s.io",
       {{"Class", path(".spec.ingressClassName")},
        {"Hosts", path(".spec.rules[*].host", "*")},
        {"Address", path(".status.loadBalancer.ingress[*].ip", "")},
        {"Ports",
         [](const Json& i, Now) {
           return Json(i.value("spec", Json::object()).contains("tls") ? "80, 443" : "80");
         }},
        kAge}},
      {"customresourcedefinitions.apiextensions.k8s.io",
       {{"Created At", path(".metadata.creationTimestamp"), 0, "date"}}},
      {"roles.rbac.authorization.k8s.io",
       {{"Created At", path(".metadata.creationTimestamp"), 0, "date"}}},
      {"clusterroles.rbac.authorization.k8s.io",
       {{"Created At", path(".metadata.creationTimestamp"), 0, "date"}}},
      {"rolebindings.rbac.authorization.k8s.io",
       {{"Role",
         [](const Json& b, Now) -> Json {
           const Json role = b.value("roleRef", Json::object());
           return role.value("kind", "") + "/" + role.value("name", "");
         }},
        kAge}},
      {"clusterrolebindings.rbac.authorization.k8s.io",
       {{"Role",
         [](const Json& b, Now) -> Json {
           const Json role = b.value("roleRef", Json::object());
           return role.value("kind", "") + "/" + role.value("name", "");
         }},
        kAge}},
      {"events",
       {{"Last Seen", event_seen},
        {"Type", path(".type")},
        {"Reason", path(".reason")},
        {"Object", event_object},
        {"Subobject", path(".involvedObject.fieldPath", ""), 1},
        {"Source", path(".source.component", ""), 1},
        {"Message", event_message},
        {"First Seen", age(".firstTimestamp"), 1},
        {"Count", number(".count"), 1},
        {"Name", path(".metadata.name"), 1}}},
      {"events.events.k8s.io",
       {{"Last Seen", event_seen},
        {"Type", path(".type")},
        {"Reason", path(".reason")},
        {"Object", event_object},
        {"Message", event_message}}},
      {"routes.route.openshift.io",
       {{"Host/Port", path(".status.ingress[*].host", "")},
        {"Path", path(".spec.path", "")},
        {"Services", path(".spec.to.name")},
        {"Port", path(".spec.port.targetPort")},
        {"Termination", path(".spec.tls.termination", "")},
        {"Wildcard", path(".spec.wildcardPolicy", "None")}}},
      {"machineconfigs.machineconfiguration.openshift.io",
       {{"GeneratedByController",
         path(
             R"(.metadata.annotations.machineconfiguration\.openshift\.io/generated-by-controller-version)",
             "")},
        {"IgnitionVersion", path(".spec.config.ignition.version", "")},
        kAge}},
      {"machineconfigpools.machineconfiguration.openshift.io",
       {{"Config", path(".status.configuration.name", "")},
        {"Updated", condition("Updated")},
        {"Updating", condition("Updating")},
        {"Degraded", condition("Degraded")},
        {"MachineCount", number(".status.machineCount"), 0, "number"},
        {"ReadyMachineCount", number(".status.readyMachineCount"), 0, "number"},
        {"UpdatedMachineCount", number(".status.updatedMachineCount"), 0, "number"},
        {"DegradedMachineCount", number(".status.degradedMachineCount"), 0, "number"},
        kAge}},
      {"securitycontextconstraints.security.openshift.io",
       {{"Priv", path(".allowPrivilegedContainer", "false")},
        {"Caps", path(".allowedCapabilities")},
        {"SELinux", path(".seLinuxContext.type", "")},
        {"RunAsUser", path(".runAsUser.type", "")},
        {"FSGroup", path(".fsGroup.type", "")},
        {"SupGroup", path(".supplementalGroups.type", "")},
        {"Priority", path(".priority")},
        {"Volumes", path(".volumes[*]")}}},
  };
  return all;
}

bool names_itself(const std::string& qualified) { return qualified.rfind("events", 0) != 0; }

}  // namespace

bool has_built_in_columns(const ResourceType& type) {
  return !type.custom && tables().count(type.subject().qualified()) > 0;
}

std::vector<PrinterColumn> built_in_columns(const ResourceType& type) {
  const std::string qualified = type.subject().qualified();
  std::vector<PrinterColumn> out;
  if (names_itself(qualified)) out.push_back({"Name", "string", "name", "", "", 0});
  for (const Column& c : tables().at(qualified))
    out.push_back({c.name, c.type, "", "", "", c.priority});
  return out;
}

Json built_in_cells(const ResourceType& type, const Json& object, Now now) {
  const std::string qualified = type.subject().qualified();
  Json cells = Json::array();
  if (names_itself(qualified)) cells.push_back(object["metadata"]["name"]);
  for (const Column& c : tables().at(qualified)) cells.push_back(c.cell(object, now));
  return cells;
}

}  // namespace devcluster
