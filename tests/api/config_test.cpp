// config/: the samples are valid, the rights are small, the operator's own Pod is confined.
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/workload.hpp"
#include "documents.hpp"

namespace swo::api {
namespace {

using api_test::read_yaml;

// Keys that the API server would prune, those of Kubernetes' own types included.
void pruned(const Json& value, const Json& schema, const std::string& path,
            std::vector<std::string>& out) {
  if (schema.value("x-kubernetes-preserve-unknown-fields", false)) return;
  if (value.is_array() && schema.contains("items")) {
    for (const Json& item : value) pruned(item, schema.at("items"), path + "[]", out);
  }
  if (!value.is_object() || !schema.contains("properties")) return;
  for (const auto& [key, child] : value.items()) {
    const Json& properties = schema.at("properties");
    if (properties.contains(key)) {
      pruned(child, properties.at(key), path + "." + key, out);
    } else {
      out.push_back(path + "." + key);
    }
  }
}

void expect_valid(const std::string& file) {
  for (const Json& object : read_yaml(file)) {
    const Parsed<Workload> parsed = parse_workload(object);
    if (const auto* fault = std::get_if<FieldError>(&parsed)) {
      ADD_FAILURE() << file << ": " << fault->message();
      continue;
    }
    for (const FieldError& error : validate(std::get<Workload>(parsed))) {
      ADD_FAILURE() << file << ": " << error.message();
    }
    std::vector<std::string> unknown;
    pruned(object.at("spec"), api_test::spec_schema(), "spec", unknown);
    EXPECT_THAT(unknown, testing::IsEmpty()) << file;
  }
}

TEST(Samples, AreValidAndWithoutUnknownFields) {
  const Json kustomization = read_yaml("config/samples/kustomization.yaml").at(0);
  for (const Json& resource : kustomization.at("resources")) {
    expect_valid("config/samples/" + resource.get<std::string>());
  }
  expect_valid("tests/api/full.yaml");
}

// init-data of freeipa/freeipa-container ends with 8 at a first argument that is neither an option
// nor one of these, so at every one that is meant for systemd.
TEST(Samples, FreeIpasOwnInitGetsNoArgumentThatItRefuses) {
  const auto parsed = parse_workload(read_yaml("config/samples/ipa.yaml").at(0));
  const InitSpec& init = std::get<Workload>(parsed).spec.init;
  EXPECT_EQ(init.command, std::vector<std::string>{"/usr/local/sbin/init"});
  EXPECT_EQ(init.args.at(0), "ipa-server-install");
  EXPECT_TRUE(init.target.empty() && init.log_level.empty() && init.log_target.empty() &&
              init.mask_units.empty() && !init.journal_to_console)
      << "these become arguments";
}

std::vector<Json> rules() {
  std::vector<Json> all;
  for (const char* file : {"role", "cluster_role", "leader_election_role", "metrics_auth_role"}) {
    for (const Json& document : read_yaml(std::string("config/rbac/") + file + ".yaml")) {
      for (const Json& rule : document.value("rules", Json::array())) all.push_back(rule);
    }
  }
  return all;
}

TEST(Rights, NoneIsForEverythingAndNoneIsForRaisingOnesOwn) {
  ASSERT_GT(rules().size(), 20U);
  for (const Json& rule : rules()) {
    for (const char* of : {"apiGroups", "resources", "verbs"}) {
      for (const Json& item : rule.value(of, Json::array())) {
        EXPECT_THAT(item.get<std::string>(), testing::Not(testing::HasSubstr("*"))) << rule;
      }
    }
    for (const Json& verb : rule.at("verbs")) {
      EXPECT_THAT(
          verb.get<std::string>(),
          testing::Not(testing::AnyOf("escalate", "bind", "impersonate", "deletecollection")))
          << rule;
    }
  }
}

TEST(Rights, NoSecretConfigMapOrCustomResourceDefinitionIsWithinReach) {
  for (const Json& rule : rules()) {
    for (const Json& resource : rule.at("resources")) {
      EXPECT_THAT(resource.get<std::string>(),
                  testing::Not(testing::AnyOf("secrets", "configmaps", "pods/exec",
                                              "customresourcedefinitions", "clusterroles",
                                              "clusterrolebindings")));
    }
  }
}

// What the operator may use, tenants could be admitted by.
TEST(Rights, SecurityContextConstraintsAreUsedByNameOnly) {
  for (const Json& rule : rules()) {
    const Json& verbs = rule.at("verbs");
    if (std::find(verbs.begin(), verbs.end(), "use") == verbs.end()) continue;
    EXPECT_EQ(rule.at("resourceNames"), Json({"systemd-workload", "systemd-workload-annotation"}));
    EXPECT_EQ(verbs.size(), 1U);
  }
}

TEST(Rights, EveryRuleSaysWhy) {
  for (const char* name : {"role", "cluster_role"}) {
    std::ifstream file(std::string(SWO_SOURCE_DIR "/config/rbac/") + name + ".yaml");
    ASSERT_TRUE(file) << name;
    bool explained = false;
    for (std::string line; std::getline(file, line);) {
      // A comment speaks for the rules up to an empty line.
      if (line.empty() || line == "---") explained = false;
      if (line.starts_with("  # ")) explained = true;
      EXPECT_TRUE(explained || !line.starts_with("  - apiGroups")) << line;
    }
  }
}

TEST(Manager, ItsPodMeetsTheRestrictedStandardAndHasRequestsButNoLimits) {
  const Json deployment = read_yaml("config/manager/manager.yaml").at(0);
  EXPECT_EQ(deployment.at("spec").at("replicas"), 2);
  const Json& pod = deployment.at("spec").at("template").at("spec");
  EXPECT_EQ(pod.at("securityContext").at("runAsNonRoot"), true);
  EXPECT_EQ(pod.at("securityContext").at("seccompProfile").at("type"), "RuntimeDefault");
  for (const Json& container : pod.at("containers")) {
    const Json& security = container.at("securityContext");
    EXPECT_EQ(security.at("allowPrivilegeEscalation"), false);
    EXPECT_EQ(security.at("readOnlyRootFilesystem"), true);
    EXPECT_EQ(security.at("capabilities").at("drop"), Json({"ALL"}));
    EXPECT_TRUE(container.at("resources").at("requests").contains("cpu"));
    EXPECT_TRUE(container.at("resources").at("requests").contains("memory"));
    EXPECT_FALSE(container.at("resources").contains("limits"));
  }
}

TEST(Manager, ItsPodsLandOnTheNodesThatItsImageIsFor) {
  const Json affinity = read_yaml("config/manager/manager.yaml")
                            .at(0)
                            .at("/spec/template/spec/affinity/nodeAffinity"_json_pointer)
                            .at("requiredDuringSchedulingIgnoredDuringExecution")
                            .at("nodeSelectorTerms");
  ASSERT_EQ(affinity.size(), 1U);
  Json labels = Json::object();  // what the bundle says of the same
  for (const Json& wanted : affinity[0].at("matchExpressions")) {
    const std::string key = wanted.at("key");
    for (const Json& value : wanted.at("values")) {
      labels["operatorframework.io/" + key.substr(key.find('/') + 1) + "." +
             value.get<std::string>()] = "supported";
    }
  }
  EXPECT_EQ(read_yaml("config/manifests/csv.yaml").at(0).at("metadata").at("labels"), labels);
}

// The API server's port is the cluster's affair.
TEST(NetworkPolicy, LetsTheOperatorReachAnApiServerOnAnyPort) {
  const Json policy = read_yaml("config/network-policy/network_policy.yaml").at(0);
  EXPECT_EQ(policy.at("/spec/egress/0/ports"_json_pointer), Json::parse(R"([{"protocol":"TCP"}])"));
  EXPECT_FALSE(policy.at("/spec/egress/0"_json_pointer).contains("to"));
}

// `make deploy IMAGE=…` puts another image in the place of the one that config/ names.
TEST(Deploy, PutsAnotherImageInThePlaceOfTheOneThatTheFolderNames) {
  const Json image = read_yaml("config/manager/kustomization.yaml").at(0).at("images").at(0);
  const std::string published = image.at("newName");
  std::ifstream makefile(SWO_SOURCE_DIR "/Makefile");
  std::stringstream text;
  text << makefile.rdbuf();
  EXPECT_THAT(text.str(), testing::HasSubstr("PUBLISHED = " + published + "\n"));
  if (std::system("kubectl version --client >/dev/null 2>&1") != 0) {  // NOLINT(cert-env33-c)
    GTEST_SKIP() << "kubectl is not installed";
  }
  // What goes to the cluster, in place of sending it there.
  const std::string command =
      "make -s -n -C " SWO_SOURCE_DIR
      " deploy IMAGE=registry.example.com/operator:v1"
      " | sed 's/| kubectl apply.*//' | (cd " SWO_SOURCE_DIR " && sh) > deployed.yaml";
  ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(cert-env33-c)
  std::stringstream deployed;
  deployed << std::ifstream("deployed.yaml").rdbuf();
  EXPECT_THAT(deployed.str(), testing::HasSubstr("image: registry.example.com/operator:v1\n"));
  EXPECT_THAT(deployed.str(), testing::Not(testing::HasSubstr("image: " + published)));
}

// Each kustomization builds by itself; a person applies config/default.
TEST(Kustomize, EveryFolderBuilds) {
  if (std::system("kubectl version --client >/dev/null 2>&1") != 0) {  // NOLINT(cert-env33-c)
    GTEST_SKIP() << "kubectl is not installed";
  }
  for (const char* folder :
       {"crd", "rbac", "manager", "network-policy", "default", "namespaced", "openshift-4.7",
        "prometheus", "grafana", "console", "samples", "scorecard"}) {
    const std::string command =
        std::string("kubectl kustomize ") + SWO_SOURCE_DIR "/config/" + folder + " >/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << folder;  // NOLINT(cert-env33-c)
  }
}

// What OpenShift 4.7 – 4.10 would refuse: an API that came later, and a profile that "restricted"
// does not let a Pod name.
TEST(Kustomize, TheFolderForOldOpenShiftsHasNothingThatTheyRefuse) {
  if (std::system("kubectl version --client >/dev/null 2>&1") != 0) {  // NOLINT(cert-env33-c)
    GTEST_SKIP() << "kubectl is not installed";
  }
  const auto built = [](const char* folder) {
    const std::string command =
        std::string("kubectl kustomize ") + SWO_SOURCE_DIR "/config/" + folder + " > built.yaml";
    EXPECT_EQ(std::system(command.c_str()), 0) << folder;  // NOLINT(cert-env33-c)
    std::stringstream text;
    text << std::ifstream("built.yaml").rdbuf();
    return text.str();
  };
  for (const char* refused : {"apiVersion: policy/", "seccompProfile:"}) {
    EXPECT_THAT(built("openshift-4.7"), testing::Not(testing::HasSubstr(refused)));
    EXPECT_THAT(built("default"), testing::HasSubstr(refused));
  }
}

}  // namespace
}  // namespace swo::api
