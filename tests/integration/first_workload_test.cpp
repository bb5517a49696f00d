// The main job, on each generation of the platform: one SystemdWorkload becomes a running,
// reachable application.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/simulation.hpp"

namespace swo::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const Json kNginx = {{"image", "quay.io/ftweedal/test-nginx:latest"},
                     {"ports", {{{"name", "http"}, {"port", 80}}}},
                     {"route", {{"host", "nginx.apps.example.com"}}}};

TEST(FirstWorkload, RunsOnOpenShift420WithNothingAskedOfTheNodes) {
  Simulation simulation;
  simulation.apply("nginx", kNginx);
  ASSERT_TRUE(simulation.until([&] { return simulation.running("nginx"); }))
      << simulation.workload("nginx").dump(2);
  const Json status = simulation.workload("nginx")["status"];
  EXPECT_EQ(status["ready"], "1/1");
  EXPECT_EQ(status["systemd"], "running");
  EXPECT_EQ(status["url"], "http://nginx.apps.example.com");
  const auto pod = simulation.admin().get(Simulation::pods_path(), "nginx-0");
  ASSERT_TRUE(pod);
  EXPECT_EQ((*pod)["spec"]["hostUsers"], false);
  EXPECT_EQ((*pod)["spec"]["containers"][0]["tty"], true);
  EXPECT_EQ((*pod)["metadata"]["annotations"]["openshift.io/scc"], "systemd-workload");
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 0);
}

TEST(FirstWorkload, RunsOnOpenShift48OnceEachNodeHasBeenMovedToCgroupsV2) {
  Simulation simulation({.profile = "openshift-4.8"});
  simulation.apply("nginx", kNginx);
  ASSERT_TRUE(simulation.until([&] { return simulation.running("nginx"); }))
      << simulation.workload("nginx").dump(2);
  EXPECT_THAT(simulation.phases_seen("nginx"), Contains(StartsWith("WaitingForNodes 1/3")));
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 1);
}

TEST(FirstWorkload, RunsOnPlainKubernetesBehindAnIngress) {
  Simulation simulation({.profile = "kubernetes-1.33"});
  simulation.apply("nginx", kNginx);
  ASSERT_TRUE(simulation.until([&] { return simulation.running("nginx"); }))
      << simulation.workload("nginx").dump(2);
  EXPECT_EQ(simulation.workload("nginx")["status"]["url"], "http://nginx.apps.example.com");
}

TEST(FirstWorkload, IsWrittenOnceAndThenLeftAlone) {
  Simulation simulation;
  simulation.apply("nginx", kNginx);
  ASSERT_TRUE(simulation.until([&] { return simulation.running("nginx"); }));
  for (const auto& [what, count] : simulation.writes()) {
    if (what.find("systemdworkloads") == std::string::npos) {
      EXPECT_EQ(count, 1) << what;
    }
  }
  simulation.forget_writes();
  simulation.advance(std::chrono::hours(1));
  EXPECT_EQ(simulation.write_count(), 0) << testing::PrintToString(simulation.writes());
  simulation.stop_operator();
  simulation.start_operator();
  simulation.advance(std::chrono::minutes(5));
  EXPECT_EQ(simulation.write_count(), 0) << testing::PrintToString(simulation.writes());
}

}  // namespace
}  // namespace swo::test
