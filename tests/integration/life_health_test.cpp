// Instances that are not well: what is told of them, what is done, and what is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "life.hpp"

namespace swo::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(LifeHealth, AUnitThatStaysFailedIsLeftAloneUnlessTheSpecSaysOtherwise) {
  Life life;
  life.apply({{"image", "degraded"}});
  ASSERT_TRUE(
      life.simulation.until([&] { return life.simulation.phase("nginx") == "UnitsFailed"; }));
  const std::string uid = life.uid("nginx-0");
  life.simulation.advance(minutes(30));
  EXPECT_EQ(life.uid("nginx-0"), uid);
  EXPECT_THAT(life.status()["instances"][0]["failedUnits"], Not(IsEmpty()));
}

TEST(LifeHealth, SelfHealingRestartsTheInstanceWithMorePatienceEachTimeAndGivesUp) {
  Life life;
  life.apply(
      {{"image", "degraded"},
       {"readiness",
        {{"selfHealing", {{"action", "Restart"}, {"afterSeconds", 10}, {"maxRestarts", 2}}}}}});
  std::set<std::string> lives;
  life.simulation.until(
      [&] {
        lives.insert(life.uid("nginx-0"));
        return false;
      },
      minutes(15));
  lives.erase("");
  EXPECT_EQ(lives.size(), 3U);
  EXPECT_THAT(life.events("SelfHealing"), Contains(HasSubstr("2 of at most 2")));
  EXPECT_THAT(life.events("SelfHealingExhausted"), testing::SizeIs(1));
  EXPECT_THAT(life.condition("Degraded")["message"], HasSubstr("restarted 2 of at most 2 times"));
}

TEST(LifeHealth, ARestartOfTheOperatorDoesNotRestartTheCount) {
  Life life;
  life.apply(
      {{"image", "degraded"},
       {"readiness",
        {{"selfHealing", {{"action", "Restart"}, {"afterSeconds", 10}, {"maxRestarts", 1}}}}}});
  ASSERT_TRUE(life.simulation.until([&] { return !life.events("SelfHealing").empty(); }));
  const std::string first = life.uid("nginx-0");
  life.simulation.stop_operator();
  life.simulation.start_operator();
  ASSERT_TRUE(life.simulation.until(
      [&] { return life.uid("nginx-0") != first && !life.uid("nginx-0").empty(); }));
  const std::string second = life.uid("nginx-0");
  life.simulation.advance(minutes(15));
  EXPECT_EQ(life.uid("nginx-0"), second);
}

TEST(LifeHealth, ABootThatHangsIsToldWithTheUnitItWaitsFor) {
  Life life;
  life.apply({{"image", "hang"}});
  ASSERT_TRUE(life.simulation.until(
      [&] { return life.condition("Degraded").value("status", "") == "True"; }));
  EXPECT_THAT(life.condition("Degraded")["message"], HasSubstr(".service"));
}

TEST(LifeHealth, AReadinessThatFlapsCostsNoPod) {
  Life life;
  life.apply({{"image", "flap"}});
  ASSERT_TRUE(life.simulation.until([&] { return life.simulation.running("nginx"); }));
  const std::string uid = life.uid("nginx-0");
  life.simulation.forget_writes();
  life.simulation.advance(minutes(20));
  EXPECT_EQ(life.uid("nginx-0"), uid);
  for (const auto& [what, count] : life.simulation.writes()) {
    EXPECT_THAT(what, HasSubstr("/status"));
  }
}

TEST(LifeHealth, AnEvictedInstanceIsMadeAgainAndToldApartFromOneThatRanOutOfMemory) {
  Life life;
  life.apply({{"image", "v1"}});
  ASSERT_TRUE(life.runs());
  const std::string uid = life.uid("nginx-0");
  life.simulation.cluster().evict("demo", "nginx-0");
  ASSERT_TRUE(life.simulation.until([&] { return life.uid("nginx-0") != uid; }));
  ASSERT_TRUE(life.runs());
  EXPECT_THAT(life.events("Evicted"), Not(IsEmpty()));

  life.apply({{"image", "oom"}});
  ASSERT_TRUE(life.simulation.until([&] {
    return life.condition("Degraded").value("reason", "") == "OutOfMemory";
  })) << life.status().dump(2);
  EXPECT_EQ(life.status()["instances"][0]["lastExit"], "exit 137 (OOMKilled)");
}

TEST(LifeHealth, AnInstanceOnALostNodeIsNotMadeTwiceAndComesBackWithItsNode) {
  Life life;
  life.apply({{"image", "v1"}, {"storage", Life::storage("1Gi")}});
  ASSERT_TRUE(life.runs());
  const Json before = life.pod("nginx-0");
  const std::string node = before["spec"]["nodeName"];
  life.simulation.cluster().fail_node(node);
  life.simulation.advance(hours(1));
  // The node controller marks it for deletion; only its node, or a person, can say that it has
  // ended.
  EXPECT_EQ(life.uid("nginx-0"), before["metadata"]["uid"]);
  EXPECT_EQ(life.simulation.phase("nginx"), "NodeLost");
  EXPECT_THAT(life.condition("Ready")["message"], HasSubstr(node));
  life.simulation.cluster().restore_node(node);
  ASSERT_TRUE(life.runs());
  EXPECT_NE(life.uid("nginx-0"), before["metadata"]["uid"]);
}

TEST(LifeHealth, AnInstanceOnALostNodeIsMadeElsewhereOnceAPersonSaysThatItIsGone) {
  Life life;
  life.apply({{"image", "v1"}});
  ASSERT_TRUE(life.runs());
  const std::string node = life.pod("nginx-0")["spec"]["nodeName"];
  life.simulation.cluster().fail_node(node);
  life.simulation.advance(minutes(30));
  life.simulation.admin().remove(Simulation::pods_path(), "nginx-0", 0);
  ASSERT_TRUE(life.runs());
  EXPECT_NE(life.pod("nginx-0")["spec"]["nodeName"], node);
}

TEST(LifeHealth, HowAnInstanceEndedIsToldOnceItIsGone) {
  Life life;
  life.apply({{"image", "v1"}, {"replicas", 2}});
  ASSERT_TRUE(life.runs());
  life.apply({{"replicas", 1}});
  ASSERT_TRUE(life.runs());
  EXPECT_THAT(life.events("InstanceStopped"), testing::ElementsAre("nginx-1 has stopped: exit 0"));
  // One that does not heed SIGRTMIN+3.
  life.apply({{"image", "nostop"}, {"terminationGracePeriodSeconds", 20}});
  ASSERT_TRUE(life.runs());
  life.apply({{"image", "v1"}});
  ASSERT_TRUE(life.runs());
  EXPECT_THAT(life.events("InstanceKilled"),
              testing::ElementsAre(HasSubstr("nginx-0 did not stop within its grace period")));
}

// What `kubectl drain` asks for.
bool may_evict(Life& life, const std::string& pod) {
  try {
    life.simulation.admin().create(
        Simulation::pods_path() + "/" + pod + "/eviction",
        {{"apiVersion", "policy/v1"}, {"kind", "Eviction"}, {"metadata", {{"name", pod}}}});
    return true;
  } catch (const std::runtime_error& refusal) {
    EXPECT_THAT(refusal.what(), HasSubstr("disruption budget"));
    return false;
  }
}

TEST(LifeHealth, ADrainTakesOneInstanceAtATimeAndIsNotHeldUpByOneThatIsUnwell) {
  Life life;
  life.apply({{"image", "v1"}, {"replicas", 2}});
  ASSERT_TRUE(life.runs());
  const std::string uid = life.uid("nginx-1");
  EXPECT_TRUE(may_evict(life, "nginx-1"));
  life.simulation.settle();
  EXPECT_FALSE(may_evict(life, "nginx-0"));
  ASSERT_TRUE(life.simulation.until(
      [&] { return life.uid("nginx-1") != uid && !life.uid("nginx-1").empty(); }));
  ASSERT_TRUE(life.runs());
  EXPECT_TRUE(may_evict(life, "nginx-0"));
  ASSERT_TRUE(life.runs());

  life.apply({{"image", "degraded"}});
  ASSERT_TRUE(life.simulation.until(
      [&] { return life.condition("Progressing").value("reason", "") == "UpdateStalled"; }));
  EXPECT_TRUE(may_evict(life, "nginx-1")) << "an instance that is not ready";
  EXPECT_FALSE(may_evict(life, "nginx-0"));
}

TEST(LifeHealth, ASingleInstanceCanBeDrained) {
  Life life;
  life.apply({{"image", "v1"}});
  ASSERT_TRUE(life.runs());
  const std::string uid = life.uid("nginx-0");
  EXPECT_TRUE(may_evict(life, "nginx-0"));
  ASSERT_TRUE(life.simulation.until(
      [&] { return life.uid("nginx-0") != uid && !life.uid("nginx-0").empty(); }));
  EXPECT_TRUE(life.runs());
}

}  // namespace
}  // namespace swo::test
