// The life of a Pod on a simulated node: restarts, probes, stops, logs, lost nodes.
#include <gmock/gmock.h>

#include "cluster_fixture.hpp"

namespace devcluster {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class PodLife : public ClusterScenario {
 protected:
  void SetUp() override {
    start();
    grant_systemd_scc();
  }
  static Json behaving(const std::string& how, const std::string& name = "nginx") {
    auto pod = right_pod(name);
    container(pod)["image"] = "quay.io/example/nginx:" + how;
    return pod;
  }
};

TEST_F(PodLife, AStoppedPodEndsCleanlyAndTellsItsExitBeforeItGoes) {
  create(right_pod());
  ASSERT_TRUE(until_ready());
  api->remove(pods_path("demo"), "nginx");
  Json last;
  ASSERT_TRUE(until([&] {
    const auto now = status("/containerStatuses/0/state/terminated");
    if (!now.is_null()) last = now;
    return !pod();
  }));
  EXPECT_THAT(events(), HasSubstr("Killing: Stopping container nginx"));
}

TEST_F(PodLife, AnInitThatIgnoresItsStopSignalIsKilledWhenTheGracePeriodIsOver) {
  create(behaving("nostop"));
  ASSERT_TRUE(until_ready());
  const auto asked = clock.now();
  api->remove(pods_path("demo"), "nginx");
  ASSERT_TRUE(until([&] { return !pod(); }));
  EXPECT_EQ(clock.now() - asked, seconds(20));
}

TEST_F(PodLife, APreStopHookStopsAnImageWithoutStopSignal) {
  auto pod_with_hook = behaving("nostopsignal");
  container(pod_with_hook)["lifecycle"]["preStop"]["exec"]["command"] = {"kill", "-s", "RTMIN+3",
                                                                         "1"};
  create(pod_with_hook);
  ASSERT_TRUE(until_ready());
  const auto asked = clock.now();
  api->remove(pods_path("demo"), "nginx");
  ASSERT_TRUE(until([&] { return !pod(); }));
  EXPECT_LT(clock.now() - asked, seconds(5));
}

TEST_F(PodLife, ACrashLoopBacksOffFromTenSecondsDoubling) {
  create(behaving("exit7"));
  std::vector<std::int64_t> restarts_at;
  const auto begin = clock.now();
  int seen = 0;
  ASSERT_TRUE(until([&] {
    const auto count = status("/containerStatuses/0/restartCount");
    if (count.is_number() && count > seen) {
      seen = count;
      restarts_at.push_back((clock.now() - begin) / seconds(1));
    }
    return seen == 4;
  }));
  // Runs of 1.5 s; at once, then after 10, 20 and 40 s.
  EXPECT_THAT(restarts_at, ::testing::ElementsAre(2, 14, 35, 77));
  EXPECT_EQ(status("/containerStatuses/0/lastState/terminated/exitCode"), 7);
  ASSERT_TRUE(until(
      [&] { return status("/containerStatuses/0/state/waiting/reason") == "CrashLoopBackOff"; }));
  EXPECT_THAT(status("/containerStatuses/0/state/waiting/message").get<std::string>(),
              StartsWith("back-off 1m20s restarting failed container=nginx pod=nginx_demo("));
  EXPECT_THAT(events(),
              HasSubstr("BackOff: Back-off restarting failed container nginx in pod nginx_demo("));
}

TEST_F(PodLife, OutOfMemoryIsToldApartFromOtherEnds) {
  create(behaving("oom"));
  ASSERT_TRUE(until([&] { return status("/containerStatuses/0/restartCount") == 1; }));
  EXPECT_EQ(status("/containerStatuses/0/lastState/terminated/reason"), "OOMKilled");
  EXPECT_EQ(status("/containerStatuses/0/lastState/terminated/exitCode"), 137);
}

TEST_F(PodLife, AnImageThatIsNotThereIsPulledAgainWithBackOff) {
  create(behaving("missing"));
  live(seconds(61));
  EXPECT_EQ(status("/phase"), "Pending");
  EXPECT_EQ(status("/containerStatuses/0/state/waiting/reason"), "ImagePullBackOff");
  EXPECT_THAT(events(), HasSubstr("Error: ErrImagePull ×3"));  // at 0, 10 and 30 s
}

TEST_F(PodLife, ADegradedSystemNeverBecomesReadyAndItsEventsAreCountedUp) {
  create(behaving("degraded"));
  live(std::chrono::minutes(1));
  EXPECT_EQ(condition("Ready"), "False");
  EXPECT_THAT(events(),
              HasSubstr("Readiness probe failed: systemd is degraded; failed: nginx.service ×12"));
}

TEST_F(PodLife, ABootThatHangsIsKilledByItsStartupProbeAndBegunAnew) {
  auto hanging = behaving("hang");
  container(hanging)["startupProbe"] = {
      {"exec", {{"command", {"sh", "-c", "systemctl is-system-running; systemctl list-jobs"}}}},
      {"periodSeconds", 5},
      {"failureThreshold", 4}};
  create(hanging);
  ASSERT_TRUE(until([&] { return status("/containerStatuses/0/restartCount") == 1; }));
  EXPECT_THAT(events(),
              HasSubstr("Startup probe failed: systemd is starting; waiting for: nginx.service"));
  EXPECT_THAT(events(),
              HasSubstr("Killing: Container nginx failed startup probe, will be restarted"));
}

TEST_F(PodLife, AFlappingServiceIsReadyAndNotReadyByTurns) {
  create(behaving("flap"));
  ASSERT_TRUE(until_ready());
  ASSERT_TRUE(until([&] { return condition("Ready") == "False"; }));
  EXPECT_TRUE(until_ready());
}

TEST_F(PodLife, ASettledPodAsksNothingOfTheClock) {
  create(right_pod());
  ASSERT_TRUE(until_ready());
  live(seconds(1));
  const auto before = cluster->api().resource_version();
  EXPECT_FALSE(cluster->next_due());
  live(std::chrono::hours(1));
  EXPECT_EQ(cluster->api().resource_version(), before);
}

TEST_F(PodLife, LogsComeWholeInPartAndOfTheRunBefore) {
  create(behaving("exit7"));
  EXPECT_THAT(log(), HasSubstr("waiting to start: ContainerCreating"));
  ASSERT_TRUE(until([&] { return status("/containerStatuses/0/restartCount") == 1; }));
  EXPECT_THAT(log("nginx", "?previous=true"),
              EndsWith("Reached target multi-user.target - Multi-User System.\r\n"));
  live(milliseconds(1600));
  EXPECT_EQ(log("nginx", "?tailLines=1"),
            "[  OK  ] Reached target multi-user.target - Multi-User System.\r\n");
  EXPECT_EQ(log("nginx", "?limitBytes=7"), "systemd");
  EXPECT_THAT(log("nginx", "?container=other"),
              HasSubstr("container other is not valid for pod nginx"));
}

TEST_F(PodLife, AFollowedLogGrowsAndEndsWithTheContainer) {
  create(behaving("exit7"));
  cluster->tick();
  Request request;
  request.target = pods_path("demo") + "/nginx/log?follow=true";
  request.trusted = true;
  auto answer = cluster->api().handle(request);
  ASSERT_NE(answer.stream, nullptr);
  bool woken = false;
  answer.stream->on_ready([&] { woken = true; });
  EXPECT_THAT(answer.stream->next(), StartsWith("systemd v246"));
  EXPECT_THAT(answer.stream->next(), IsEmpty());
  live(milliseconds(1500));
  EXPECT_TRUE(woken);
  EXPECT_THAT(answer.stream->next(), HasSubstr("Reached target"));
  EXPECT_TRUE(answer.stream->ended());
}

TEST_F(PodLife, AnEvictedPodHasFailedAndSaysWhy) {
  create(right_pod());
  ASSERT_TRUE(until_ready());
  ASSERT_TRUE(cluster->evict("demo", "nginx"));
  EXPECT_EQ(status("/phase"), "Failed");
  EXPECT_EQ(status("/reason"), "Evicted");
  EXPECT_FALSE(cluster->evict("demo", "no-such-pod"));
}

TEST_F(PodLife, APodOfALostNodeIsGivenUpAfterItsTolerationAndLeavesWhenTheNodeIsBack) {
  create(right_pod());
  ASSERT_TRUE(until_ready());
  cluster->fail_node("worker-0");
  cluster->tick();
  EXPECT_EQ(condition("Ready"), "False");
  live(seconds(299));
  EXPECT_FALSE((*pod())["metadata"].contains("deletionTimestamp"));
  live(seconds(2));
  EXPECT_TRUE((*pod())["metadata"].contains("deletionTimestamp"));
  live(std::chrono::minutes(10));
  EXPECT_TRUE(pod()) << "only its kubelet can say that it has ended";
  cluster->restore_node("worker-0");
  cluster->tick();
  EXPECT_FALSE(pod());
}

TEST_F(PodLife, APodThatFitsNoNodeSaysWhyAndIsPlacedOnceOneFits) {
  auto picky = right_pod();
  picky["spec"]["nodeSelector"] = {{"disk", "fast"}};
  create(picky);
  cluster->tick();
  EXPECT_EQ(condition("PodScheduled"), "False");
  EXPECT_THAT(
      events(),
      HasSubstr("FailedScheduling: 0/4 nodes are available: 4 node(s) didn't match Pod's node "
                "affinity/selector."));
  api->merge_patch("/api/v1/nodes", "worker-2", {{"metadata", {{"labels", {{"disk", "fast"}}}}}});
  EXPECT_TRUE(until_ready());
  EXPECT_EQ((*pod())["spec"]["nodeName"], "worker-2");
}

TEST_F(PodLife, PodsAreSpreadOverTheWorkers) {
  for (int i = 0; i < 6; ++i) create(right_pod("p" + std::to_string(i)));
  cluster->tick();
  std::map<std::string, int> count;
  for (const auto& p : api->list(pods_path("demo"))) ++count[p["spec"]["nodeName"]];
  EXPECT_THAT(count,
              ::testing::ElementsAre(::testing::Pair("worker-0", 2), ::testing::Pair("worker-1", 2),
                                     ::testing::Pair("worker-2", 2)));
}

}  // namespace
}  // namespace devcluster
