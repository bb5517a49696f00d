// The ClusterServiceVersion: config/manifests/csv.yaml, and what crds/ and config/ say already.
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "olm/bundle.hpp"
#include "olm/view.hpp"

namespace olm {
namespace {

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
  char last = '\0';
  for (const char c : name) {
    const bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    // An abbreviation stays one word: setHostnameAsFQDN.
    const bool within = upper && std::isupper(static_cast<unsigned char>(last)) != 0;
    if (upper && !within && !text.empty()) text += ' ';
    last = c;
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

// The rules of all roles in the files.
Json rules_of(const std::filesystem::path& folder, const std::vector<std::string>& files) {
  Json rules = Json::array();
  for (const std::string& file : files) {
    for (const Json& document : read_yaml(folder / file)) {
      for (const Json& rule : list_at(document, "/rules")) rules.push_back(rule);
    }
  }
  return rules;
}

Json install(const Options& options) {
  const auto rbac = options.source / "config/rbac";
  const std::string account =
      read_yaml(rbac / "service_account.yaml").at(0).at("metadata").at("name");
  Json deployment = read_yaml(options.source / "config/manager/manager.yaml").at(0);
  deployment["spec"]["template"]["spec"]["containers"][0]["image"] = options.image;
  // OLM grants the permissions in the namespaces that the operator is to serve, and cluster-wide
  // where these are all (operator-lifecycle-manager pkg/controller/operators/olm/operatorgroup.go;
  // operator-controller internal/operator-controller/rukpak/render/registryv1/generators).
  return {
      {"strategy", "deployment"},
      {"spec",
       {{"permissions",
         Json::array({{{"serviceAccountName", account},
                       {"rules", rules_of(rbac, {"role.yaml", "leader_election_role.yaml"})}}})},
        {"clusterPermissions",
         Json::array(
             {{{"serviceAccountName", account},
               {"rules", rules_of(rbac, {"cluster_role.yaml", "metrics_auth_role.yaml"})}}})},
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
  // A mirror is found by digest alone: an image by tag is looked for where it came from.
  const bool by_digest = options.image.find("@sha256:") != std::string::npos;
  csv["metadata"]["annotations"]["features.operators.openshift.io/disconnected"] =
      by_digest ? "true" : "false";
  csv["metadata"]["annotations"]["alm-examples"] = examples(options.source).dump(2) + "\n";

  if (const std::string skipped = skip_range(options); !skipped.empty()) {
    csv["metadata"]["annotations"]["olm.skipRange"] = skipped;
  }

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
