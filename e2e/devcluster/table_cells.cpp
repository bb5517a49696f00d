#include "devcluster/table_cells.hpp"

#include <map>
#include <stdexcept>

#include "devcluster/data.hpp"
#include "devcluster/jsonpath.hpp"
#include "devcluster/lower.hpp"
#include "devcluster/times.hpp"

namespace devcluster {
namespace {

using Now = std::chrono::system_clock::time_point;

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

// The first value of a path; `none` when there is none.
Cell first(const std::string& path, const Json& none) {
  return [=](const Json& object, Now) {
    const auto found = json_path(object, path);
    return found.empty() ? none : *found.front();
  };
}

// The values of a path, joined by commas; `none` when there are none, `empty` for empty ones.
Cell text(const std::string& path, const Json& none, const Json& empty) {
  return [=](const Json& object, Now) {
    const auto found = json_path(object, path);
    if (found.empty() || (found.size() == 1 && found.front()->is_null())) return none;
    std::string out;
    for (const Json* value : found) out += (out.empty() ? "" : ",") + text_of(*value);
    return out.empty() ? empty : Json(out);
  };
}

Cell size_of(const std::string& path) {
  return [=](const Json& object, Now) -> Json {
    const auto found = json_path(object, path);
    return found.empty() ? std::size_t{0} : found.front()->size();
  };
}

Json age_of(const Json& time, Now now) {
  const auto then = time.is_string() ? parse_rfc3339(time.get<std::string>()) : std::nullopt;
  if (!then) return "<unknown>";
  return human_duration(std::chrono::duration_cast<std::chrono::seconds>(now - *then));
}

Cell age(const std::string& path) {
  return [=](const Json& object, Now now) -> Json {
    const auto found = json_path(object, path);
    return age_of(found.empty() ? Json() : *found.front(), now);
  };
}

Json ready_ratio(const Json& workload, Now) {
  return text_of(workload.value("/status/readyReplicas"_json_pointer, Json(0))) + "/" +
         text_of(workload.value("/spec/replicas"_json_pointer, Json(0)));
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

Json service_selector(const Json& service, Now) {
  std::string out;
  const Json labels = service.value("/spec/selector"_json_pointer, Json::object());
  for (const auto& [key, value] : labels.items()) {
    out += (out.empty() ? "" : ",") + key + "=" + text_of(value);
  }
  return out.empty() ? "<none>" : out;
}

Json ingress_ports(const Json& ingress, Now) {
  return ingress.contains("/spec/tls"_json_pointer) ? "80, 443" : "80";
}

Json role_reference(const Json& binding, Now) {
  const Json role = binding.value("roleRef", Json::object());
  return role.value("kind", "") + "/" + role.value("name", "");
}

Cell cell_of(const Json& column) {
  static const std::map<std::string, Cell> computed = {{"event_message", event_message},
                                                       {"event_object", event_object},
                                                       {"event_seen", event_seen},
                                                       {"ingress_ports", ingress_ports},
                                                       {"node_roles", node_roles},
                                                       {"node_status", node_status},
                                                       {"pod_ready", pod_ready},
                                                       {"pod_restarts", pod_restarts},
                                                       {"pod_status", pod_status},
                                                       {"ready_ratio", ready_ratio},
                                                       {"role_reference", role_reference},
                                                       {"service_ports", service_ports},
                                                       {"service_selector", service_selector}};
  const std::string kind = column.value("cell", "text");
  if (const auto found = computed.find(kind); found != computed.end()) return found->second;
  const std::string path = column.at("path");
  const std::string none = column.value("none", "<none>");
  if (kind == "text") return text(path, none, none);
  if (kind == "number") return first(path, 0);
  if (kind == "size") return size_of(path);
  if (kind == "age") return age(path);
  throw std::logic_error(kind + " is no kind of cell");
}

}  // namespace

PrinterColumn name_column() {
  return {"Name", "string",
          "name", "Name must be unique within a namespace. Is required when creating resources.",
          0,      first(".metadata.name", nullptr)};
}

PrinterColumn age_column() {
  return {"Age", "date", "", "", 0, age(".metadata.creationTimestamp")};
}

PrinterColumn custom_column(const Json& column) {
  const std::string type = column.value("type", "string"), path = column.value("jsonPath", "");
  return {column.value("name", ""),
          type,
          column.value("format", ""),
          column.value("description", ""),
          column.value("priority", 0),
          type == "date"     ? age(path)
          : type == "string" ? text(path, nullptr, "")
                             : first(path, nullptr)};
}

PrinterColumn built_in_column(const Json& column) {
  check_keys(column, {{"name"}, {"type", "format", "priority", "path", "none", "cell"}});
  return {column.at("name"),           column.value("type", "string"),
          column.value("format", ""),  "",
          column.value("priority", 0), cell_of(column)};
}

}  // namespace devcluster
