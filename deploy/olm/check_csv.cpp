// Rules for the ClusterServiceVersion.
#include <algorithm>
#include <set>

#include "olm/view.hpp"

namespace olm {
namespace {

void find(const View& view, Findings& findings, std::string message) {
  findings.push_back({view.csv_file, std::move(message)});
}

bool is_semver(const std::string& text) {
  int parts = 1;
  bool digit = false;
  for (const char c : text.substr(0, text.find_first_of("-+"))) {
    if (c == '.' && digit) {
      ++parts;
      digit = false;
    } else if (c >= '0' && c <= '9') {
      digit = true;
    } else {
      return false;
    }
  }
  return parts == 3 && digit;
}

void name_and_version(const View& view, Findings& findings) {
  const std::string version = text_at(view.csv, "/spec/version");
  if (!is_semver(version)) find(view, findings, "spec.version must be a semantic version");
  if (text_at(view.csv, "/metadata/name") != std::string(kPackage) + ".v" + version) {
    find(view, findings, "metadata.name must be PACKAGE.vVERSION");
  }
  if (!is_semver(text_at(view.csv, "/spec/minKubeVersion"))) {
    find(view, findings, "spec.minKubeVersion must be a semantic version");
  }
}

void what_people_read(const View& view, Findings& findings) {
  for (const char* field : {"displayName", "description", "maturity"}) {
    if (text_at(view.csv, std::string("/spec/") + field).empty()) {
      find(view, findings, std::string("spec.") + field + " is missing");
    }
  }
  if (text_at(view.csv, "/spec/provider/name").empty()) {
    find(view, findings, "spec.provider.name is missing");
  }
  if (list_at(view.csv, "/spec/keywords").empty()) find(view, findings, "spec.keywords is missing");
  const Json maintainers = list_at(view.csv, "/spec/maintainers");
  if (maintainers.empty()) find(view, findings, "spec.maintainers is missing");
  for (const Json& maintainer : maintainers) {
    if (text_at(maintainer, "/name").empty() ||
        text_at(maintainer, "/email").find('@') == std::string::npos) {
      find(view, findings, "a maintainer needs a name and an e-mail address");
    }
  }
  const Json links = list_at(view.csv, "/spec/links");
  if (links.empty()) find(view, findings, "spec.links is missing");
  for (const Json& link : links) {
    if (!text_at(link, "/url").starts_with("https://")) {
      find(view, findings, "a link needs an https URL");
    }
  }
}

void icon(const View& view, Findings& findings) {
  static const std::set<std::string> kTypes = {"image/gif", "image/jpeg", "image/png",
                                               "image/svg+xml"};
  const Json icons = list_at(view.csv, "/spec/icon");
  if (icons.size() != 1 || text_at(icons[0], "/base64data").empty() ||
      !kTypes.contains(text_at(icons[0], "/mediatype"))) {
    find(view, findings, "spec.icon must be one image with data and a known media type");
  }
}

void annotations(const View& view, Findings& findings) {
  static const std::set<std::string> kCapabilities = {
      "Basic Install", "Seamless Upgrades", "Full Lifecycle", "Deep Insights", "Auto Pilot"};
  static const std::set<std::string> kCategories = {"AI/Machine Learning",
                                                    "Application Runtime",
                                                    "Big Data",
                                                    "Cloud Provider",
                                                    "Database",
                                                    "Developer Tools",
                                                    "Drivers and plugins",
                                                    "Integration & Delivery",
                                                    "Logging & Tracing",
                                                    "Modernization & Migration",
                                                    "Monitoring",
                                                    "Networking",
                                                    "Observability",
                                                    "OpenShift Optional",
                                                    "Security",
                                                    "Storage",
                                                    "Streaming & Messaging"};
  const Json found = view.csv.value(Json::json_pointer("/metadata/annotations"), Json::object());
  for (const char* key :
       {"capabilities", "categories", "containerImage", "createdAt", "description", "repository",
        "support", "operatorframework.io/suggested-namespace"}) {
    if (found.value(key, "").empty()) {
      find(view, findings, std::string("the annotation ") + key + " is missing");
    }
  }
  if (!kCapabilities.contains(found.value("capabilities", ""))) {
    find(view, findings, "the annotation capabilities names no capability level");
  }
  std::string categories = found.value("categories", "");
  while (!categories.empty()) {
    const auto comma = std::min(categories.find(", "), categories.size());
    if (!kCategories.contains(categories.substr(0, comma))) {
      find(view, findings, "no such category: " + categories.substr(0, comma));
    }
    categories.erase(0, comma + 2);
  }
  for (const char* feature : {"disconnected", "fips-compliant", "proxy-aware", "tls-profiles",
                              "token-auth-aws", "token-auth-azure", "token-auth-gcp"}) {
    const auto value = found.value(std::string("features.operators.openshift.io/") + feature, "");
    if (value != "true" && value != "false") {
      find(view, findings,
           std::string("the feature ") + feature + " must be \"true\" or \"false\"");
    }
  }
  const Json labels = view.csv.value(Json::json_pointer("/metadata/labels"), Json::object());
  for (const char* label : {"operatorframework.io/arch.amd64", "operatorframework.io/os.linux"}) {
    if (labels.value(label, "") != "supported") {
      find(view, findings, std::string("the label ") + label + " must be supported");
    }
  }
}

void install_modes(const View& view, Findings& findings) {
  std::set<std::string> seen;
  bool all_namespaces = false;
  for (const Json& mode : list_at(view.csv, "/spec/installModes")) {
    seen.insert(text_at(mode, "/type"));
    if (text_at(mode, "/type") == "AllNamespaces") all_namespaces = mode.value("supported", false);
  }
  if (seen !=
      std::set<std::string>{"AllNamespaces", "MultiNamespace", "OwnNamespace", "SingleNamespace"}) {
    find(view, findings, "spec.installModes must list all four modes");
  }
  if (!all_namespaces) find(view, findings, "OLM v1 needs the install mode AllNamespaces");
}

void rights(const View& view, Findings& findings) {
  for (const char* scope : {"permissions", "clusterPermissions"}) {
    const Json grants = list_at(view.csv, std::string("/spec/install/spec/") + scope);
    if (grants.empty()) find(view, findings, std::string(scope) + " are missing");
    for (const Json& grant : grants) {
      for (const Json& rule : list_at(grant, "/rules")) {
        bool writes = false;
        bool crds = false;
        for (const auto& [key, list] : rule.items()) {
          for (const Json& item : list) {
            if (item == "*") find(view, findings, "a right to * in " + key);
            writes = writes || (key == "verbs" && (item == "create" || item == "patch"));
            crds = crds || item == "customresourcedefinitions";
          }
        }
        if (writes && crds) find(view, findings, "a right to write CRDs");
      }
    }
  }
}

template <class Visit>
void each_container(const View& view, Visit visit) {
  for (const Json& deployment : list_at(view.csv, "/spec/install/spec/deployments")) {
    for (const char* kind : {"containers", "initContainers"}) {
      for (const Json& container :
           list_at(deployment, std::string("/spec/template/spec/") + kind)) {
        visit(container);
      }
    }
  }
}

void deployment(const View& view, Findings& findings) {
  if (text_at(view.csv, "/spec/install/strategy") != "deployment") {
    find(view, findings, "spec.install.strategy must be deployment");
  }
  bool watches = false;
  int containers = 0;
  each_container(view, [&](const Json& container) {
    ++containers;
    const Json resources = container.value("resources", Json::object());
    for (const char* resource : {"/requests/cpu", "/requests/memory"}) {
      if (!resources.contains(Json::json_pointer(resource))) {
        find(view, findings, std::string("a container without ") + (resource + 1));
      }
    }
    if (resources.contains("limits")) find(view, findings, "a container with limits");
    for (const Json& variable : list_at(container, "/env")) {
      watches = watches || (text_at(variable, "/name") == "WATCH_NAMESPACE" &&
                            text_at(variable, "/valueFrom/fieldRef/fieldPath") ==
                                "metadata.annotations['olm.targetNamespaces']");
    }
  });
  if (containers == 0) find(view, findings, "there is no container");
  if (!watches)
    find(view, findings, "no container reads olm.targetNamespaces into WATCH_NAMESPACE");
}

void images(const View& view, Findings& findings) {
  std::set<std::string> related;
  for (const Json& image : list_at(view.csv, "/spec/relatedImages")) {
    related.insert(text_at(image, "/image"));
  }
  each_container(view, [&](const Json& container) {
    if (!related.contains(text_at(container, "/image"))) {
      find(view, findings, "relatedImages lacks " + text_at(container, "/image"));
    }
    for (const Json& variable : list_at(container, "/env")) {
      if (text_at(variable, "/name").starts_with("RELATED_IMAGE_") &&
          !related.contains(text_at(variable, "/value"))) {
        find(view, findings, "relatedImages lacks " + text_at(variable, "/value"));
      }
    }
  });
}

std::set<std::string> described(const Json& owned, const std::string& list, const View& view,
                                Findings& findings) {
  std::set<std::string> paths;
  for (const Json& item : list_at(owned, "/" + list)) {
    paths.insert(text_at(item, "/path"));
    if (text_at(item, "/displayName").empty() || text_at(item, "/description").empty()) {
      find(view, findings, "a descriptor without name or description in " + list);
    }
  }
  return paths;
}

void descriptors_and_examples(const View& view, Findings& findings) {
  const Json examples =
      Json::parse(text_at(view.csv, "/metadata/annotations/alm-examples"), nullptr, false);
  if (!examples.is_array() || examples.empty()) {
    return find(view, findings, "alm-examples must be a list of examples");
  }
  for (const Json& owned : list_at(view.csv, "/spec/customresourcedefinitions/owned")) {
    const std::string kind = text_at(owned, "/kind");
    for (const char* field : {"displayName", "description"}) {
      if (text_at(owned, std::string("/") + field).empty()) {
        find(view, findings, kind + " has no " + field);
      }
    }
    if (list_at(owned, "/resources").empty()) find(view, findings, kind + " lists no resources");
    const auto spec = described(owned, "specDescriptors", view, findings);
    if (described(owned, "statusDescriptors", view, findings).empty()) {
      find(view, findings, kind + " has no statusDescriptors");
    }
    bool shown = false;
    for (const Json& example : examples) {
      if (text_at(example, "/kind") != kind) continue;
      shown = true;
      const Json example_spec = example.value("spec", Json::object());
      for (const auto& [key, value] : example_spec.items()) {
        if (!spec.contains(key)) find(view, findings, kind + " has no specDescriptor for " + key);
      }
    }
    if (!shown) find(view, findings, "alm-examples has no " + kind);
  }
}

}  // namespace

const std::vector<BundleRule>& csv_rules() {
  static const std::vector<BundleRule> kRules = {
      name_and_version, what_people_read, icon,
      annotations,      install_modes,    rights,
      deployment,       images,           descriptors_and_examples};
  return kRules;
}

}  // namespace olm
