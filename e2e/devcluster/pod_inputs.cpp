#include "devcluster/pod_inputs.hpp"

#include "devcluster/base64.hpp"
#include "devcluster/boot_rules.hpp"
#include "devcluster/members.hpp"

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
    need(why, "configmap", volume, "configMap");
    need(why, "secret", volume, "secret", "secretName");
    if (const auto* claim = lookup(volume, "persistentVolumeClaim")) {
      add_claim(claim->value("claimName", ""));
    }
    for (const auto& source : volume.value("/projected/sources"_json_pointer, Json::array())) {
      need(why, "configmap", source, "configMap");
      need(why, "secret", source, "secret");
    }
    if (!why.empty() && inputs_.mount_fault.empty()) {
      inputs_.mount_fault =
          "MountVolume.SetUp failed for volume \"" + volume.value("name", "") + "\" : " + why;
    }
  }

  void environment(const Json& container) {
    auto& why = inputs_.config_fault;
    for (const auto& from : container.value("envFrom", Json::array())) {
      need(why, "configmap", from, "configMapRef");
      need(why, "secret", from, "secretRef");
    }
    for (const auto& variable : container.value("env", Json::array())) {
      const auto from = variable.value("valueFrom", Json::object());
      need(why, "configmap", from, "configMapKeyRef");
      need(why, "secret", from, "secretKeyRef");
    }
  }

 private:
  // What `source` names in that field, if it does; `why` is why it cannot be had, the first time.
  void need(std::string& why, const std::string& kind, const Json& source, const char* field,
            const char* name_field = "name") {
    const auto* reference = lookup(source, field);
    if (reference == nullptr || !why.empty()) return;
    const std::string name = reference->value(name_field, "");
    const auto object = api_.get(path_ + kind + "s", name);
    if (!object) {
      if (!flag(*reference, "optional")) why = kind + " \"" + name + "\" not found";
      return;
    }
    auto& files = inputs_.contents[kind + "/" + name];
    const Json data = object->value("data", Json::object());
    for (const auto& [key, value] : data.items()) {
      files[key] = kind == "secret" ? unbase64(value.get<std::string>()) : value.get<std::string>();
    }
  }

  void add_claim(const std::string& name) {
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
