// A container's environment as the kubelet puts it together (pkg/kubelet/kubelet_pods.go,
// makeEnvironmentVariables): envFrom, then env, with $(NAME) expanded. Pure.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace node {

using Json = nlohmann::json;
// "configmap/NAME" or "secret/NAME" → key → content; see PodRuntime::VolumeContents.
using Contents = std::map<std::string, std::map<std::string, std::string>>;
using Env = std::vector<std::pair<std::string, std::string>>;

// Throws PodError (CreateContainerConfigError) naming a ConfigMap, Secret, key or field that is not
// there.
Env container_env(const Json& pod, const Json& container, const Contents& contents,
                  const std::string& pod_ip);

// "$(NAME)" → its value, "$$(NAME)" → "$(NAME)"; unknown names stay as written
// (k8s.io/kubernetes/third_party/forked/golang/expansion).
std::string expand(const std::string& text, const Env& env);

// A downward API field (metadata.name, metadata.labels['app'], status.podIP, …). Throws PodError.
std::string field_value(const Json& pod, const std::string& field_path, const std::string& pod_ip);

}  // namespace node
