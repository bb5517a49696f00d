#include "olm/check.hpp"

#include <algorithm>
#include <set>

#include "olm/view.hpp"

namespace olm {
namespace {

constexpr const char* kAnnotationsFile = "bundle/metadata/annotations.yaml";
constexpr const char* kManifestsFolder = "bundle/manifests/";

// operator-registry pkg/lib/bundle/supported_resources.go, without NetworkPolicy: OpenShift's OLM
// takes one from 4.20 and from patch releases of 4.12 to 4.19 of autumn 2025 on
// (openshift/operator-framework-olm, pulls 1047, 1052, 1054), and refuses the whole bundle
// before. com.redhat.openshift.versions cannot tell patch releases apart.
const std::set<std::string>& accepted_kinds() {
  static const std::set<std::string> kKinds = {"ClusterServiceVersion",
                                               "CustomResourceDefinition",
                                               "ClusterRole",
                                               "ClusterRoleBinding",
                                               "Role",
                                               "RoleBinding",
                                               "ServiceAccount",
                                               "Service",
                                               "ConfigMap",
                                               "Secret",
                                               "PrometheusRule",
                                               "ServiceMonitor",
                                               "PodMonitor",
                                               "PodDisruptionBudget",
                                               "PriorityClass",
                                               "VerticalPodAutoscaler",
                                               "ConsoleYAMLSample",
                                               "ConsoleQuickStart",
                                               "ConsoleCLIDownload",
                                               "ConsoleLink",
                                               "ConsolePlugin"};
  return kKinds;
}

void one_csv(const View& view, Findings& findings) {
  if (view.csv.empty()) {
    findings.push_back({kManifestsFolder, "there must be exactly one ClusterServiceVersion"});
  }
}

void kinds(const View& view, Findings& findings) {
  for (const auto& [file, document] : view.manifests) {
    const std::string kind = text_at(document, "/kind");
    if (!accepted_kinds().contains(kind)) {
      findings.push_back({file, "OLM accepts no " + kind + " in a bundle"});
    }
  }
}

void owned_crds(const View& view, Findings& findings) {
  std::set<std::string> owned;
  for (const Json& item : list_at(view.csv, "/spec/customresourcedefinitions/owned")) {
    owned.insert(text_at(item, "/name") + "/" + text_at(item, "/version"));
  }
  std::set<std::string> present;
  for (const Json& crd : view.crds) {
    for (const Json& version : list_at(crd, "/spec/versions")) {
      present.insert(text_at(crd, "/metadata/name") + "/" + text_at(version, "/name"));
    }
  }
  if (owned != present || owned.empty()) {
    findings.push_back(
        {view.csv_file, "the CRDs owned and the CRDs in the bundle must be the same"});
  }
}

void service_accounts(const View& view, Findings& findings) {
  for (const auto& [file, document] : view.manifests) {
    if (text_at(document, "/kind") != "ServiceAccount") continue;
    for (const Json& item : list_at(view.csv, "/spec/install/spec/clusterPermissions")) {
      if (text_at(item, "/serviceAccountName") == text_at(document, "/metadata/name")) {
        findings.push_back({file, "OLM makes the ServiceAccounts that the CSV names itself"});
      }
    }
  }
}

void namespaces(const View& view, Findings& findings) {
  for (const auto& [file, document] : view.manifests) {
    if (!text_at(document, "/metadata/namespace").empty()) {
      findings.push_back({file, "leave metadata.namespace out: OLM chooses it"});
    }
  }
}

// 1 MiB compressed is OLM's limit; holding the plain text to it needs no compressor and leaves
// room.
void size(const View& view, Findings& findings) {
  constexpr std::size_t kLimit = 1U << 20U;
  if (view.bytes > kLimit)
    findings.push_back({kManifestsFolder, "the manifests are larger than 1 MiB"});
}

void bundle_annotations(const View& view, Findings& findings) {
  const std::string bundle = "operators.operatorframework.io.bundle.";
  const std::string test = "operators.operatorframework.io.test.";
  const std::pair<std::string, std::string> expected[] = {
      {bundle + "mediatype.v1", "registry+v1"}, {bundle + "manifests.v1", "manifests/"},
      {bundle + "metadata.v1", "metadata/"},    {bundle + "package.v1", kPackage},
      {test + "mediatype.v1", "scorecard+v1"},  {test + "config.v1", "tests/scorecard/"}};
  for (const auto& [key, value] : expected) {
    if (view.annotations.value(key, "") != value) {
      findings.push_back({kAnnotationsFile, key + " must be " + value});
    }
  }
  static const std::set<std::string> kChannels = {"candidate", "fast", "stable"};
  for (const char* key : {"channels.v1", "channel.default.v1"}) {
    if (!kChannels.contains(view.annotations.value(bundle + key, ""))) {
      findings.push_back({kAnnotationsFile, bundle + key + " must be candidate, fast or stable"});
    }
  }
  if (!view.annotations.value("com.redhat.openshift.versions", "").starts_with("v4.")) {
    findings.push_back({kAnnotationsFile, "com.redhat.openshift.versions must begin with v4."});
  }
}

void dockerfile(const View& view, Findings& findings) {
  for (const auto& [key, value] : view.annotations.items()) {
    const std::string label = "LABEL " + key + "=" + value.get<std::string>() + "\n";
    if (view.dockerfile.find(label) == std::string::npos) {
      findings.push_back({"bundle.Dockerfile", "lacks the label " + key});
    }
  }
}

// OLM v1 resolves none.
void dependencies(const View& view, Findings& findings) {
  if (view.dependencies) {
    findings.push_back({"bundle/metadata/dependencies.yaml", "OLM v1 refuses dependencies"});
  }
}

const std::vector<BundleRule>& bundle_rules() {
  static const std::vector<BundleRule> kRules = {
      one_csv,    kinds,       owned_crds, service_accounts, namespaces, size, bundle_annotations,
      dockerfile, dependencies};
  return kRules;
}

}  // namespace

std::string text_at(const Json& document, const std::string& pointer) {
  const Json::json_pointer path(pointer);
  if (!document.contains(path) || !document.at(path).is_string()) return {};
  return document.at(path).get<std::string>();
}

Json list_at(const Json& document, const std::string& pointer) {
  const Json::json_pointer path(pointer);
  if (!document.contains(path) || !document.at(path).is_array()) return Json::array();
  return document.at(path);
}

View::View(const Files& files) {
  std::size_t csvs = 0;
  for (const auto& [path, content] : files) {
    if (path.starts_with(kManifestsFolder)) {
      bytes += content.size();
      for (Json& document : parse_yaml(content)) {
        const std::string kind = text_at(document, "/kind");
        if (kind == "CustomResourceDefinition") crds.push_back(document);
        if (kind == "ClusterServiceVersion" && ++csvs == 1) {
          csv = document;
          csv_file = path;
        }
        manifests.emplace_back(path, std::move(document));
      }
    } else if (path == kAnnotationsFile) {
      annotations = parse_yaml(content).at(0).value("annotations", Json::object());
    } else if (path == "bundle/metadata/dependencies.yaml") {
      dependencies = true;
    } else if (path == "bundle.Dockerfile") {
      dockerfile = content;
    } else if (path.starts_with("catalog/")) {
      for (Json& document : parse_yaml(content)) catalog.push_back(std::move(document));
    }
  }
  if (csvs != 1) csv = Json::object();
}

std::vector<Finding> check(const Files& files) {
  const View view(files);
  Findings findings;
  for (const auto* rules : {&bundle_rules(), &csv_rules(), &catalog_rules()}) {
    for (const BundleRule rule : *rules) rule(view, findings);
  }
  return findings;
}

std::vector<Finding> check_digests(const Files& files) {
  const View view(files);
  Findings findings;
  const auto by_digest = [&](const std::string& file, const Json& images) {
    for (const Json& image : images) {
      const std::string name = text_at(image, "/image");
      if (name.find("@sha256:") == std::string::npos) {
        findings.push_back({file, "name the image by its digest: " + name});
      }
    }
  };
  by_digest(view.csv_file, list_at(view.csv, "/spec/relatedImages"));
  for (const Json& document : view.catalog) {
    by_digest("catalog", list_at(document, "/relatedImages"));
  }
  return findings;
}

}  // namespace olm
