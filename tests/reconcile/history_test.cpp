// The revisions of a workload, kept as ControllerRevisions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_fixture.hpp"

namespace swo::reconcile {
namespace {

using test::what;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Kept : test::Scene {
  Kept() {
    children_in_line();
    add(pod(0, true));
  }
  void keep(const std::string& hash, std::int64_t number) {
    RevisionFacts facts_of_revision;
    facts_of_revision.key = {"demo", "nginx-" + hash};
    facts_of_revision.uid = "uid-" + hash;
    facts_of_revision.owner_uid = workload.uid;
    facts_of_revision.workload = workload.name;
    facts_of_revision.hash = hash;
    facts_of_revision.number = number;
    observed.revisions.push_back(std::make_shared<const RevisionFacts>(facts_of_revision));
  }
  const Json& document(const Plan& plan) const {
    return std::get<CreateAction>(plan.actions.front().what).document;
  }
};

TEST(History, BeginsWithTheFirstRevision) {
  Kept scene;
  scene.observed.revisions.clear();
  const Plan plan = scene.plan();
  EXPECT_THAT(what(plan), ElementsAre("create ControllerRevision demo/nginx-" + scene.revision()));
  EXPECT_EQ(scene.document(plan)["revision"], 1);
}

TEST(History, NumbersANewRevisionAfterTheHighest) {
  Kept scene;
  scene.observed.revisions.clear();
  scene.keep("old", 4);
  scene.keep("older", 2);
  EXPECT_EQ(scene.document(scene.plan())["revision"], 5);
}

TEST(History, NumbersARevisionAnewThatTheSpecGoesBackTo) {
  Kept scene;
  scene.observed.revisions.clear();
  scene.keep(scene.revision(), 1);
  scene.keep("newer", 2);
  const Plan plan = scene.plan();
  ASSERT_THAT(what(plan), ElementsAre("patch ControllerRevision demo/nginx-" + scene.revision()));
  EXPECT_EQ(std::get<PatchAction>(plan.actions[0].what).patch, (Json{{"revision", 3}}));
}

TEST(History, KeepsAsManyOfThoseThatNoInstanceHasAsTheLimitSays) {
  Kept scene;
  scene.observed.revisions.clear();
  scene.workload.spec.revision_history_limit = 1;
  scene.keep("a", 1);
  scene.keep("b", 2);
  scene.keep("used", 3);
  scene.keep("c", 4);
  scene.keep(scene.revision(), 5);
  PodFacts outdated = scene.pod(0, true);
  outdated.revision = "used";
  scene.observed.pods = {std::make_shared<const PodFacts>(outdated)};
  scene.workload.spec.update_strategy.type = "OnDelete";
  EXPECT_THAT(what(scene.plan()), ElementsAre("delete ControllerRevision demo/nginx-a",
                                              "delete ControllerRevision demo/nginx-b"));
}

TEST(History, OfAnotherWorkloadIsNoneOfOurs) {
  Kept scene;
  auto foreign = std::make_shared<RevisionFacts>(*scene.observed.revisions.front());
  foreign->hash = "foreign";
  foreign->number = 9;
  foreign->owner_uid = "someone";
  scene.observed.revisions.push_back(foreign);
  EXPECT_THAT(what(scene.plan()), IsEmpty());
}

}  // namespace
}  // namespace swo::reconcile
