// The bundle and catalog checked in are what crds/ and config/ make, and no validator has a word to
// say.
#include "olm/bundle.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "olm/check.hpp"

namespace olm {
namespace {

namespace fs = std::filesystem;

const fs::path kDeploy = fs::path(SWO_SOURCE_DIR) / "deploy";
constexpr const char* kCsv =
    "bundle/manifests/systemd-workload-operator.clusterserviceversion.yaml";
constexpr const char* kCatalog = "catalog/systemd-workload-operator/catalog.yaml";
constexpr const char* kAnnotations = "bundle/metadata/annotations.yaml";

Files generated(Options options = {}) {
  options.source = SWO_SOURCE_DIR;
  Files files = make_bundle(options);
  files.merge(make_catalog(options));
  return files;
}

std::string content(const fs::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Bundle, TheFilesOfTheRepositoryAreThoseThatAreGenerated) {
  const Files files = generated();
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    for (const auto& [path, text] : files) {
      fs::create_directories((kDeploy / path).parent_path());
      std::ofstream(kDeploy / path) << text;
    }
  }
  std::set<std::string> present;
  for (const char* folder : {"bundle", "catalog"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kDeploy / folder)) {
      if (entry.is_regular_file()) present.insert(fs::relative(entry, kDeploy).string());
    }
  }
  for (const auto& [path, text] : files) {
    EXPECT_EQ(content(kDeploy / path), text) << path << ": run this test once with UPDATE_GOLDEN=1";
    present.erase(path);
  }
  EXPECT_THAT(present, testing::IsEmpty()) << "no longer generated: delete them";
}

TEST(Bundle, NoValidatorHasAWordToSay) { EXPECT_THAT(check(generated()), testing::IsEmpty()); }

TEST(Bundle, AReleaseNamesItsImagesByDigest) {
  EXPECT_EQ(check_digests(generated()).size(), 3U);  // CSV, and in the catalog bundle and operator
  Options release;
  release.image = "quay.io/systemd-operator/systemd-workload-operator@sha256:ab";
  release.bundle_image = "quay.io/systemd-operator/systemd-workload-operator-bundle@sha256:cd";
  EXPECT_THAT(check_digests(generated(release)), testing::IsEmpty());
  EXPECT_THAT(check(generated(release)), testing::IsEmpty());
  // Only then does a mirror serve them.
  const auto disconnected = [](Options options) {
    options.source = SWO_SOURCE_DIR;
    const Json csv = make_csv(options);
    return csv["metadata"]["annotations"].value("features.operators.openshift.io/disconnected", "");
  };
  EXPECT_EQ(disconnected(release), "true");
  EXPECT_EQ(disconnected({}), "false");
}

Json channel_entry(const Files& files) {
  return parse_yaml(files.at(kCatalog)).at(1).at("entries").at(0);
}

TEST(Bundle, ALaterVersionReplacesTheOneBeforeAndWhoMissedThatMayFollowAtOnce) {
  Options later;
  later.version = "0.3.0";
  later.replaces = "systemd-workload-operator.v0.2.0";
  const Files files = generated(later);
  const Json csv = parse_yaml(files.at(kCsv)).at(0);
  EXPECT_EQ(csv.at("metadata").at("name"), "systemd-workload-operator.v0.3.0");
  EXPECT_EQ(csv.at("spec").at("replaces"), "systemd-workload-operator.v0.2.0");
  EXPECT_EQ(csv.at("metadata").at("annotations").at("olm.skipRange"), ">=0.1.0 <0.3.0");
  EXPECT_EQ(channel_entry(files), Json({{"name", "systemd-workload-operator.v0.3.0"},
                                        {"replaces", "systemd-workload-operator.v0.2.0"},
                                        {"skipRange", ">=0.1.0 <0.3.0"}}));
  EXPECT_THAT(check(files), testing::IsEmpty());
}

TEST(Bundle, TheFirstVersionFollowsNone) {
  EXPECT_EQ(channel_entry(generated()), Json({{"name", "systemd-workload-operator.v0.1.0"}}));
  EXPECT_FALSE(parse_yaml(generated().at(kCsv))
                   .at(0)
                   .at("metadata")
                   .at("annotations")
                   .contains("olm.skipRange"));
}

TEST(Bundle, TheCatalogLeadsToTheBundleThatIsNamed) {
  Options own;
  own.image = "registry.example.com/operator:v1";
  own.bundle_image = "registry.example.com/operator-bundle:v1";
  const Json bundle = parse_yaml(generated(own).at(kCatalog)).at(2);
  EXPECT_EQ(bundle.at("image"), own.bundle_image);
  EXPECT_THAT(bundle.dump(), testing::Not(testing::HasSubstr("quay.io/systemd-operator")));
}

TEST(Bundle, OpenShiftsPrometheusMayFindTheOperatorsPods) {
  const Files files = generated();
  const auto manifest = [&](const std::string& kind) {
    return parse_yaml(files.at("bundle/manifests/systemd-workload-operator-monitoring_"
                               "rbac.authorization.k8s.io_" +
                               kind + ".yaml"))
        .at(0);
  };
  EXPECT_EQ(manifest("role").at("rules"),
            Json::parse(R"([{"apiGroups": [""], "resources": ["services", "endpoints", "pods"],
                             "verbs": ["get", "list", "watch"]}])"));
  EXPECT_EQ(manifest("rolebinding").at("roleRef").at("name"),
            manifest("role").at("metadata").at("name"));
  EXPECT_EQ(manifest("rolebinding").at("subjects").at(0).at("namespace"), "openshift-monitoring");
}

// The rules of config/rbac's roles in the files, in their order.
Json rules_in(const std::vector<std::string>& files) {
  Json rules = Json::array();
  for (const std::string& file : files) {
    for (const Json& document : read_yaml(fs::path(SWO_SOURCE_DIR) / "config/rbac" / file)) {
      if (!document.contains("rules")) continue;
      for (const Json& rule : document.at("rules")) rules.push_back(rule);
    }
  }
  return rules;
}

TEST(Bundle, TheRightsAreThoseOfConfigRbacAndNoOthers) {
  Options options;
  options.source = SWO_SOURCE_DIR;
  const Json spec = make_csv(options).at("spec").at("install").at("spec");
  const auto granted = [&](const char* where) {
    EXPECT_EQ(spec.at(where).size(), 1U);
    return spec.at(where).at(0).at("rules");
  };
  // What OLM grants in the watched namespaces alone, where there are some.
  EXPECT_EQ(granted("permissions"), rules_in({"role.yaml", "leader_election_role.yaml"}));
  EXPECT_EQ(granted("clusterPermissions"),
            rules_in({"cluster_role.yaml", "metrics_auth_role.yaml"}));
  EXPECT_GT(granted("permissions").size(), 10U);
}

// Checking reads every file again; of the schema no rule reads more than names.
Files with_small_crd() {
  static const Files kFiles = [] {
    Files files = generated();
    std::string& crd =
        files["bundle/manifests/workloads.systemd-operator.dev_systemdworkloads.yaml"];
    Json document = parse_yaml(crd).at(0);
    document["spec"]["versions"][0].erase("schema");
    crd = to_yaml(document);
    return files;
  }();
  return kFiles;
}

// Each rule of the checks, broken once: what a validator would say must be said here.
struct Breakage {
  const char* file;
  std::function<void(Json&)> change;  // of its document
  const char* finding;
};

void put(Json& document, const char* pointer, Json value) {
  document[Json::json_pointer(pointer)] = std::move(value);
}

Breakage sets(const char* file, const char* pointer, Json value, const char* finding) {
  return {file, [=](Json& document) { put(document, pointer, value); }, finding};
}

std::vector<Breakage> breakages() {
  const char* container = "/spec/install/spec/deployments/0/spec/template/spec/containers/0";
  static const std::string kLimits = std::string(container) + "/resources/limits";
  static const std::string kCpu = std::string(container) + "/resources/requests";
  static const std::string kEnv = std::string(container) + "/env";
  static const std::string kImage = std::string(container) + "/image";
  return {
      sets(kCsv, "/kind", "Deployment", "exactly one ClusterServiceVersion"),
      sets(kCsv, "/kind", "Route", "OLM accepts no Route"),
      sets(kCsv, "/kind", "NetworkPolicy", "OLM accepts no NetworkPolicy"),
      sets(kCsv, "/metadata/name", "operator", "metadata.name must be PACKAGE.vVERSION"),
      sets(kCsv, "/metadata/namespace", "here", "leave metadata.namespace out"),
      sets(kCsv, "/spec/version", "1", "spec.version must be a semantic version"),
      sets(kCsv, "/spec/minKubeVersion", "v1", "spec.minKubeVersion must be"),
      sets(kCsv, "/spec/displayName", "", "spec.displayName is missing"),
      sets(kCsv, "/spec/description", "", "spec.description is missing"),
      sets(kCsv, "/spec/maturity", "", "spec.maturity is missing"),
      sets(kCsv, "/spec/provider", Json::object(), "spec.provider.name is missing"),
      sets(kCsv, "/spec/keywords", Json::array(), "spec.keywords is missing"),
      sets(kCsv, "/spec/maintainers", Json::array(), "spec.maintainers is missing"),
      sets(kCsv, "/spec/maintainers/0/email", "nobody", "a maintainer needs"),
      sets(kCsv, "/spec/links", Json::array(), "spec.links is missing"),
      sets(kCsv, "/spec/links/0/url", "ftp://x", "a link needs"),
      sets(kCsv, "/spec/icon", Json::array(), "spec.icon must be one image"),
      sets(kCsv, "/spec/icon/0/mediatype", "image/webp", "spec.icon must be one image"),
      sets(kCsv, "/metadata/annotations/support", "", "the annotation support is missing"),
      sets(kCsv, "/metadata/annotations/capabilities", "All", "names no capability level"),
      sets(kCsv, "/metadata/annotations/categories", "Security, Fun", "no such category: Fun"),
      {kCsv,
       [](Json& csv) {
         csv["metadata"]["annotations"]["features.operators.openshift.io/proxy-aware"] = "maybe";
       },
       "the feature proxy-aware must be"},
      {kCsv, [](Json& csv) { csv["metadata"]["labels"].erase("operatorframework.io/arch.amd64"); },
       "the label operatorframework.io/arch.amd64"},
      sets(kCsv, "/spec/installModes/3/supported", false, "OLM v1 needs the install mode"),
      {kCsv, [](Json& csv) { csv["spec"]["installModes"].erase(0); }, "must list all four modes"},
      sets(kCsv, "/spec/install/strategy", "helm", "spec.install.strategy must be deployment"),
      sets(kCsv, "/spec/install/spec/permissions", Json::array(), "permissions are missing"),
      sets(kCsv, "/spec/install/spec/clusterPermissions/0/rules/0/verbs", Json::array({"*"}),
           "a right to * in verbs"),
      sets(kCsv, "/spec/install/spec/clusterPermissions/0/rules/0",
           Json{{"apiGroups", {"apiextensions.k8s.io"}},
                {"resources", {"customresourcedefinitions"}},
                {"verbs", {"create"}}},
           "a right to write CRDs"),
      sets(kCsv, kLimits.c_str(), Json{{"cpu", "1"}}, "a container with limits"),
      sets(kCsv, kCpu.c_str(), Json{{"cpu", "1"}}, "a container without requests/memory"),
      sets(kCsv, kEnv.c_str(), Json::array(), "no container reads olm.targetNamespaces"),
      sets(kCsv, kImage.c_str(), "other", "relatedImages lacks other"),
      sets(kCsv, "/metadata/annotations/alm-examples", "[]", "alm-examples must be a list"),
      sets(kCsv, "/metadata/annotations/alm-examples", R"([{"kind": "Other"}])",
           "alm-examples has no SystemdWorkload"),
      sets(kCsv, "/spec/customresourcedefinitions/owned/0/version", "v2",
           "the CRDs owned and the CRDs in the bundle"),
      sets(kCsv, "/spec/customresourcedefinitions/owned/0/description", "", "has no description"),
      sets(kCsv, "/spec/customresourcedefinitions/owned/0/resources", Json::array(),
           "lists no resources"),
      sets(kCsv, "/spec/customresourcedefinitions/owned/0/specDescriptors", Json::array(),
           "no specDescriptor for image"),
      sets(kCsv, "/spec/customresourcedefinitions/owned/0/specDescriptors/0/displayName", "",
           "a descriptor without name"),
      sets(kCsv, "/spec/customresourcedefinitions/owned/0/statusDescriptors", Json::array(),
           "has no statusDescriptors"),
      {kAnnotations,
       [](Json& document) {
         document["annotations"]["operators.operatorframework.io.bundle.channels.v1"] = "alpha";
       },
       "must be candidate, fast or stable"},
      {kAnnotations,
       [](Json& document) {
         document["annotations"]["operators.operatorframework.io.bundle.package.v1"] = "other";
       },
       "package.v1 must be systemd-workload-operator"},
      {kAnnotations,
       [](Json& document) { document["annotations"].erase("com.redhat.openshift.versions"); },
       "com.redhat.openshift.versions must begin"},
      {kAnnotations, [](Json& document) { document["annotations"]["extra"] = "x"; },
       "lacks the label extra"},
  };
}

TEST(BundleCheck, SaysWhatIsWrongWithEachBrokenBundle) {
  const Files sound = with_small_crd();
  for (const Breakage& breakage : breakages()) {
    Files files = sound;
    Json document = parse_yaml(files.at(breakage.file)).at(0);
    breakage.change(document);
    files[breakage.file] = to_yaml(document);
    std::string said;
    for (const Finding& finding : check(files)) said += finding.message + "\n";
    EXPECT_THAT(said, testing::HasSubstr(breakage.finding));
  }
}

TEST(BundleCheck, RefusesDependenciesLargeBundlesAndASecondCsv) {
  Files files = generated();
  files["bundle/metadata/dependencies.yaml"] = "dependencies: []\n";
  files["bundle/manifests/large.yaml"] =
      to_yaml({{"kind", "ConfigMap"}, {"data", std::string(1U << 20U, 'x')}});
  files["bundle/manifests/second.yaml"] = files.at(kCsv);
  std::string said;
  for (const Finding& finding : check(files)) said += finding.message + "\n";
  for (const char* expected : {"OLM v1 refuses dependencies", "larger than 1 MiB", "exactly one"}) {
    EXPECT_THAT(said, testing::HasSubstr(expected));
  }
}

TEST(BundleCheck, RefusesAServiceAccountThatOlmMakesItself) {
  Files files = generated();
  files["bundle/manifests/account.yaml"] =
      content(fs::path(SWO_SOURCE_DIR) / "config/rbac/service_account.yaml");
  ASSERT_EQ(check(files).size(), 1U);
  EXPECT_THAT(check(files)[0].message, testing::HasSubstr("OLM makes the ServiceAccounts"));
}

TEST(CatalogCheck, SaysWhatIsWrongWithEachBrokenCatalog) {
  const Files sound = with_small_crd();
  const std::vector<Json> documents = parse_yaml(sound.at(kCatalog));
  const struct {
    std::size_t document;
    const char* pointer;
    Json value;
    const char* finding;
  } cases[] = {
      {0, "/name", "other", "there must be one olm.package"},
      {0, "/defaultChannel", "fast", "the default channel does not exist"},
      {1, "/entries/0/name", "gone.v1.0.0", "no olm.bundle for gone.v1.0.0"},
      {1, "/entries", Json::array(), "must have one head"},
      {2, "/properties/0/value/version", "9.9.9", "olm.package must tell its version"},
      {2, "/properties/1/type", "other", "olm.gvk is missing"},
      {2, "/properties/2/type", "other", "olm.csv.metadata is missing"},
      {2, "/properties/1/type", "olm.gvk.required", "OLM v1 refuses dependencies"},
      {2, "/relatedImages", Json::array(), "relatedImages lacks the bundle's own image"},
  };
  for (const auto& c : cases) {
    std::vector<Json> broken = documents;
    put(broken[c.document], c.pointer, c.value);
    Files files = sound;
    std::string text;
    for (const Json& document : broken) text += "---\n" + to_yaml(document);
    files[kCatalog] = text;
    std::string said;
    for (const Finding& finding : check(files)) said += finding.message + "\n";
    EXPECT_THAT(said, testing::HasSubstr(c.finding));
  }
}

}  // namespace
}  // namespace olm
