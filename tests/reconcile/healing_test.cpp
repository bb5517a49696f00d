// Self-healing: an instance with a unit that stays failed is restarted, with patience and a limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_fixture.hpp"
#include "runtime/clock.hpp"

namespace swo::reconcile {
namespace {

using namespace std::chrono_literals;
using test::condition;
using test::kNow;
using test::what;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Ailing : test::Scene {
  Time now = kNow;

  Ailing() {
    workload.spec.readiness.self_healing = {"Restart", 300, 2};
    children_in_line();
    become({.ready = false, .failed = {"httpd.service"}});
  }

  struct Instance {
    bool ready = false;
    std::vector<std::string> failed = {};
    std::string uid = "uid-1";
  };
  void become(const Instance& instance) {
    PodFacts facts_of_pod = pod(0, instance.ready);
    facts_of_pod.uid = instance.uid;
    observed.pods.clear();
    add(facts_of_pod);
    observed.evidence.clear();
    observed.evidence["nginx-0"].systemd = {instance.failed.empty() ? "starting" : "degraded",
                                            instance.failed, ""};
  }
  // Plans, and takes the status as written.
  Plan look() {
    Plan plan = reconcile::plan({workload, observed, memory, facts, strategy, now});
    workload.status = plan.status;
    return plan;
  }
  std::vector<std::string> reasons(const Plan& plan) const {
    std::vector<std::string> list;
    for (const Notice& notice : plan.notices) list.push_back(notice.reason);
    return list;
  }
  // Until the restart has been carried out: the Pod that comes next is "uid-<n>".
  void restart_after(std::chrono::seconds wait, const std::string& next_uid) {
    EXPECT_THAT(what(look()), IsEmpty());
    now += wait;
    EXPECT_THAT(what(look()), IsEmpty());
    EXPECT_THAT(what(look()), ElementsAre("delete Pod demo/nginx-0"));
    become({.ready = false, .failed = {}, .uid = next_uid});
    look();
    become({.ready = false, .failed = {"httpd.service"}, .uid = next_uid});
  }
};

TEST(SelfHealing, IsOffByDefault) {
  Ailing scene;
  scene.workload.spec.readiness.self_healing = {};
  scene.look();
  scene.now += 24h;
  EXPECT_THAT(what(scene.look()), IsEmpty());
  EXPECT_THAT(scene.workload.status.self_healing, IsEmpty());
}

TEST(SelfHealing, WaitsUntilTheUnitHasStayedFailedForTheTimeAsked) {
  Ailing scene;
  const Plan first = scene.look();
  ASSERT_EQ(first.status.self_healing.size(), 1U);
  EXPECT_EQ(first.status.self_healing[0].failed_since, runtime::to_rfc3339(kNow));
  scene.now += 299s;
  EXPECT_THAT(what(scene.look()), IsEmpty());
  EXPECT_EQ(scene.look().requeue_after, 1s);
}

TEST(SelfHealing, WritesTheRestartDownBeforeItIsCarriedOut) {
  Ailing scene;
  scene.look();
  scene.now += 300s;
  const Plan decided = scene.look();
  EXPECT_THAT(what(decided), IsEmpty());
  EXPECT_EQ(decided.status.self_healing[0].restarts, 1);
  EXPECT_EQ(decided.status.self_healing[0].replacing, "uid-1");
  EXPECT_THAT(scene.reasons(decided), testing::Contains("SelfHealing"));
  const Plan carried_out = scene.look();
  EXPECT_THAT(what(carried_out), ElementsAre("delete Pod demo/nginx-0"));
  EXPECT_EQ(carried_out.status.self_healing[0].restarts, 1);
}

TEST(SelfHealing, DoublesTheWaitAfterEachRestartAndGivesUpAtTheLimit) {
  Ailing scene;
  scene.restart_after(300s, "uid-2");
  scene.restart_after(600s, "uid-3");
  const Plan given_up = scene.look();
  EXPECT_THAT(scene.reasons(given_up), testing::Contains("SelfHealingExhausted"));
  EXPECT_THAT(condition(given_up, "Degraded").message,
              HasSubstr("httpd.service (restarted 2 of at most 2 times)"));
  scene.now += 24h;
  const Plan later = scene.look();
  EXPECT_THAT(what(later), IsEmpty());
  EXPECT_THAT(scene.reasons(later), testing::Not(testing::Contains("SelfHealingExhausted")));
}

TEST(SelfHealing, ForgetsItsRestartsOnceTheInstanceIsHealthy) {
  Ailing scene;
  scene.restart_after(300s, "uid-2");
  scene.become({.ready = true, .failed = {}, .uid = "uid-2"});
  scene.observed.evidence.clear();
  EXPECT_THAT(scene.look().status.self_healing, IsEmpty());
}

TEST(SelfHealing, LeavesAnInstanceAloneThatRecoversInTime) {
  Ailing scene;
  scene.look();
  scene.now += 200s;
  scene.become({.ready = true, .failed = {}});
  scene.observed.evidence.clear();
  scene.look();
  scene.become({.ready = false, .failed = {"httpd.service"}});
  scene.look();
  scene.now += 200s;
  EXPECT_THAT(what(scene.look()), IsEmpty());
}

TEST(SelfHealing, ActsOnNothingWhileTheWorkloadIsPausedAndForgetsNothing) {
  Ailing scene;
  scene.look();
  scene.now += 300s;
  scene.look();
  scene.workload.spec.paused = true;
  EXPECT_THAT(what(scene.look()), IsEmpty());
  EXPECT_EQ(scene.workload.status.self_healing[0].restarts, 1);
  scene.workload.spec.paused = false;
  EXPECT_THAT(what(scene.look()), ElementsAre("delete Pod demo/nginx-0"));
}

TEST(SelfHealing, RestartsOneInstanceAtATime) {
  Ailing scene;
  scene.workload.spec.replicas = 2;
  scene.observed.children.clear();
  scene.children_in_line();
  scene.add(scene.pod(1, false));
  scene.observed.evidence["nginx-1"].systemd = {"degraded", {"httpd.service"}, ""};
  scene.look();
  scene.now += 300s;
  scene.look();
  EXPECT_THAT(what(scene.look()), ElementsAre("delete Pod demo/nginx-0"));
}

}  // namespace
}  // namespace swo::reconcile
