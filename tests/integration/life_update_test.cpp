// Changes of a running workload: what rolls, what stops it, what is remembered, and what needs no
// new Pod.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "life.hpp"
#include "scenarios.hpp"

namespace swo::test {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string image_of(const Json& pod) { return pod["spec"]["containers"][0]["image"]; }

TEST(LifeUpdate, RollsFromTheHighestDownAndStopsAtTheFirstThatDoesNotComeUp) {
  Life life;
  life.apply({{"image", "v1"}, {"replicas", 3}});
  ASSERT_TRUE(life.runs());
  const std::string untouched = life.uid("nginx-0");
  life.apply({{"image", "degraded"}});
  ASSERT_TRUE(life.simulation.until(
      [&] { return life.condition("Degraded").value("reason", "") != "AsExpected"; }));
  life.simulation.advance(minutes(30));
  EXPECT_EQ(image_of(life.pod("nginx-2")), "degraded");
  EXPECT_EQ(image_of(life.pod("nginx-1")), "v1");
  EXPECT_EQ(life.uid("nginx-0"), untouched);
  EXPECT_EQ(life.status()["readyReplicas"], 2);
  EXPECT_EQ(life.condition("Progressing")["reason"], "UpdateStalled");
  EXPECT_THAT(life.events("UnitsFailed"), testing::Not(testing::IsEmpty()));

  life.apply({{"image", "v1"}});  // the spec goes back
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(life.uid("nginx-0"), untouched);
}

TEST(LifeUpdate, KeepsARevisionOfEachAndNumbersTheOneGoneBackToAnew) {
  Life life;
  life.apply({{"image", "v1"}, {"revisionHistoryLimit", 1}});
  ASSERT_TRUE(life.runs());
  const std::string first = life.status()["updateRevision"];
  EXPECT_THAT(life.names(Life::revisions_path()), ElementsAre("nginx-" + first));
  for (const char* image : {"v2", "v3"}) {
    life.apply({{"image", image}});
    ASSERT_TRUE(life.runs());
  }
  life.simulation.advance(minutes(1));
  EXPECT_THAT(life.names(Life::revisions_path()), SizeIs(2));  // v3, and one former
  life.apply({{"image", "v2"}});
  ASSERT_TRUE(life.runs());
  life.simulation.advance(minutes(1));
  const std::string current = life.status()["currentRevision"];
  const Json kept = *life.simulation.admin().get(Life::revisions_path(), "nginx-" + current);
  EXPECT_EQ(kept["revision"], 4);
  EXPECT_EQ(kept["data"]["image"], "v2");
  EXPECT_EQ(kept["metadata"]["ownerReferences"][0]["name"], "nginx");
  life.simulation.remove("nginx");
  life.simulation.advance(minutes(5));
  EXPECT_THAT(life.names(Life::revisions_path()), SizeIs(0));
}

TEST(LifeUpdate, AnInstanceBelowThePartitionComesBackAsItWas) {
  Life life;
  life.apply({{"image", "v1"},
              {"replicas", 3},
              {"ports", {{{"name", "http"}, {"port", 80}, {"targetPort", 8080}}}},
              {"storage", Life::storage("1Gi")},
              {"revisionHistoryLimit", 0}});
  ASSERT_TRUE(life.runs());
  const std::string first = life.status()["currentRevision"];
  life.apply({{"image", "v2"},
              {"ports", {{{"name", "http"}, {"port", 80}, {"targetPort", 9090}}}},
              {"updateStrategy", {{"partition", 1}}}});
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(image_of(life.pod("nginx-1")), "v2");
  EXPECT_EQ(life.status()["currentRevision"], first);
  // A drain, while nobody who remembers is there; and the API server cannot tell at first.
  const Json before = life.pod("nginx-0");
  life.simulation.stop_operator();
  life.simulation.admin().remove(Simulation::pods_path(), "nginx-0");
  life.simulation.instead =
      [](const kube::HttpRequest& request) -> std::optional<kube::HttpResponse> {
    const bool reads_one = request.method == "GET" &&
                           request.target.find("/controllerrevisions/") != std::string::npos;
    return reads_one ? std::optional(refusal(500, "InternalError", "etcd is away")) : std::nullopt;
  };
  life.simulation.start_operator();
  life.simulation.advance(minutes(5));
  EXPECT_TRUE(life.pod("nginx-0").is_null());
  life.simulation.instead = nullptr;
  ASSERT_TRUE(life.runs());
  const Json after = life.pod("nginx-0");
  EXPECT_NE(after["metadata"]["uid"], before["metadata"]["uid"]);
  EXPECT_EQ(after["metadata"]["labels"], before["metadata"]["labels"]);
  for (const char* what : {"image", "ports", "env", "volumeMounts"}) {
    EXPECT_EQ(after["spec"]["containers"][0][what], before["spec"]["containers"][0][what]) << what;
  }
  EXPECT_EQ(life.status()["updatedReplicas"], 2);

  life.apply({{"updateStrategy", {{"partition", 0}}}});
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(image_of(life.pod("nginx-0")), "v2");
  EXPECT_NE(life.status()["currentRevision"], first);
  life.simulation.advance(minutes(1));
  EXPECT_THAT(life.names(Life::revisions_path()), SizeIs(1));
}

TEST(LifeUpdate, GivesMoreMemoryToARunningInstance) {
  Life life;
  life.apply({{"image", "v1"}, {"resources", {{"limits", {{"memory", "1Gi"}}}}}});
  ASSERT_TRUE(life.runs());
  const std::string uid = life.uid("nginx-0");
  life.apply({{"resources", {{"limits", {{"memory", "2Gi"}}}}}});
  ASSERT_TRUE(life.simulation.until([&] {
    return life.pod("nginx-0")["status"]["containerStatuses"][0]["resources"]["limits"]["memory"] ==
           "2Gi";
  }));
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(life.uid("nginx-0"), uid);
  EXPECT_EQ(life.pod("nginx-0")["status"]["containerStatuses"][0]["restartCount"], 0);
  life.simulation.advance(minutes(1));
  life.simulation.forget_writes();
  life.simulation.advance(minutes(30));
  EXPECT_EQ(life.simulation.write_count(), 0) << testing::PrintToString(life.simulation.writes());
}

TEST(LifeUpdate, MakesTheInstanceAnewForMoreMemoryWhereItCannotBeResized) {
  Life life({.profile = "openshift-4.18"});
  life.apply({{"image", "v1"}, {"resources", {{"limits", {{"memory", "1Gi"}}}}}});
  ASSERT_TRUE(life.runs());
  const std::string uid = life.uid("nginx-0");
  life.apply({{"resources", {{"limits", {{"memory", "2Gi"}}}}}});
  ASSERT_TRUE(life.simulation.until([&] { return life.uid("nginx-0") != uid; }));
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(life.pod("nginx-0")["spec"]["containers"][0]["resources"]["limits"]["memory"], "2Gi");
}

TEST(LifeUpdate, RestartsEachInstanceOnceByAnAnnotation) {
  Life life;
  life.apply({{"image", "v1"}, {"replicas", 2}});
  ASSERT_TRUE(life.runs());
  const std::string first = life.uid("nginx-0");
  const std::string second = life.uid("nginx-1");
  life.annotate({{"workloads.systemd-operator.dev/restarted-at", "2026-01-02T03:04:05Z"}});
  ASSERT_TRUE(life.simulation.until(
      [&] { return life.uid("nginx-0") != first && life.uid("nginx-1") != second; }));
  ASSERT_TRUE(life.runs());
  const std::string again = life.uid("nginx-0");
  life.simulation.advance(minutes(30));
  EXPECT_EQ(life.uid("nginx-0"), again);
}

TEST(LifeUpdate, IsNotMadeWhilePausedAndThenCaughtUp) {
  Life life;
  life.apply({{"image", "v1"}});
  ASSERT_TRUE(life.runs());
  life.apply({{"paused", true}, {"image", "v2"}, {"replicas", 2}});
  life.simulation.advance(minutes(1));
  life.simulation.forget_writes();
  life.simulation.admin().remove("/api/v1/namespaces/demo/services", "nginx-instances");
  life.simulation.advance(minutes(30));
  for (const auto& [what, count] : life.simulation.writes()) {
    EXPECT_THAT(what, HasSubstr("systemdworkloads/demo/nginx/status"));
  }
  EXPECT_EQ(life.simulation.phase("nginx"), "Paused");
  EXPECT_EQ(life.condition("Ready")["status"], "False") << "a change waits";
  EXPECT_EQ(image_of(life.pod("nginx-0")), "v1");
  life.apply({{"paused", false}});
  ASSERT_TRUE(life.runs());
  EXPECT_EQ(image_of(life.pod("nginx-1")), "v2");
}

// Else Flux and `kubectl wait` would hang on what somebody has paused on purpose.
TEST(LifeUpdate, PausingWhatRunsAsAskedLeavesItReady) {
  Life life;
  life.apply({{"image", "v1"}});
  ASSERT_TRUE(life.runs());
  const Json ready = life.condition("Ready");
  ASSERT_EQ(ready["status"], "True");
  life.simulation.advance(minutes(1));
  life.apply({{"paused", true}});
  life.simulation.advance(minutes(1));
  EXPECT_EQ(life.simulation.phase("nginx"), "Paused");
  EXPECT_EQ(life.condition("Ready")["status"], "True");
  EXPECT_EQ(life.condition("Ready")["lastTransitionTime"], ready["lastTransitionTime"]);
}

}  // namespace
}  // namespace swo::test
