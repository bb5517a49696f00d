#include "olm/bundle.hpp"

namespace olm {
namespace {

constexpr const char* kCrdManifest = "workloads.systemd-operator.dev_systemdworkloads.yaml";

// The oldest OpenShift whose constraints admit the Deployment: before 4.11 (Kubernetes 1.24)
// "restricted" lets no Pod name a seccomp profile. config/openshift-4.7 is for those.
constexpr const char* kOpenShiftVersions = "v4.11";

// Manifests besides CRD and CSV. The ServiceAccount, the operator's own roles and the Deployment
// are made by OLM from the CSV. No NetworkPolicy (check.cpp): an administrator applies that.
constexpr const char* kManifests[] = {
    "config/rbac/metrics_reader_role.yaml", "config/rbac/user_roles.yaml",
    "config/manager/metrics_service.yaml",  "config/manager/pod_disruption_budget.yaml",
    "config/manager/priority_class.yaml",   "config/prometheus/role.yaml",
    "config/prometheus/monitor.yaml",       "config/prometheus/rules.yaml"};

std::string manifest_name(const Json& document) {
  const std::string api = document.at("apiVersion");
  const auto slash = api.find('/');
  const std::string group = slash == std::string::npos ? "core" : api.substr(0, slash);
  std::string kind = document.at("kind");
  for (char& c : kind) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return document.at("metadata").at("name").get<std::string>() + "_" + group + "_" + kind + ".yaml";
}

Json annotations(const Options& options) {
  const std::string bundle = "operators.operatorframework.io.bundle.";
  const std::string test = "operators.operatorframework.io.test.";
  return {{bundle + "mediatype.v1", "registry+v1"},
          {bundle + "manifests.v1", "manifests/"},
          {bundle + "metadata.v1", "metadata/"},
          {bundle + "package.v1", kPackage},
          {bundle + "channels.v1", options.channel},
          {bundle + "channel.default.v1", options.channel},
          {test + "mediatype.v1", "scorecard+v1"},
          {test + "config.v1", "tests/scorecard/"},
          {"com.redhat.openshift.versions", kOpenShiftVersions}};
}

std::string dockerfile(const Json& labels) {
  std::string text = "FROM scratch\n\n";
  for (const auto& [key, value] : labels.items()) {
    text += "LABEL " + key + "=" + value.get<std::string>() + "\n";
  }
  return text +
         "\nCOPY bundle/manifests /manifests/\n"
         "COPY bundle/metadata /metadata/\n"
         "COPY bundle/tests/scorecard /tests/scorecard/\n";
}

}  // namespace

std::string skip_range(const Options& options) {
  if (options.version == kFirstRelease) return {};
  return std::string(">=") + kFirstRelease + " <" + options.version;
}

Files make_bundle(const Options& options) {
  Files files;
  const std::string manifests = "bundle/manifests/";
  files[manifests + kPackage + ".clusterserviceversion.yaml"] = to_yaml(make_csv(options));
  files[manifests + kCrdManifest] = to_yaml(read_yaml(options.source / kCrdFile).at(0));
  for (const char* source : kManifests) {
    for (const Json& document : read_yaml(options.source / source)) {
      files[manifests + manifest_name(document)] = to_yaml(document);
    }
  }
  const Json labels = annotations(options);
  files["bundle/metadata/annotations.yaml"] = to_yaml({{"annotations", labels}});
  files["bundle/tests/scorecard/config.yaml"] =
      to_yaml(read_yaml(options.source / "config/scorecard/config.yaml").at(0));
  files["bundle.Dockerfile"] = dockerfile(labels);
  return files;
}

Files make_catalog(const Options& options) {
  const Json csv = make_csv(options);
  const Json& spec = csv.at("spec");
  const Json& icon = spec.at("icon").at(0);
  const Json package = {
      {"schema", "olm.package"},
      {"name", kPackage},
      {"defaultChannel", options.channel},
      {"description", csv.at("metadata").at("annotations").at("description")},
      {"icon", {{"base64data", icon.at("base64data")}, {"mediatype", icon.at("mediatype")}}}};

  const std::string name = csv.at("metadata").at("name");
  Json entry = {{"name", name}};
  if (!options.replaces.empty()) entry["replaces"] = options.replaces;
  if (const std::string skipped = skip_range(options); !skipped.empty()) {
    entry["skipRange"] = skipped;
  }
  const Json channel = {{"schema", "olm.channel"},
                        {"package", kPackage},
                        {"name", options.channel},
                        {"entries", Json::array({entry})}};

  Json metadata = {{"annotations", csv.at("metadata").at("annotations")}};
  for (const char* key : {"displayName", "description", "keywords", "links", "maintainers",
                          "maturity", "minKubeVersion", "provider", "installModes"}) {
    metadata[key] = spec.at(key);
  }
  metadata["labels"] = csv.at("metadata").at("labels");
  const Json& owned = spec.at("customresourcedefinitions").at("owned").at(0);
  metadata["crdDescriptions"] = {
      {"owned", Json::array({{{"kind", owned.at("kind")},
                              {"name", owned.at("name")},
                              {"version", owned.at("version")},
                              {"displayName", owned.at("displayName")},
                              {"description", owned.at("description")}}})}};
  const std::string crd = owned.at("name");
  const Json bundle = {
      {"schema", "olm.bundle"},
      {"name", name},
      {"package", kPackage},
      {"image", options.bundle_image},
      {"properties",
       Json::array({{{"type", "olm.package"},
                     {"value", {{"packageName", kPackage}, {"version", options.version}}}},
                    {{"type", "olm.gvk"},
                     {"value",
                      {{"group", crd.substr(crd.find('.') + 1)},
                       {"kind", owned.at("kind")},
                       {"version", owned.at("version")}}}},
                    {{"type", "olm.csv.metadata"}, {"value", metadata}}})},
      {"relatedImages", Json::array({{{"name", "bundle"}, {"image", options.bundle_image}},
                                     {{"name", "manager"}, {"image", options.image}}})}};

  Files files;
  std::string text;
  for (const Json& document : {package, channel, bundle}) text += "---\n" + to_yaml(document);
  files[std::string("catalog/") + kPackage + "/catalog.yaml"] = text;
  return files;
}

}  // namespace olm
