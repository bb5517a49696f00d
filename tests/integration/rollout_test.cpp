// A change of a MachineConfig restarts every node of its pool. So there is one rollout, whatever
// happens to the operator meanwhile, and none that nobody needs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios.hpp"

namespace swo::test {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

const std::string configs_path = "/apis/machineconfiguration.openshift.io/v1/machineconfigs";
const std::string our_config = "99-worker-systemd-workload";

int config_writes(const Simulation& simulation) {
  int sum = 0;
  for (const auto& [what, count] : simulation.writes()) {
    sum += what.find("machineconfigs") == std::string::npos ? 0 : count;
  }
  return sum;
}

bool becomes_running(Simulation& simulation) {
  return simulation.until([&] { return simulation.running("nginx"); }, hours(2));
}

TEST(Rollout, IsOneThoughTheOperatorIsStoppedAtAnyWrite) {
  const int step = try_all() ? 1 : 4;
  for (int fatal = 1 + static_cast<int>(seed() % 4);; fatal += step) {
    SCOPED_TRACE("stopped at write " + std::to_string(fatal) +
                 ", SWO_SEED=" + std::to_string(seed()));
    Simulation simulation({.profile = "openshift-4.8"});
    // Events count too: the leader may die at any request that changes something.
    Killer killer(simulation, fatal,
                  fatal % 2 == 0 ? Killer::Moment::kBefore : Killer::Moment::kAfter,
                  [](const kube::HttpRequest& request) { return request.method != "GET"; });
    simulation.apply("nginx", nginx("v1", 1));
    EXPECT_TRUE(simulation.until(
        [&] {
          killer.revive();
          return simulation.running("nginx");
        },
        hours(2)));
    if (!killer.struck()) {
      break;
    }
    EXPECT_EQ(simulation.cluster().rollouts("worker"), 1);
    EXPECT_EQ(config_writes(simulation), 1);
  }
}

TEST(Rollout, IsOneThoughTwoProcessesBelieveToLead) {
  Simulation simulation({.profile = "openshift-4.8"});
  simulation.start_replica();
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(becomes_running(simulation));
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 1);
  EXPECT_EQ(simulation.writes_to("POST pods/demo"), 1);
  simulation.forget_writes();
  simulation.advance(hours(1));
  EXPECT_EQ(simulation.write_count(), 0) << testing::PrintToString(simulation.writes());
}

TEST(Rollout, IsOneForACrowdOfWorkloadsAtOnce) {
  Simulation simulation({.profile = "openshift-4.8"});
  const std::size_t crowd = try_all() ? 100 : 25;
  const auto name = [](std::size_t i) { return "w" + std::to_string(i); };
  for (std::size_t i = 0; i < crowd; ++i) {
    simulation.apply(name(i), {{"image", "v1"}});
  }
  ASSERT_TRUE(simulation.until(
      [&] {
        const auto pods = simulation.admin().list(Simulation::pods_path());
        return pods.size() == crowd;
      },
      hours(2)));
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 1);
  EXPECT_EQ(config_writes(simulation), 1);
  EXPECT_EQ(simulation.writes_to("POST pods/demo"), static_cast<int>(crowd));
  EXPECT_EQ(simulation.writes_to("PATCH securitycontextconstraints/systemd-workload"), 1);
}

TEST(Rollout, AnEditedMachineConfigIsNotFoughtOverButTold) {
  Simulation simulation({.profile = "openshift-4.8"});
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(becomes_running(simulation));
  simulation.forget_writes();
  simulation.admin().merge_patch(configs_path, our_config,
                                 {{"spec", {{"kernelArguments", {"quiet"}}}}});
  simulation.advance(std::chrono::minutes(10));
  EXPECT_EQ(config_writes(simulation), 0);
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 2) << "the person's own";
  EXPECT_THAT(simulation.workload("nginx")["status"]["conditions"].dump(),
              HasSubstr("MachineConfigEdited"));
  // Told what to do, the person deletes it: it is made anew, once.
  simulation.admin().remove(configs_path, our_config);
  simulation.advance(std::chrono::minutes(10));
  EXPECT_EQ(config_writes(simulation), 1);
}

TEST(Rollout, NeitherAWorkloadsEndNorARestartOfTheOperatorMakesOne) {
  Simulation simulation({.profile = "openshift-4.8"});
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(becomes_running(simulation));
  simulation.forget_writes();
  simulation.stop_operator();
  simulation.start_operator();
  simulation.remove("nginx");
  simulation.advance(hours(1));
  simulation.apply("nginx", nginx("v2", 1));
  ASSERT_TRUE(becomes_running(simulation));
  EXPECT_EQ(config_writes(simulation), 0);
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 1);
}

}  // namespace
}  // namespace swo::test
