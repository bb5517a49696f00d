// A tenant who may write SystemdWorkloads in a namespace, and means to get at others by it: all
// that the operator does for a workload stays in the workload's namespace.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devcluster/yaml.hpp"
#include "scenarios.hpp"

namespace swo::test {
namespace {

using std::chrono::minutes;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::MatchesRegex;

// Every field of the resource, but for those that would stop it.
Json everything() {
  std::ifstream file(SWO_SOURCE_DIR "/tests/api/full.yaml");
  Json spec = devcluster::yaml_documents({std::istreambuf_iterator<char>(file), {}}).at(0)["spec"];
  for (const char* field : {"paused", "hibernate", "priorityClassName"}) {
    spec.erase(field);
  }
  for (const char* field : {"securityContextConstraints", "runtimeClassName"}) {
    spec["platform"].erase(field);
  }
  return spec;
}

bool may(Simulation& simulation, const std::string& user, const std::string& verb,
         const std::string& resource, const std::string& group, const std::string& ns,
         const std::string& name) {
  return simulation.admin().create("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                                   {{"spec",
                                     {{"user", user},
                                      {"resourceAttributes",
                                       {{"verb", verb},
                                        {"resource", resource},
                                        {"group", group},
                                        {"namespace", ns},
                                        {"name", name}}}}}})["status"]["allowed"] == true;
}

bool may_use_scc(Simulation& simulation, const std::string& ns, const std::string& account,
                 const std::string& in) {
  return may(simulation, "system:serviceaccount:" + ns + ":" + account, "use",
             "securitycontextconstraints", "security.openshift.io", in, "systemd-workload");
}

TEST(Tenant, WhateverASpecSaysAllThatIsWrittenForItIsInItsNamespace) {
  for (const char* profile : {"openshift-4.8", "openshift-4.20", "kubernetes-1.33"}) {
    for (const Json& spec : {nginx("v1", 2), everything()}) {
      Simulation simulation({.profile = profile});
      simulation.apply("nginx", spec);
      simulation.advance(minutes(20));
      simulation.remove("nginx");
      simulation.advance(minutes(5));
      EXPECT_GT(simulation.write_count(), 5) << profile;
      // Besides: the constraints, and with consent (here) the nodes' settings; of set names.
      EXPECT_THAT(
          simulation.writes(),
          Each(Key(MatchesRegex("[A-Z]+ ([a-z]+/demo(/.*)?|"
                                "securitycontextconstraints/systemd-workload[a-z0-9-]*|"
                                "machineconfigs/99-[a-z]+-systemd-workload|nodes/cluster)"))))
          << profile;
    }
  }
}

TEST(Tenant, AServiceAccountIsOneOfTheNamespaceAndIsGrantedTheConstraintsThereAlone) {
  Simulation simulation;
  simulation.admin().create("/api/v1/namespaces", {{"metadata", {{"name", "other"}}}});
  for (const char* ns : {"demo", "other"}) {
    simulation.admin().create("/api/v1/namespaces/" + std::string(ns) + "/serviceaccounts",
                              {{"metadata", {{"name", "builder"}}}});
  }
  Json spec = nginx("v1", 1);
  spec["serviceAccountName"] = "builder";
  simulation.apply("nginx", spec);
  ASSERT_TRUE(simulation.until([&] { return simulation.running("nginx"); }));
  EXPECT_TRUE(may_use_scc(simulation, "demo", "builder", "demo"));
  EXPECT_FALSE(may_use_scc(simulation, "demo", "builder", "other"));
  EXPECT_FALSE(may_use_scc(simulation, "other", "builder", "other"));
  EXPECT_FALSE(may_use_scc(simulation, "other", "builder", "demo"));
  simulation.remove("nginx");
  ASSERT_TRUE(simulation.until(
      [&] { return simulation.admin().list(rbac_path + "rolebindings").empty(); }));
  EXPECT_FALSE(may_use_scc(simulation, "demo", "builder", "demo"));
}

TEST(Tenant, NoNameOfTheSpecReachesIntoAnotherNamespace) {
  Simulation simulation;
  const auto refusal = [&](const char* field, const Json& value) -> std::string {
    Json spec = nginx("v1", 1);
    spec[Json::json_pointer(field)] = value;
    try {
      simulation.apply("nginx", spec);
      simulation.remove("nginx");
      return "";
    } catch (const std::exception& refused) {
      return refused.what();
    }
  };
  for (const char* name : {"other/secret", "system:serviceaccount:other:builder", "../other", ""}) {
    EXPECT_THAT(refusal("/serviceAccountName", name), HasSubstr("spec.serviceAccountName")) << name;
    EXPECT_THAT(
        refusal("/init", {{"credentials", {{{"name", "a"}, {"secret", name}, {"key", "k"}}}}}),
        HasSubstr("spec.init.credentials"))
        << name;
  }
}

TEST(Tenant, PullSecretsAreNamedInThePodAndTheOperatorReadsNoSecret) {
  Simulation simulation;
  std::vector<std::string> asked;
  simulation.cluster().api().on_audit([&](const devcluster::AuditEvent& event) {
    if (event.user == "system:serviceaccount:systemd-workload-operator:systemd-workload-operator" &&
        (event.resource == "secrets" || event.resource == "configmaps")) {
      asked.push_back(event.verb + " " + event.resource);
    }
  });
  Json spec = nginx("v1", 1);
  // A field that would name another namespace is no field of the resource: it is pruned.
  spec["imagePullSecrets"] = {{{"name", "registry-login"}, {"namespace", "other"}}};
  simulation.apply("nginx", spec);
  simulation.advance(minutes(2));
  const auto pod = simulation.admin().get(Simulation::pods_path(), "nginx-0");
  ASSERT_TRUE(pod);
  EXPECT_EQ((*pod)["spec"]["imagePullSecrets"], Json({{{"name", "registry-login"}}}));
  EXPECT_THAT(asked, IsEmpty());
}

}  // namespace
}  // namespace swo::test
