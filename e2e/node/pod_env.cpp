#include "node/pod_env.hpp"

#include <algorithm>
#include <optional>

#include "node/members.hpp"
#include "node/pod_error.hpp"

namespace node {
namespace {

void set(Env& env, const std::string& name, const std::string& value) {
  const auto same =
      std::find_if(env.begin(), env.end(), [&](const auto& e) { return e.first == name; });
  if (same == env.end()) {
    env.emplace_back(name, value);
  } else {
    same->second = value;
  }
}

// The content of a ConfigMap's or Secret's key; nothing when it is optional and not there.
std::optional<std::string> key_of(const Contents& contents, const std::string& kind,
                                  const Json& ref) {
  const std::string name = ref.value("name", "");
  const std::string key = ref.value("key", "");
  const bool optional = ref.value("optional", false);
  const auto object = contents.find(kind + "/" + name);
  if (object == contents.end()) {
    if (optional) return std::nullopt;
    throw PodError(kConfigError, kind + " \"" + name + "\" not found");
  }
  const auto value = object->second.find(key);
  if (value == object->second.end()) {
    if (optional) return std::nullopt;
    throw PodError(kConfigError, "couldn't find key " + key + " in " + kind + " " + name);
  }
  return value->second;
}

std::optional<std::string> value_from(const Json& pod, const Json& source, const Contents& contents,
                                      const std::string& pod_ip) {
  if (source.contains("configMapKeyRef"))
    return key_of(contents, "configmap", source["configMapKeyRef"]);
  if (source.contains("secretKeyRef")) return key_of(contents, "secret", source["secretKeyRef"]);
  if (source.contains("fieldRef")) {
    return field_value(pod, source["fieldRef"].value("fieldPath", ""), pod_ip);
  }
  throw PodError(kConfigError,
                 "env valueFrom: this node knows configMapKeyRef, secretKeyRef and fieldRef, "
                 "not " +
                     source.dump());
}

void add_env_from(Env& env, const Json& from, const Contents& contents) {
  const std::string prefix = from.value("prefix", "");
  const bool is_map = from.contains("configMapRef");
  const Json& ref = member(from, is_map ? "configMapRef" : "secretRef");
  const std::string kind = is_map ? "configmap" : "secret";
  const std::string name = ref.value("name", "");
  const auto object = contents.find(kind + "/" + name);
  if (object == contents.end()) {
    if (ref.value("optional", false)) return;
    throw PodError(kConfigError, kind + " \"" + name + "\" not found");
  }
  for (const auto& [key, value] : object->second) set(env, prefix + key, value);
}

// metadata.labels['app'] → the value; whole maps in the form of a downward API file.
std::optional<std::string> of_map(const Json& map, const std::string& rest) {
  if (rest.empty()) {
    std::string lines;
    for (const auto& [key, value] : map.items()) {
      lines += (lines.empty() ? "" : "\n") + key + "=" + Json(value).dump();
    }
    return lines;
  }
  if (rest.size() < 4 || rest.substr(0, 2) != "['" || rest.substr(rest.size() - 2) != "']") {
    return std::nullopt;
  }
  return map.value(rest.substr(2, rest.size() - 4), "");
}

}  // namespace

Env container_env(const Json& pod, const Json& container, const Contents& contents,
                  const std::string& pod_ip) {
  Env env;
  for (const Json& from : container.value("envFrom", Json::array()))
    add_env_from(env, from, contents);
  for (const Json& entry : container.value("env", Json::array())) {
    const std::string name = entry.value("name", "");
    if (!entry.contains("valueFrom")) {
      set(env, name, expand(entry.value("value", ""), env));
    } else if (auto value = value_from(pod, entry["valueFrom"], contents, pod_ip)) {
      set(env, name, *value);
    }
  }
  return env;
}

std::string expand(const std::string& text, const Env& env) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '$' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    const std::size_t close = text.find(')', at);
    if (text[at + 1] == '$') {
      out += '$';
      ++at;
    } else if (text[at + 1] == '(' && close != std::string::npos) {
      const std::string name = text.substr(at + 2, close - at - 2);
      const auto known =
          std::find_if(env.begin(), env.end(), [&](const auto& e) { return e.first == name; });
      out += known == env.end() ? text.substr(at, close - at + 1) : known->second;
      at = close;
    } else {
      out += '$';
    }
  }
  return out;
}

std::string field_value(const Json& pod, const std::string& field_path, const std::string& pod_ip) {
  const Json& metadata = member(pod, "metadata");
  const Json& spec = member(pod, "spec");
  for (const char* map : {"labels", "annotations"}) {
    const std::string path = std::string("metadata.") + map;
    if (field_path.rfind(path, 0) != 0) continue;
    if (auto value = of_map(member(metadata, map), field_path.substr(path.size()))) return *value;
  }
  if (field_path == "metadata.name") return metadata.value("name", "");
  if (field_path == "metadata.namespace") return metadata.value("namespace", "");
  if (field_path == "metadata.uid") return metadata.value("uid", "");
  if (field_path == "spec.nodeName") return spec.value("nodeName", "");
  if (field_path == "spec.serviceAccountName") return spec.value("serviceAccountName", "default");
  if (field_path == "status.podIP" || field_path == "status.podIPs") return pod_ip;
  throw PodError(kConfigError, "fieldRef: unsupported field path \"" + field_path + "\"");
}

}  // namespace node
