#include "devcluster/builtin.hpp"

#include <algorithm>
#include <set>

#include "devcluster/objects.hpp"
#include "devcluster/schema.hpp"

namespace devcluster {
namespace {

constexpr const char* kSubdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr const char* kLabelRule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr std::size_t kLongestSubdomain = 253;
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kAnnotationBytes =
    256UL * 1024;  // apimachinery validation TotalAnnotationSizeLimitB

// Lower-case letters and digits, with dashes between them.
bool is_word(std::string_view text) {
  const auto ok = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && ok(text.front()) && ok(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return ok(c) || c == '-'; });
}

void fill(Json& object, const char* name, Json value) {
  if (!object.contains(name) || object[name].is_null()) object[name] = std::move(value);
}

Json& object_at(Json& in, const char* name) {
  Json& out = in[name];
  if (!out.is_object()) out = Json::object();
  return out;
}

void each(Json& in, const char* list, const std::function<void(Json&)>& visit) {
  const auto found = in.find(list);
  if (found == in.end()) return;
  for (Json& item : *found) visit(item);
}

std::string pull_policy(const std::string& image) {
  const std::size_t slash = image.rfind('/');
  const std::string last = slash == std::string::npos ? image : image.substr(slash + 1);
  const bool digest = image.find('@') != std::string::npos;
  const std::size_t colon = last.find(':');
  const bool latest = colon == std::string::npos || last.substr(colon + 1) == "latest";
  return latest && !digest ? "Always" : "IfNotPresent";
}

void default_container(Json& container) {
  if (container.contains("image"))
    fill(container, "imagePullPolicy", pull_policy(container["image"]));
  // Requests follow limits.
  Json& resources = container["resources"];
  if (resources.contains("limits")) {
    Json& requests = object_at(resources, "requests");
    for (const auto& [name, value] : resources["limits"].items())
      fill(requests, name.c_str(), value);
  }
}

void default_pod_spec(Json& spec) {
  each(spec, "containers", default_container);
  each(spec, "initContainers", default_container);
}

Json unless(const std::string& condition) {
  return {{"key", "node.kubernetes.io/" + condition},
          {"operator", "Exists"},
          {"effect", "NoExecute"},
          {"tolerationSeconds", 300}};
}

void default_pod(Json& pod) {
  Json& spec = object_at(pod, "spec");
  default_pod_spec(spec);
  // Of a Pod, not of its template: SetDefaults_Pod, the Priority and the DefaultTolerationSeconds
  // admission plugins.
  fill(spec, "enableServiceLinks", true);
  fill(spec, "preemptionPolicy", "PreemptLowerPriority");
  fill(spec, "priority", 0);
  fill(spec, "tolerations", Json::array({unless("not-ready"), unless("unreachable")}));
  // The ServiceAccount admission plugin.
  fill(spec, "serviceAccountName", spec.value("serviceAccount", "default"));
  spec["serviceAccount"] = spec["serviceAccountName"];
  fill(object_at(pod, "status"), "qosClass", qos_class(spec));
}

void default_service(Json& service, const std::function<std::string()>& allocate_ip) {
  Json& spec = object_at(service, "spec");
  each(spec, "ports", [](Json& port) {
    if (port.contains("port")) fill(port, "targetPort", port["port"]);
  });
  if (spec["type"] == "ExternalName") return;
  fill(spec, "internalTrafficPolicy", "Cluster");
  fill(spec, "ipFamilies", {"IPv4"});
  fill(spec, "ipFamilyPolicy", "SingleStack");
  if (spec.value("clusterIP", "").empty()) spec["clusterIP"] = allocate_ip();
  fill(spec, "clusterIPs", Json::array({spec["clusterIP"]}));
}

void check_port(const Json& value, const std::string& path, std::vector<Cause>& causes) {
  if (value < 1 || value > 65535) {
    causes.push_back(invalid_value(path, value, "must be between 1 and 65535, inclusive"));
  }
}

// The names of a list's items: DNS labels, each once.
void check_names(const Json& list, const std::string& path, bool needed,
                 std::vector<Cause>& causes) {
  std::set<std::string> names;
  std::size_t i = 0;
  for (const Json& item : list) {
    const std::string at = path + "[" + std::to_string(i++) + "].name";
    const std::string name = item.value("name", "");
    if (name.empty()) {
      if (needed) causes.push_back(required(at));
    } else if (!is_dns_label(name)) {
      causes.push_back(invalid_value(at, name, kLabelRule));
    } else if (!names.insert(name).second) {
      causes.push_back(duplicate(at, name));
    }
  }
}

void check_containers(const Json& list, const std::string& path, std::vector<Cause>& causes) {
  check_names(list, path, true, causes);
  std::size_t i = 0;
  for (const Json& container : list) {
    const std::string at = path + "[" + std::to_string(i++) + "]";
    if (container.value("image", "").empty()) causes.push_back(required(at + ".image"));
    std::size_t p = 0;
    for (const Json& port : container.value("ports", Json::array())) {
      const std::string port_path = at + ".ports[" + std::to_string(p++) + "].containerPort";
      if (!port.contains("containerPort")) {
        causes.push_back(required(port_path));
      } else {
        check_port(port["containerPort"], port_path, causes);
      }
    }
  }
}

void check_volume_mounts(const Json& spec, std::vector<Cause>& causes) {
  std::set<std::string> volumes;
  for (const Json& v : spec.value("volumes", Json::array())) volumes.insert(v.value("name", ""));
  std::size_t c = 0;
  for (const Json& container : spec.value("containers", Json::array())) {
    const std::string at = "spec.containers[" + std::to_string(c++) + "].volumeMounts[";
    std::size_t m = 0;
    for (const Json& mount : container.value("volumeMounts", Json::array())) {
      const std::string path = at + std::to_string(m++) + "].name";
      const std::string name = mount.value("name", "");
      if (volumes.count(name) > 0) continue;
      causes.push_back({"FieldValueNotFound", "Not found: " + Json(name).dump(), path});
    }
  }
}

// What an update may change: ValidatePodUpdate.
Json without_mutable_parts(Json spec) {
  for (const char* name : {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds",
                           "schedulingGates", "nodeName", "ephemeralContainers"}) {
    spec.erase(name);
  }
  for (const char* list : {"containers", "initContainers"}) {
    each(spec, list, [](Json& container) { container.erase("image"); });
  }
  return spec;
}

void check_pod(const Json& pod, const Json* old, std::vector<Cause>& causes) {
  const Json spec = pod.value("spec", Json::object());
  const Json containers = spec.value("containers", Json());
  if (!containers.is_array() || containers.empty()) {
    causes.push_back(required("spec.containers"));
  } else {
    check_containers(containers, "spec.containers", causes);
    check_volume_mounts(spec, causes);
  }
  if (!spec.value("hostUsers", true)) {
    for (const char* name : {"hostNetwork", "hostPID", "hostIPC"}) {
      if (!spec.value(name, false)) continue;
      causes.push_back(
          forbidden_field(std::string("spec.") + name, "when `pod.Spec.HostUsers` is false"));
    }
  }
  if (old == nullptr) return;
  if (without_mutable_parts(spec) != without_mutable_parts(old->value("spec", Json::object()))) {
    causes.push_back(
        forbidden_field("spec",
                        "pod updates may not change fields other than `spec.containers[*].image`,"
                        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
                        "`spec.tolerations` (only additions to existing tolerations),"
                        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
                        "previously negative)"));
  }
}

void check_service(const Json& service, const Json* old, std::vector<Cause>& causes) {
  const Json spec = service.value("spec", Json::object());
  const Json ports = spec.value("ports", Json::array());
  const std::string type = spec.value("type", "");
  if (ports.empty() && spec.value("clusterIP", "") != "None" && type != "ExternalName") {
    causes.push_back(required("spec.ports"));
  }
  check_names(ports, "spec.ports", ports.size() > 1, causes);
  std::size_t i = 0;
  for (const Json& port : ports) {
    check_port(port.value("port", Json(0)), "spec.ports[" + std::to_string(i++) + "].port", causes);
  }
  if (old == nullptr) return;
  const std::string before = old->value("/spec/clusterIP"_json_pointer, "");
  if (!before.empty() && before != spec.value("clusterIP", "") && type != "ExternalName") {
    causes.push_back(invalid_value("spec.clusterIPs[0]", Json::array({spec.value("clusterIP", "")}),
                                   "may not change once set"));
  }
}

// ValidatePersistentVolumeClaimUpdate: a volume's name once, a class where there was none, and
// another size of what is bound.
void check_claim(const Json& claim, const Json* old, std::vector<Cause>& causes) {
  if (old == nullptr) return;
  const auto storage = "/resources/requests/storage"_json_pointer;
  Json now = claim["spec"];
  Json before = (*old)["spec"];
  const std::int64_t size = milli_of(now.value(storage, "")),
                     old_size = milli_of(before.value(storage, ""));
  for (const char* once : {"volumeName", "storageClassName"}) {
    if (!before.contains(once) && now.contains(once)) before[once] = now[once];
  }
  if (old->value("/status/phase"_json_pointer, "") == "Bound")
    before[storage] = now.value(storage, Json());
  if (now != before) {
    causes.push_back(forbidden_field(
        "spec", "spec is immutable after creation except resources.requests for bound claims"));
  }
  const auto capacity = old->value("/status/capacity/storage"_json_pointer, "");
  if (size < old_size && size <= milli_of(capacity)) {
    causes.push_back(forbidden_field("spec.resources.requests.storage",
                                     "field can not be less than status.capacity"));
  }
}

}  // namespace

std::string qos_class(const Json& spec) {
  bool any = false, guaranteed = true;
  for (const Json& c : spec.value("containers", Json::array())) {
    const Json r = c.value("resources", Json::object());
    const Json limits = r.value("limits", Json::object());
    any = any || !limits.empty() || !r.value("requests", Json::object()).empty();
    guaranteed = guaranteed && limits.contains("cpu") && limits.contains("memory") &&
                 limits == r.value("requests", Json::object());
  }
  return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

bool is_dns_label(const std::string& text) { return text.size() <= kLongestLabel && is_word(text); }

bool is_dns_subdomain(const std::string& text) {
  if (text.size() > kLongestSubdomain) return false;
  for (std::size_t start = 0, dot = 0; dot != std::string::npos; start = dot + 1) {
    dot = text.find('.', start);
    if (!is_word(std::string_view(text).substr(start, dot - start))) return false;
  }
  return true;
}

std::vector<Cause> validate_metadata(const ResourceType& type, const Json& metadata) {
  std::vector<Cause> causes;
  const std::string name = metadata.value("name", "");
  if (type.names == ResourceType::Names::kPath) {
    // Path segment names: colons and capitals are fine, what a URL would trip over is not.
    if (name == "." || name == ".." || name.find_first_of("/%") != std::string::npos) {
      causes.push_back(invalid_value("metadata.name", name, "may not contain '/' or '%'"));
    }
  } else if (type.names == ResourceType::Names::kLabel) {
    if (!is_dns_label(name)) causes.push_back(invalid_value("metadata.name", name, kLabelRule));
  } else if (!is_dns_subdomain(name)) {
    causes.push_back(invalid_value("metadata.name", name, kSubdomainRule));
  }
  const Json labels = metadata.value("labels", Json::object());
  for (const Json& text : labels) {
    if (text.get_ref<const std::string&>().size() <= kLongestLabel) continue;
    causes.push_back(invalid_value("metadata.labels", text, "must be no more than 63 characters"));
  }
  std::size_t annotation_bytes = 0;
  const Json annotations = metadata.value("annotations", Json::object());
  for (const auto& [key, value] : annotations.items()) {
    annotation_bytes += key.size() + value.get_ref<const std::string&>().size();
  }
  if (annotation_bytes > kAnnotationBytes) {
    causes.push_back({"FieldValueTooLong", "Too long: may not be more than 262144 bytes",
                      "metadata.annotations"});
  }
  std::size_t controllers = 0, i = 0;
  for (const Json& owner : metadata.value("ownerReferences", Json::array())) {
    const std::string at = "metadata.ownerReferences[" + std::to_string(i++) + "].";
    for (const char* field : {"apiVersion", "kind", "name", "uid"}) {
      if (owner.value(field, "").empty()) {
        causes.push_back(invalid_value(at + field, "", std::string(field) + " must not be empty"));
      }
    }
    controllers += owner.value("controller", false) ? 1 : 0;
  }
  if (controllers > 1) {
    causes.push_back(invalid_value("metadata.ownerReferences", nullptr,
                                   "Only one reference can have Controller set to true."));
  }
  return causes;
}

void default_built_in(const ResourceType& type, Json& object,
                      const std::function<std::string()>& allocate_ip) {
  const std::string& plural = type.plural;
  if (type.group.empty() && plural == "pods") default_pod(object);
  if (type.group.empty() && plural == "services") default_service(object, allocate_ip);
  if (type.group == "apps") {
    const auto template_spec = "/spec/template/spec"_json_pointer;
    if (object.contains(template_spec)) default_pod_spec(object[template_spec]);
  }
  if (type.group == "apiextensions.k8s.io") default_crd(object);
  if (type.kind == "Namespace") {
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = object["metadata"]["name"];
  }
  if (type.group == "rbac.authorization.k8s.io") {
    each(object, "subjects", [&](Json& subject) {
      if (subject.value("kind", "") != "ServiceAccount") fill(subject, "apiGroup", type.group);
    });
  }
}

std::vector<Cause> validate_built_in(const ResourceType& type, const Json& object,
                                     const Json* old) {
  std::vector<Cause> causes;
  if (type.group.empty() && type.plural == "pods") check_pod(object, old, causes);
  if (type.group.empty() && type.plural == "services") check_service(object, old, causes);
  if (type.group.empty() && type.plural == "persistentvolumeclaims")
    check_claim(object, old, causes);
  if (type.group == "apiextensions.k8s.io") causes = validate_crd(object);
  return causes;
}

}  // namespace devcluster
