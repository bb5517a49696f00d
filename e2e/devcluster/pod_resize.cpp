#include "devcluster/builtin.hpp"
#include "devcluster/objects.hpp"
#include "devcluster/schema.hpp"

namespace devcluster {
namespace {

std::vector<std::string> names_in(const Json& pod, const char* list) {
  std::vector<std::string> out;
  const Json containers = pod.at("spec").value(list, Json::array());
  for (const Json& container : containers) out.push_back(container.value("name", ""));
  return out;
}

bool has_mirror_annotation(const Json& pod) {
  return pod.contains("/metadata/annotations/kubernetes.io~1config.mirror"_json_pointer);
}

// A kubelet that can resize tells the resources that a running container has.
bool node_supports_it(const Json& pod) {
  const Json statuses = pod.value("/status/containerStatuses"_json_pointer, Json::array());
  for (const Json& status : statuses) {
    if (status.contains("/state/running"_json_pointer)) return status.contains("resources");
  }
  return true;
}

bool keeps_memory_limit(const Json& container) {
  for (const Json& policy : container.value("resizePolicy", Json::array())) {
    if (policy.value("resourceName", "") == "memory")
      return policy.value("restartPolicy", "") != "RestartContainer";
  }
  return true;
}

void check_amounts(const Json& now, const Json& before, const std::string& kind,
                   const std::string& path, std::vector<Cause>& causes) {
  const Json amounts = now.value(kind, Json::object());
  const Json old_amounts = before.value(kind, Json::object());
  bool removed = false, others = false;
  for (const auto& [name, amount] : old_amounts.items()) {
    removed = removed || !amounts.contains(name);
    others = others || (name != "cpu" && name != "memory" && amounts.value(name, Json()) != amount);
  }
  for (const auto& [name, amount] : amounts.items()) {
    others = others || (name != "cpu" && name != "memory" && !old_amounts.contains(name));
  }
  if (removed) {
    causes.push_back(forbidden_field(path + "." + kind, "resource " + kind + " cannot be removed"));
  } else if (others) {
    causes.push_back(forbidden_field("spec", "only cpu and memory resources are mutable"));
  }
}

void check_container(const Json& now, const Json& before, const std::string& path,
                     std::vector<Cause>& causes) {
  const Json resources = now.value("resources", Json::object());
  const Json old_resources = before.value("resources", Json::object());
  for (const char* kind : {"requests", "limits"})
    check_amounts(resources, old_resources, kind, path, causes);
  const auto limit = "/limits/memory"_json_pointer;
  const std::string most = resources.value(limit, ""), old_most = old_resources.value(limit, "");
  const bool lower = !most.empty() && !old_most.empty() && milli_of(most) < milli_of(old_most);
  if (lower && keeps_memory_limit(now)) {
    causes.push_back(forbidden_field(
        path + ".limits[memory]",
        "memory limits cannot be decreased unless resizePolicy is RestartContainer"));
  }
}

}  // namespace

Json resized(const Json& live, const Json& sent) {
  for (const char* list : {"containers", "initContainers"}) {
    if (names_in(live, list) != names_in(sent, list)) return sent;
  }
  Json out = live;
  const Json version = sent["metadata"].value("resourceVersion", Json());
  if (!version.is_null()) out["metadata"]["resourceVersion"] = version;
  Json& containers = out["spec"]["containers"];
  for (std::size_t i = 0; i < containers.size(); ++i) {
    for (const char* field : {"resources", "resizePolicy"}) {
      const Json& wanted = sent["spec"]["containers"][i];
      if (wanted.contains(field)) {
        containers[i][field] = wanted[field];
      } else {
        containers[i].erase(field);
      }
    }
  }
  return out;
}

std::vector<Cause> validate_resize(const Json& pod, const Json& old) {
  if (has_mirror_annotation(old)) return {forbidden_field("", "static pods cannot be resized")};
  std::vector<Cause> causes;
  if (qos_class(pod["spec"]) != qos_class(old["spec"])) {
    causes.push_back(invalid_value("spec", qos_class(pod["spec"]),
                                   "Pod QOS Class may not change as a result of resizing"));
  }
  if (!node_supports_it(old)) {
    causes.push_back(forbidden_field("spec", "Pod running on node without support for resize"));
  }
  for (const char* list : {"containers", "initContainers"}) {
    const auto now = names_in(pod, list), before = names_in(old, list);
    if (now == before) continue;
    causes.push_back(
        forbidden_field(std::string("spec.") + list,
                        now.size() != before.size()
                            ? std::string(list) + " may not be added or removed on resize"
                            : std::string(list) + " may not be renamed or reordered on resize"));
    return causes;
  }
  const Json& containers = pod["spec"]["containers"];
  for (std::size_t i = 0; i < containers.size(); ++i) {
    check_container(containers[i], old["spec"]["containers"][i],
                    "spec.containers[" + std::to_string(i) + "].resources", causes);
  }
  return causes;
}

}  // namespace devcluster
