// spec.resources changes: in the running Pod where that can be had, else by a new one.
#include "reconcile/resize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_fixture.hpp"

namespace swo::reconcile {
namespace {

using test::condition;
using test::what;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Sized : test::Scene {
  Sized() {
    strategy.in_place_resize = true;
    workload.spec.resources = {{"limits", {{"memory", "1Gi"}}}};
    children_in_line();
    live(R"({"limits":{"memory":"1Gi"},"requests":{"memory":"1Gi"}})");
  }
  void live(const std::string& resources, const std::string& resize = "") {
    PodFacts facts_of_pod = pod(0, true);
    facts_of_pod.resources = resources;
    facts_of_pod.resize = resize;
    facts_of_pod.node = "worker-1";
    observed.pods.clear();
    add(facts_of_pod);
  }
  void want(const char* amount) { workload.spec.resources["limits"]["memory"] = amount; }
};

TEST(Resize, ComparesWhatTheSpecNamesByItsValue) {
  Sized scene;
  scene.want("1024Mi");
  EXPECT_THAT(what(scene.plan()), IsEmpty());
}

TEST(Resize, GivesARunningInstanceMoreMemory) {
  Sized scene;
  scene.want("2Gi");
  const Plan plan = scene.plan();
  ASSERT_THAT(what(plan), ElementsAre("patch Pod demo/nginx-0"));
  const auto& patch = std::get<PatchAction>(plan.actions[0].what);
  EXPECT_EQ(patch.subresource, "resize");
  EXPECT_EQ(patch.kind, PatchKind::kStrategicMerge);
  EXPECT_EQ(patch.patch, Json::parse(R"({"spec":{"containers":[
      {"name":"systemd","resources":{"limits":{"memory":"2Gi"}}}]}})"));
  EXPECT_EQ(plan.status.updated_replicas, 1);
}

TEST(Resize, MakesTheInstanceAnewWhereThereIsNoResize) {
  Sized scene;
  scene.strategy.in_place_resize = false;
  scene.want("2Gi");
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), ElementsAre("delete Pod demo/nginx-0"));
  EXPECT_EQ(plan.status.updated_replicas, 0);
}

TEST(Resize, TakesMemoryAwayInPlaceOnlyWhereTheApiServerAllowsIt) {
  Sized scene;
  scene.want("512Mi");
  EXPECT_THAT(what(scene.plan()), ElementsAre("delete Pod demo/nginx-0"));
  scene.facts.kubernetes = {1, 34, 0};
  EXPECT_THAT(what(scene.plan()), ElementsAre("patch Pod demo/nginx-0"));
}

TEST(Resize, LeavesInstancesBelowThePartitionAlone) {
  Sized scene;
  scene.want("2Gi");
  scene.workload.spec.update_strategy.partition = 1;
  EXPECT_THAT(what(scene.plan()), IsEmpty());
}

TEST(Resize, TellsWhatTheKubeletWaitsForAndWhatItCannotDo) {
  Sized scene;
  scene.live(R"({"limits":{"memory":"1Gi"}})", "Deferred: not enough memory now");
  EXPECT_EQ(condition(scene.plan(), "Progressing").reason, "Resizing");
  scene.live(R"({"limits":{"memory":"1Gi"}})", "Infeasible: the node is too small");
  const api::Condition told = condition(scene.plan(), "Degraded");
  EXPECT_EQ(told.reason, "ResizeInfeasible");
  EXPECT_THAT(told.message, HasSubstr("worker-1"));
  EXPECT_THAT(told.message, HasSubstr("delete the Pod"));
}

// ClusterResourceOverride, VerticalPodAutoscaler: what they make of a Pod is theirs to decide.
TEST(Resize, LeavesAnInstanceWhoseResourcesAWebhookHasRewritten) {
  for (const bool in_place : {false, true}) {
    Sized scene;
    scene.strategy.in_place_resize = in_place;
    PodFacts rewritten = scene.pod(0, true);
    rewritten.resources = R"({"limits":{"memory":"512Mi"},"requests":{"memory":"64Mi"}})";
    rewritten.asked_resources = digest_of_text(R"({"limits":{"memory":"1Gi"}})");
    scene.observed.pods.clear();
    scene.add(rewritten);
    EXPECT_THAT(what(scene.plan()), IsEmpty());
    scene.want("2Gi");
    EXPECT_THAT(what(scene.plan()),
                ElementsAre(in_place ? "patch Pod demo/nginx-0" : "delete Pod demo/nginx-0"));
  }
}

TEST(Resize, IsNotAskedForAgainWhenSomethingRewritesIt) {
  Sized scene;
  scene.want("2Gi");
  const Json patch = std::get<PatchAction>(scene.plan().actions.at(0).what).patch;
  const auto answer = [](const char* memory) {
    return Json{{"spec",
                 {{"containers",
                   {{{"name", "systemd"}, {"resources", {{"limits", {{"memory", memory}}}}}}}}}}};
  };
  EXPECT_FALSE(settled_resize(answer("2Gi"), patch));
  const auto settled = settled_resize(answer("1536Mi"), patch);
  ASSERT_TRUE(settled);
  scene.memory.settled[{"pods", "nginx-0"}] = *settled;
  scene.live(R"({"limits":{"memory":"1536Mi"}})");
  EXPECT_THAT(what(scene.plan()), IsEmpty());
  scene.want("3Gi");
  EXPECT_THAT(what(scene.plan()), ElementsAre("patch Pod demo/nginx-0"));
}

}  // namespace
}  // namespace swo::reconcile
