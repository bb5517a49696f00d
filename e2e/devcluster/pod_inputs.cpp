#include "devcluster/pod_inputs.hpp"

#include "devcluster/base64.hpp"
#include "devcluster/boot_rules.hpp"

namespace devcluster {
namespace {

class Gatherer {
 public:
  Gatherer(Api& api, const Json& pod, PodInputs& inputs)
      : api_(api),
        path_("/api/v1/namespaces/" + pod["metadata"].value("namespace", "") + "/"),
        inputs_(inputs) {}

  void volume(const Json& volume) {
    std::string why;
    if (volume.contains("configMap")) why = need("configmap", volume["configMap"], "name");
    if (volume.contains("secret")) why = need("secret", volume["secret"], "secretName");
    if (volume.contains("persistentVolumeClaim"))
      claim(volume["persistentVolumeClaim"].value("claimName", ""));
    if (volume.contains("projected")) {
      for (const auto& source : volume["projected"].value("sources", Json::array())) {
        if (source.contains("configMap") && why.empty())
          why = need("configmap", source["configMap"], "name");
        if (source.contains("secret") && why.empty())
          why = need("secret", source["secret"], "name");
      }
    }
    if (!why.empty() && inputs_.mount_fault.empty()) {
      inputs_.mount_fault =
          "MountVolume.SetUp failed for volume \"" + volume.value("name", "") + "\" : " + why;
    }
  }

  void environment(const Json& container) {
    std::string why;
    const auto look = [&](const Json& source, const char* kind, const char* field) {
      if (why.empty() && source.contains(field)) why = need(kind, source[field], "name");
    };
    for (const auto& from : container.value("envFrom", Json::array())) {
      look(from, "configmap", "configMapRef");
      look(from, "secret", "secretRef");
    }
    for (const auto& variable : container.value("env", Json::array())) {
      const auto from = variable.value("valueFrom", Json::object());
      look(from, "configmap", "configMapKeyRef");
      look(from, "secret", "secretKeyRef");
    }
    if (inputs_.config_fault.empty()) inputs_.config_fault = why;
  }

 private:
  // "" or why it cannot be had.
  std::string need(const std::string& kind, const Json& reference, const char* name_field) {
    const std::string name = reference.value(name_field, "");
    const auto object = api_.get(path_ + kind + "s", name);
    if (!object)
      return reference.value("optional", false) ? "" : kind + " \"" + name + "\" not found";
    auto& files = inputs_.contents[kind + "/" + name];
    const Json data = object->value("data", Json::object());
    for (const auto& [key, value] : data.items()) {
      files[key] = kind == "secret" ? unbase64(value.get<std::string>()) : value.get<std::string>();
    }
    return "";
  }

  void claim(const std::string& name) {
    const auto object = api_.get(path_ + "persistentvolumeclaims", name);
    if (!object) return;
    const auto& spec = object->at("spec");
    inputs_.contents["claim/" + name][""] = spec.value("volumeName", "");
    if (spec.value("storageClassName", "") == "nfs") inputs_.nfs_claims.insert(name);
  }

  Api& api_;
  std::string path_;
  PodInputs& inputs_;
};

}  // namespace

PodInputs gather_inputs(Api& api, const Json& pod) {
  PodInputs inputs;
  Gatherer gatherer(api, pod, inputs);
  for (const auto& volume : pod["spec"].value("volumes", Json::array())) gatherer.volume(volume);
  for (const auto& container : pod["spec"]["containers"]) gatherer.environment(container);
  if (inputs.mount_fault.empty()) inputs.mount_fault = fault_at(pod, "mount");
  if (inputs.config_fault.empty()) inputs.config_fault = fault_at(pod, "config");
  return inputs;
}

}  // namespace devcluster
