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
const std::string nodes_config_path = "/apis/config.openshift.io/v1/nodes";
const std::string our_config = "99-worker-systemd-workload";
// By a MachineConfig alone, and by cgroupMode as well, which is a second object.
const char* const both_ways[] = {"openshift-4.8", "openshift-4.13"};

int writes_of(const Simulation& simulation, const std::string& kind) {
  int sum = 0;
  for (const auto& [what, count] : simulation.writes()) {
    sum += what.find(kind) == std::string::npos ? 0 : count;
  }
  return sum;
}

int config_writes(const Simulation& simulation) { return writes_of(simulation, "machineconfigs"); }
int mode_writes(const Simulation& simulation) { return writes_of(simulation, " nodes/cluster"); }

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

TEST(Rollout, IsOneForBothObjectsTogether) {
  Simulation simulation({.profile = "openshift-4.13"});
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(becomes_running(simulation));
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 1);
  EXPECT_EQ(simulation.cluster().rollouts("master"), 1) << "cgroupMode is of the whole cluster";
  EXPECT_EQ(config_writes(simulation), 1);
  EXPECT_EQ(mode_writes(simulation), 1);
  for (const char* node : {"master-0", "worker-0", "worker-1", "worker-2"}) {
    EXPECT_EQ(simulation.cluster().reboots(node), 1) << node;
  }
}

// Until the pool's next configuration is rendered, the arguments of v1 in it are of nobody else.
TEST(Rollout, IsWaitedForFromTheFirstWriteOnWithoutAFalseAlarm) {
  for (const char* profile : both_ways) {
    SCOPED_TRACE(profile);
    Simulation simulation({.profile = profile});
    simulation.apply("nginx", nginx("v1", 1));
    ASSERT_TRUE(becomes_running(simulation));
    for (const std::string& phase : simulation.phases_seen("nginx")) {
      EXPECT_TRUE(phase.starts_with("WaitingForNodes") || phase == "Starting" ||
                  phase == "ContainerCreating" || phase == "Pending" || phase == "Running")
          << phase;
    }
  }
}

const std::string pools_path = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools";

bool is_paused(Simulation& simulation) {
  const Json pool = *simulation.admin().get(pools_path, "worker");
  return pool["spec"].value("paused", false) ||
         pool["metadata"].value("annotations", Json::object()).dump().find("held") !=
             std::string::npos;
}

// The pool is held between them: whatever is rendered meanwhile, no node reboots for it.
TEST(Rollout, OfTwoObjectsRebootsEachNodeOnceThoughTheOperatorIsStoppedAtAnyWrite) {
  const auto to_the_nodes = [](const kube::HttpRequest& request) {
    return is_write(request) && (request.target.find("machineconfig") != std::string::npos ||
                                 request.target.find("nodes/cluster") != std::string::npos);
  };
  for (const auto moment : {Killer::Moment::kBefore, Killer::Moment::kAfter}) {
    for (int fatal = 1;; ++fatal) {
      SCOPED_TRACE("stopped at write " + std::to_string(fatal));
      Simulation simulation({.profile = "openshift-4.13"});
      Killer killer(simulation, fatal, moment, to_the_nodes);
      simulation.apply("nginx", nginx("v1", 1));
      simulation.until([&] { return killer.struck(); }, hours(1));
      // Long enough for the pools to render, and to roll out, what there is.
      simulation.advance(std::chrono::minutes(30));
      killer.revive();
      ASSERT_TRUE(becomes_running(simulation));
      for (const char* node : {"master-0", "worker-0", "worker-1", "worker-2"}) {
        EXPECT_EQ(simulation.cluster().reboots(node), 1) << node;
      }
      EXPECT_EQ(config_writes(simulation), 1);
      EXPECT_EQ(mode_writes(simulation), 1);
      EXPECT_EQ(writes_of(simulation, "machineconfigpools"), 2);
      EXPECT_FALSE(is_paused(simulation));
      if (!killer.struck()) {
        EXPECT_EQ(fatal, 5) << "pause, two writes, go on";
        break;
      }
    }
  }
}

TEST(Rollout, APoolThatIsHeldForAWorkloadThatGoesIsLetGo) {
  Simulation simulation({.profile = "openshift-4.13"});
  Killer killer(simulation, 1, Killer::Moment::kAfter, [](const kube::HttpRequest& request) {
    return is_write(request) && request.target.find("machineconfigpools") != std::string::npos;
  });
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(simulation.until([&] { return killer.struck(); }));
  EXPECT_TRUE(is_paused(simulation));
  simulation.remove("nginx");
  simulation.advance(std::chrono::minutes(1));
  killer.revive();
  EXPECT_TRUE(simulation.until([&] { return !is_paused(simulation); }));
  EXPECT_EQ(simulation.cluster().reboots("worker-0"), 0);
}

TEST(Rollout, IsNotMadeForAWorkloadThatIsPausedBeforeItHasRun) {
  for (const char* profile : both_ways) {
    SCOPED_TRACE(profile);
    Simulation simulation({.profile = profile});
    Json paused = nginx("v1", 1);
    paused["paused"] = true;
    simulation.apply("nginx", paused);
    simulation.advance(std::chrono::hours(1));
    for (const auto& [what, count] : simulation.writes()) {
      EXPECT_EQ(what, "PATCH systemdworkloads/demo/nginx/status");
    }
    EXPECT_EQ(simulation.cluster().reboots("worker-0"), 0);
    EXPECT_THAT(simulation.condition_message("nginx", "PlatformReady"),
                HasSubstr("once spec.paused is false"));
    simulation.apply("nginx", {{"paused", false}});
    EXPECT_TRUE(becomes_running(simulation));
    EXPECT_EQ(simulation.cluster().reboots("worker-0"), 1);
  }
}

TEST(Rollout, IsOneThoughTwoProcessesBelieveToLead) {
  for (const char* profile : both_ways) {
    SCOPED_TRACE(profile);
    Simulation simulation({.profile = profile});
    simulation.start_replica();
    simulation.apply("nginx", nginx("v1", 1));
    ASSERT_TRUE(becomes_running(simulation));
    EXPECT_EQ(simulation.cluster().rollouts("worker"), 1);
    EXPECT_EQ(simulation.writes_to("POST pods/demo"), 1);
    simulation.forget_writes();
    simulation.advance(hours(1));
    EXPECT_EQ(simulation.write_count(), 0) << testing::PrintToString(simulation.writes());
  }
}

TEST(Rollout, IsOneForACrowdOfWorkloadsAtOnce) {
  for (const char* profile : both_ways) {
    SCOPED_TRACE(profile);
    Simulation simulation({.profile = profile});
    const std::size_t crowd = try_all() ? 100 : 12;
    for (std::size_t i = 0; i < crowd; ++i) {
      simulation.apply("w" + std::to_string(i), {{"image", "v1"}});
    }
    ASSERT_TRUE(simulation.until(
        [&] {
          const auto pods = simulation.admin().list(Simulation::pods_path());
          return pods.size() == crowd;
        },
        hours(2)));
    EXPECT_EQ(simulation.cluster().rollouts("worker"), 1);
    EXPECT_EQ(config_writes(simulation), 1);
    EXPECT_LE(mode_writes(simulation), 1);
    EXPECT_EQ(simulation.writes_to("POST pods/demo"), static_cast<int>(crowd));
    EXPECT_EQ(simulation.writes_to("PATCH securitycontextconstraints/systemd-workload-annotation"),
              1);
  }
}

TEST(Rollout, AnEditedMachineConfigIsNotFoughtOverButTold) {
  Simulation simulation({.profile = "openshift-4.8"});
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(becomes_running(simulation));
  simulation.forget_writes();
  simulation.admin().merge_patch(configs_path, our_config,
                                 {{"spec", {{"kernelArguments", {"quiet"}}}}});
  EXPECT_TRUE(simulation.until([&] {
    return simulation.workload("nginx")["status"]["conditions"].dump().find(
               "MachineConfigEdited") != std::string::npos;
  })) << simulation.workload("nginx")["status"].dump(2)
      << simulation.admin()
             .get("/apis/machineconfiguration.openshift.io/v1/machineconfigpools", "worker")
             ->dump(2);
  EXPECT_EQ(config_writes(simulation), 0);
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 2) << "the person's own";
  // Told what to do, the person deletes it: it is made anew, once.
  simulation.admin().remove(configs_path, our_config);
  simulation.advance(std::chrono::minutes(10));
  EXPECT_EQ(config_writes(simulation), 1);
}

TEST(Rollout, AnEditWhileItIsUnderWayIsNotFoughtOverEither) {
  Simulation simulation({.profile = "openshift-4.8"});
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(simulation.until(
      [&] { return simulation.phase("nginx").starts_with("WaitingForNodes 1/3"); }));
  simulation.forget_writes();
  simulation.admin().merge_patch(configs_path, our_config,
                                 {{"spec", {{"kernelArguments", {"quiet"}}}}});
  simulation.advance(std::chrono::minutes(10));
  simulation.stop_operator();
  simulation.start_operator();
  simulation.start_replica();
  simulation.advance(hours(1));
  EXPECT_EQ(config_writes(simulation), 0);
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 2) << "ours, and the person's own";
  EXPECT_EQ(simulation.phase("nginx"), "MachineConfigEdited");
}

TEST(Rollout, ACgroupModeThatIsSetBackIsNotFoughtOverButTold) {
  Simulation simulation({.profile = "openshift-4.13"});
  simulation.apply("nginx", nginx("v1", 1));
  ASSERT_TRUE(becomes_running(simulation));
  simulation.forget_writes();
  simulation.admin().merge_patch(nodes_config_path, "cluster", {{"spec", {{"cgroupMode", "v1"}}}});
  simulation.advance(std::chrono::minutes(10));
  simulation.stop_operator();
  simulation.start_operator();
  simulation.start_replica();
  simulation.advance(hours(1));
  EXPECT_EQ(mode_writes(simulation), 0);
  EXPECT_EQ(simulation.cluster().rollouts("worker"), 2) << "ours, and the person's own";
  EXPECT_EQ(simulation.phase("nginx"), "CgroupModeReverted");
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
