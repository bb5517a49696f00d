// Others at work on the same objects: persons who edit and delete, webhooks that rewrite,
// namespaces and types that go away. What is ours is put back with one write each, and nothing is
// fought over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios.hpp"

namespace swo::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Child {
  const char* name;
  std::string collection, object;
  Json edit;  // a merge patch to a field of ours
  std::string write;
};

const Child all_children[] = {
    {"Service",
     core_path + "services",
     "nginx",
     {{"spec", {{"selector", {{"app", "other"}}}}}},
     "services/demo/nginx"},
    {"headless_Service",
     core_path + "services",
     "nginx-instances",
     {{"spec", {{"publishNotReadyAddresses", false}}}},
     "services/demo/nginx-instances"},
    {"ServiceAccount",
     core_path + "serviceaccounts",
     "nginx-systemd",
     {{"metadata", {{"labels", {{"app.kubernetes.io/name", "other"}}}}}},
     "serviceaccounts/demo/nginx-systemd"},
    {"Role",
     rbac_path + "roles",
     "nginx-systemd",
     {{"rules", Json::array()}},
     "roles/demo/nginx-systemd"},
    {"RoleBinding",
     rbac_path + "rolebindings",
     "nginx-systemd",
     {{"subjects", Json::array()}},
     "rolebindings/demo/nginx-systemd"},
    {"PodDisruptionBudget",
     "/apis/policy/v1/namespaces/demo/poddisruptionbudgets",
     "nginx",
     {{"spec", {{"maxUnavailable", 2}}}},
     "poddisruptionbudgets/demo/nginx"},
    {"Route",
     "/apis/route.openshift.io/v1/namespaces/demo/routes",
     "nginx",
     {{"spec", {{"to", {{"name", "other"}}}}}},
     "routes/demo/nginx"},
    {"SCC",
     sccs_path,
     "systemd-workload",
     {{"allowPrivilegedContainer", true}},
     "securitycontextconstraints/systemd-workload"},
};

class OtherActors : public testing::Test {
 protected:
  void SetUp() override {
    simulation.apply("nginx", nginx("v1", 1));
    ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 1, "v1"); }));
    end = end_state(simulation);
    simulation.forget_writes();
  }
  void expect_put_back_with_one_write(const Child& child) {
    simulation.advance(minutes(5));
    EXPECT_EQ(end_state(simulation), end);
    EXPECT_EQ(simulation.writes_to("PATCH " + child.write), 1);
    EXPECT_EQ(writes_of_objects(simulation).size(), 1U);
    simulation.forget_writes();
  }
  Simulation simulation;
  std::string end;
};

TEST_F(OtherActors, WhatAPersonEditsOfOursIsPutBackWithOneWrite) {
  for (const Child& child : all_children) {
    SCOPED_TRACE(child.name);
    simulation.admin().merge_patch(child.collection, child.object, child.edit);
    EXPECT_NE(end_state(simulation), end) << "the edit changes nothing";
    expect_put_back_with_one_write(child);
  }
}

TEST_F(OtherActors, APortThatAPersonRenumbersIsPutBackThoughItsNameIsTakenByTheirs) {
  simulation.admin().merge_patch(core_path + "services", "nginx",
                                 {{"spec", {{"ports", {{{"name", "http"}, {"port", 81}}}}}}});
  simulation.advance(minutes(5));
  EXPECT_EQ(end_state(simulation), end);
  EXPECT_EQ(simulation.writes_to("PATCH services/demo/nginx"), 2);
}

TEST_F(OtherActors, WhatAPersonDeletesOfOursIsMadeAgainWithOneWrite) {
  for (const Child& child : all_children) {
    SCOPED_TRACE(child.name);
    ASSERT_TRUE(simulation.admin().remove(child.collection, child.object));
    expect_put_back_with_one_write(child);
  }
}

TEST_F(OtherActors, WhatAPersonAddsToOursStays) {
  for (const Child& child : all_children) {
    SCOPED_TRACE(child.name);
    simulation.admin().merge_patch(child.collection, child.object,
                                   {{"metadata", {{"annotations", {{"team", "blue"}}}}}});
  }
  simulation.advance(minutes(5));
  EXPECT_THAT(simulation.writes(), IsEmpty());
  EXPECT_EQ(simulation.admin()
                .get(all_children[0].collection, "nginx")
                ->at("metadata")["annotations"]["team"],
            "blue");
}

TEST_F(OtherActors, AWebhookThatRewritesWhatWeWriteIsNotFought) {
  simulation.cluster().api().add_admission(
      [](const devcluster::AdmissionRequest& request, Json& object) -> std::optional<std::string> {
        if (request.verb != "delete" && request.resource == "services") {
          object["spec"]["selector"]["app.kubernetes.io/name"] = "rewritten";
        }
        return std::nullopt;
      });
  simulation.admin().merge_patch(core_path + "services", "nginx",
                                 {{"metadata", {{"annotations", {{"team", "blue"}}}}}});
  simulation.advance(hours(1));
  for (const auto& [what, count] : simulation.writes()) {
    EXPECT_LE(count, 2) << what;
  }
  simulation.apply("nginx", nginx("v2", 1));
  ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 1, "v2"); }));
}

TEST_F(OtherActors, AWebhookThatWasThereFirstIsNotFoughtEither) {
  simulation.cluster().api().add_admission(
      [](const devcluster::AdmissionRequest& request, Json& object) -> std::optional<std::string> {
        if (request.verb != "delete" && request.resource == "poddisruptionbudgets") {
          object["spec"]["maxUnavailable"] = 5;
        }
        return std::nullopt;
      });
  simulation.apply("second", {{"image", "v1"}});
  ASSERT_TRUE(simulation.until([&] { return simulation.running("second"); }));
  simulation.advance(hours(1));
  EXPECT_LE(simulation.writes_to("PATCH poddisruptionbudgets/demo/second"), 2);
}

TEST_F(OtherActors, AWebhookThatRewritesTheResourcesOfPodsGetsNoInstanceReplaced) {
  simulation.cluster().api().add_admission(
      [](const devcluster::AdmissionRequest& request, Json& object) -> std::optional<std::string> {
        if (request.verb == "create" && request.resource == "pods") {
          object["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "50m";
        }
        return std::nullopt;
      });
  Json spec = nginx("v2", 1);
  spec["resources"] = {{"limits", {{"cpu", "2"}}}, {"requests", {{"cpu", "1"}}}};
  simulation.apply("nginx", spec);
  ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 1, "v2"); }));
  simulation.forget_writes();
  simulation.advance(hours(1));
  EXPECT_THAT(simulation.writes(), IsEmpty());
}

// Our objects are found by their labels.
TEST_F(OtherActors, AnInstanceWhoseLabelAPersonChangesIsFoundAgain) {
  const auto instance = [&] { return *simulation.admin().get(Simulation::pods_path(), "nginx-0"); };
  const Json before = instance();
  for (const char* label :
       {"app.kubernetes.io/managed-by", "workloads.systemd-operator.dev/workload",
        "workloads.systemd-operator.dev/ordinal"}) {
    SCOPED_TRACE(label);
    simulation.admin().merge_patch(Simulation::pods_path(), "nginx-0",
                                   {{"metadata", {{"labels", {{label, "7"}}}}}});
    simulation.advance(minutes(5));
    EXPECT_EQ(instance()["metadata"]["labels"], before["metadata"]["labels"]);
    EXPECT_EQ(instance()["metadata"]["uid"], before["metadata"]["uid"]);
    EXPECT_TRUE(settled_at(simulation, 1, "v1")) << simulation.workload("nginx").dump(2);
  }
}

TEST_F(OtherActors, AWebhookThatTakesALabelOfOursIsToldOfAndNotFought) {
  simulation.cluster().api().add_admission(
      [](const devcluster::AdmissionRequest& request, Json& object) -> std::optional<std::string> {
        if (request.verb != "delete" && request.resource == "services") {
          object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "platform";
        }
        return std::nullopt;
      });
  simulation.apply("second", {{"image", "v1"}, {"ports", {{{"name", "http"}, {"port", 80}}}}});
  simulation.advance(minutes(10));
  simulation.forget_writes();
  simulation.advance(hours(1));
  EXPECT_LE(simulation.write_count(), 20) << "ever less often";
  EXPECT_THAT(simulation.workload("second")["status"].dump(),
              HasSubstr("rewrites the label app.kubernetes.io/managed-by"));
}

// A list is read as a whole, and a watch goes on after what it has understood.
TEST_F(OtherActors, AWorkloadThatIsNestedTooDeepKeepsTheOperatorFromNoOther) {
  // A CRD that lets it in.
  const std::string crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const std::string name = "systemdworkloads.workloads.systemd-operator.dev";
  Json versions = simulation.admin().get(crds, name)->at("spec").at("versions");
  versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["volumes"]["items"]
          ["properties"]["ephemeral"]["properties"]["volumeClaimTemplate"] = {
              {"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
  simulation.admin().merge_patch(crds, name, {{"spec", {{"versions", versions}}}});
  std::string claim = "{}";
  for (int i = 0; i < 600; ++i) {
    claim = "{\"a\":" + claim + "}";
  }
  const Json deep = {
      {"image", "v1"},
      {"volumes",
       {{{"name", "d"},
         {"ephemeral", {{"volumeClaimTemplate", {{"spec", Json::parse(claim)}}}}}}}}};
  simulation.apply("deep", deep);
  simulation.apply("second", {{"image", "v1"}});
  EXPECT_TRUE(simulation.until([&] { return simulation.running("second"); }, minutes(5)));
  simulation.stop_operator();
  simulation.start_operator();
  simulation.apply("third", {{"image", "v1"}});
  EXPECT_TRUE(simulation.until([&] { return simulation.running("third"); }, minutes(5)));
  EXPECT_EQ(simulation.phase("deep"), "InvalidSpec");
}

// The schema knows nothing of quantities: the API server does.
TEST_F(OtherActors, APodThatTheApiServerRefusesCostsNoRunningInstance) {
  simulation.cluster().api().add_admission(
      [](const devcluster::AdmissionRequest& request, Json& object) -> std::optional<std::string> {
        const bool refused = request.verb == "create" && request.resource == "pods" &&
                             object["spec"]["containers"][0]["image"] == "v2";
        if (refused) {
          object["spec"]["containers"][0].erase("image");  // then it is invalid
        }
        return std::nullopt;
      });
  simulation.apply("nginx", nginx("v2", 1));
  simulation.advance(minutes(10));
  EXPECT_EQ(simulation.writes_to("DELETE pods/demo/nginx-0"), 0);
  EXPECT_THAT(simulation.workload("nginx")["status"]["phase"].get<std::string>(),
              HasSubstr("Invalid"));
  simulation.apply("nginx", nginx("v3", 1));
  EXPECT_TRUE(simulation.until([&] { return settled_at(simulation, 1, "v3"); }));
}

// Admission answers 403 before the API server finds that the name is taken.
TEST_F(OtherActors, NorDoesOneThatAnAdmissionRefusesUnlessItIsTheOldOneThatFillsTheQuota) {
  std::string words = "violates PodSecurity \"baseline:latest\"";
  simulation.cluster().api().add_admission(
      [&](const devcluster::AdmissionRequest& request, Json&) -> std::optional<std::string> {
        const bool refused = request.verb == "create" && request.resource == "pods" &&
                             simulation.admin().get(Simulation::pods_path(), "nginx-0");
        return refused && !words.empty() ? std::optional(words) : std::nullopt;
      });
  simulation.apply("nginx", nginx("v2", 1));
  simulation.advance(minutes(10));
  EXPECT_EQ(simulation.writes_to("DELETE pods/demo/nginx-0"), 0);
  EXPECT_EQ(simulation.phase("nginx"), "PodSecurityRefused");
  words = "exceeded quota: one-pod, requested: pods=1, used: pods=1, limited: pods=1";
  EXPECT_TRUE(simulation.until([&] { return settled_at(simulation, 1, "v2"); }, hours(1)));
}

TEST_F(OtherActors, ANamespaceThatIsBeingDeletedIsLeftToDoSo) {
  // Something holds the namespace for an hour: nothing can be made in it, and what is deleted stays
  // deleted.
  simulation.admin().create(
      core_path + "configmaps",
      {{"metadata", {{"name", "held"}, {"finalizers", {"example.com/held"}}}}});
  simulation.admin().remove("/api/v1/namespaces", "demo");
  simulation.advance(hours(1));
  EXPECT_THAT(simulation.admin().list(Simulation::pods_path()), IsEmpty());
  EXPECT_THAT(writes_of_objects(simulation),
              testing::UnorderedElementsAre(
                  testing::Pair("DELETE securitycontextconstraints/systemd-workload", 1)));
  EXPECT_LE(simulation.write_count(), 20) << testing::PrintToString(simulation.writes());
}

TEST_F(OtherActors, ATypeThatIsDeletedAndMadeAgainIsServedAgain) {
  const std::string crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const std::string name = "systemdworkloads.workloads.systemd-operator.dev";
  Json crd = *simulation.admin().get(crds, name);
  simulation.longest_step = std::chrono::seconds(5);
  simulation.admin().remove(crds, name);
  simulation.advance(minutes(3));
  EXPECT_THAT(simulation.admin().list(Simulation::pods_path()), IsEmpty());
  EXPECT_THAT(Simulation::log(), HasSubstr("the watch of systemdworkloads is in trouble"));
  simulation.admin().create(crds, {{"apiVersion", crd["apiVersion"]},
                                   {"kind", crd["kind"]},
                                   {"metadata", {{"name", name}}},
                                   {"spec", crd["spec"]}});
  simulation.settle();
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(simulation.until([&] { return settled_at(simulation, 1, "v1"); }))
      << simulation.workload("nginx").dump(2) << Simulation::log();
  EXPECT_EQ(end_state(simulation), end);
}

TEST_F(OtherActors, AnHourAtRestAndARestartWriteNothing) {
  simulation.advance(hours(1));
  simulation.stop_operator();
  simulation.start_operator();
  simulation.advance(hours(1));
  EXPECT_THAT(simulation.writes(), IsEmpty());
}

}  // namespace
}  // namespace swo::test
