// The ClusterServiceVersion: config/manifests/csv.yaml, and what crds/ and config/ say already.
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "olm/bundle.hpp"

namespace olm {
namespace {

constexpr const char* kCrdFile = "crds/workloads.systemd-operator.dev_systemdworkloads.yaml";

std::string base64(const std::string& bytes) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += i + j <= bytes.size() ? kAlphabet[group >> (18U - 6U * j) & 63U] : '=';
    }
  }
  return out;
}

std::string read_bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(file.string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

// "imagePullPolicy" → "Image Pull Policy"
std::string title(const std::string& name) {
  std::string text;
  for (const char c : name) {
    const bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (upper && !text.empty()) text += ' ';
    text += text.empty() ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
  }
  return text;
}

// How OpenShift's console shows a field (openshift/console, x-descriptors).
const std::map<std::string, std::string>& widgets() {
  static const std::map<std::string, std::string> kWidgets = {
      {"replicas", "urn:alm:descriptor:com.tectonic.ui:podCount"},
      {"resources", "urn:alm:descriptor:com.tectonic.ui:resourceRequirements"},
      {"paused", "urn:alm:descriptor:com.tectonic.ui:booleanSwitch"},
      {"hibernate", "urn:alm:descriptor:com.tectonic.ui:booleanSwitch"},
      {"conditions", "urn:alm:descriptor:io.kubernetes.conditions"},
      {"url", "urn:alm:descriptor:org.w3:link"},
      {"phase", "urn:alm:descriptor:io.kubernetes.phase"}};
  return kWidgets;
}

Json descriptors(const Json& properties) {
  Json list = Json::array();
  for (const auto& [key, property] : properties.items()) {
    Json item = {
        {"path", key}, {"displayName", title(key)}, {"description", property.at("description")}};
    if (const auto widget = widgets().find(key); widget != widgets().end()) {
      item["x-descriptors"] = Json::array({widget->second});
    }
    list.push_back(std::move(item));
  }
  return list;
}

Json examples(const std::filesystem::path& source) {
  Json list = Json::array();
  const Json kustomization = read_yaml(source / "config/samples/kustomization.yaml").at(0);
  for (const Json& file : kustomization.at("resources")) {
    for (Json& sample : read_yaml(source / "config/samples" / file.get<std::string>())) {
      list.push_back(std::move(sample));
    }
  }
  return list;
}

Json rules_of(const std::filesystem::path& file, const std::string& kind) {
  Json rules = Json::array();
  for (const Json& document : read_yaml(file)) {
    if (document.at("kind") != kind) continue;
    for (const Json& rule : document.at("rules")) rules.push_back(rule);
  }
  return rules;
}

Json install(const Options& options) {
  const auto rbac = options.source / "config/rbac";
  const std::string account =
      read_yaml(rbac / "service_account.yaml").at(0).at("metadata").at("name");
  Json cluster = rules_of(rbac / "role.yaml", "ClusterRole");
  for (const Json& rule : rules_of(rbac / "metrics_auth_role.yaml", "ClusterRole")) {
    cluster.push_back(rule);
  }
  Json deployment = read_yaml(options.source / "config/manager/manager.yaml").at(0);
  deployment["spec"]["template"]["spec"]["containers"][0]["image"] = options.image;
  return {{"strategy", "deployment"},
          {"spec",
           {{"permissions",
             Json::array({{{"serviceAccountName", account},
                           {"rules", rules_of(rbac / "leader_election_role.yaml", "Role")}}})},
            {"clusterPermissions",
             Json::array({{{"serviceAccountName", account}, {"rules", std::move(cluster)}}})},
            {"deployments", Json::array({{{"name", deployment.at("metadata").at("name")},
                                          {"label", deployment.at("metadata").at("labels")},
                                          {"spec", deployment.at("spec")}}})}}}};
}

}  // namespace

Json make_csv(const Options& options) {
  Json csv = read_yaml(options.source / "config/manifests/csv.yaml").at(0);
  const Json schema = read_yaml(options.source / kCrdFile)
                          .at(0)
                          .at("spec")
                          .at("versions")
                          .at(0)
                          .at("schema")
                          .at("openAPIV3Schema")
                          .at("properties");
  csv["metadata"]["name"] = std::string(kPackage) + ".v" + options.version;
  csv["metadata"]["annotations"]["containerImage"] = options.image;
  csv["metadata"]["annotations"]["alm-examples"] = examples(options.source).dump(2) + "\n";

  Json& spec = csv["spec"];
  spec["version"] = options.version;
  if (!options.replaces.empty()) spec["replaces"] = options.replaces;
  spec["icon"] =
      Json::array({{{"base64data", base64(read_bytes(options.source / "deploy/icon.svg"))},
                    {"mediatype", "image/svg+xml"}}});
  Json& owned = spec["customresourcedefinitions"]["owned"][0];
  owned["specDescriptors"] = descriptors(schema.at("spec").at("properties"));
  owned["statusDescriptors"] = descriptors(schema.at("status").at("properties"));
  spec["install"] = install(options);
  spec["relatedImages"] = Json::array({{{"name", "manager"}, {"image", options.image}}});
  return csv;
}

}  // namespace olm
