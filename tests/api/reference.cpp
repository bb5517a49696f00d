#include "reference.hpp"

#include <algorithm>
#include <vector>

#include "documents.hpp"

namespace swo::api_test {
namespace {

constexpr const char* kOpening = R"(# Reference: SystemdWorkload

`workloads.systemd-operator.dev/v1alpha1`, kind `SystemdWorkload`, short name `sdw`, namespaced.
`kubectl explain sdw.spec` shows the same on a cluster. Made from [the schema](../crds/); a test keeps
it so.

```yaml
apiVersion: workloads.systemd-operator.dev/v1alpha1
kind: SystemdWorkload
metadata: {name: nginx}
spec:
  image: quay.io/ftweedal/test-nginx:latest     # the only required field
  ports: [{name: http, port: 80}]
  route: {}
```

Left out and `null` mean the same. A bad value is refused when it is applied; `systemd-workload-operator
render -f FILE` finds the same faults without a cluster, but for quantities.
)";

bool contains(const Json& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::string type_of(const Json& node) {
  if (node.value("x-kubernetes-int-or-string", false)) return "quantity";
  const std::string type = node.at("type");
  if (type == "array") return "list of " + type_of(node.at("items"));
  if (node.contains("additionalProperties")) {
    return "map of " + type_of(node.at("additionalProperties"));
  }
  return type == "object" && node.contains("properties") ? "object" : type;
}

// The object below a field, through lists; nullptr: there is none to explain.
const Json* object_of(const Json& node) {
  const Json& inner = node.contains("items") ? node.at("items") : node;
  return inner.contains("properties") ? &inner : nullptr;
}

std::string bounds(const Json& node) {
  const Json& leaf = node.contains("items") ? node.at("items") : node;
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (leaf.contains("enum")) {
    std::string choices;
    for (const Json& choice : leaf.at("enum")) {
      const auto& word = choice.get_ref<const std::string&>();
      if (!word.empty()) choices += (choices.empty() ? "`" : ", `") + word + "`";
    }
    add(choices);
  } else if (leaf.contains("maxLength")) {
    add("at most " + leaf.at("maxLength").dump() + " characters");
  }
  if (leaf.contains("minimum")) {
    add(leaf.contains("maximum") ? leaf.at("minimum").dump() + " – " + leaf.at("maximum").dump()
                                 : "at least " + leaf.at("minimum").dump());
  }
  for (const char* count : {"maxItems", "maxProperties"}) {
    if (node.contains(count)) add("at most " + node.at(count).dump() + " items");
  }
  return text;
}

std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

void rules(const Json& node, std::string& out) {
  const Json list = node.value("x-kubernetes-validations", Json::array());
  if (list.empty()) return;
  out += "\nRules, in the words in which a breach is refused:\n\n";
  for (const Json& rule : list) out += "* " + rule.at("message").get<std::string>() + "\n";
}

// Rules of a list or of a map's own belong to the field, and are told with its object.
std::string field_rules(const Json& node) {
  std::string out;
  if (object_of(node) == &node) return out;
  for (const Json& rule : node.value("x-kubernetes-validations", Json::array())) {
    out += " Rule: " + rule.at("message").get<std::string>() + ".";
  }
  return out;
}

// Kubernetes' own types, which everyone who writes Pods knows: their fields, and no deeper.
constexpr const char* kAsInAPod[] = {"spec.affinity", "spec.env[]", "spec.envFrom[]",
                                     "spec.topologySpreadConstraints[]", "spec.volumes[]"};

// The fields in the order of the schema's names, what is required first.
std::vector<std::string> ordered(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, node] : object.at("properties").items()) keys.push_back(key);
  const Json required = object.value("required", Json::array());
  std::stable_partition(keys.begin(), keys.end(),
                        [&](const std::string& key) { return contains(required, key); });
  return keys;
}

void section(const Json& object, const std::string& path, std::string& out) {
  out += "\n## " + path + "\n\n" + object.at("description").get<std::string>() + "\n\n";
  out += "| Field | Type | |\n|---|---|---|\n";
  const Json required = object.value("required", Json::array());
  std::vector<std::pair<std::string, const Json*>> inner;
  for (const std::string& key : ordered(object)) {
    const Json& node = object.at("properties").at(key);
    const std::string name = path + "." + key + (node.contains("items") ? "[]" : "");
    const bool needed = contains(required, key);
    out += "| `" + key + "`" + (needed ? " (required)" : "") + " | " + type_of(node) + " | " +
           cell(node.at("description").get<std::string>() + field_rules(node));
    if (const std::string limits = bounds(node); !limits.empty()) out += " (" + limits + ")";
    out += " |\n";
    if (const Json* below = object_of(node); below != nullptr) inner.emplace_back(name, below);
  }
  rules(object, out);
  if (std::find(std::begin(kAsInAPod), std::end(kAsInAPod), path) != std::end(kAsInAPod)) {
    const std::string field = path.substr(0, path.find('['));
    out += "\nAs in a Pod; `kubectl explain sdw." + field + " --recursive` shows what is below.\n";
    return;
  }
  for (const auto& [name, below] : inner) section(*below, name, out);
}

}  // namespace

std::string reference() {
  std::string out = kOpening;
  rules(schema(), out);
  section(spec_schema(), "spec", out);
  section(status_schema(), "status", out);
  return out;
}

}  // namespace swo::api_test
