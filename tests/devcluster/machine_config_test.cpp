// Machine-config pools: what is rendered, how it reaches the nodes, and what that does to Pods.
#include <gmock/gmock.h>

#include "cluster_fixture.hpp"

namespace devcluster {
namespace {

using ::testing::HasSubstr;

constexpr const char* kConfigs = "/apis/machineconfiguration.openshift.io/v1/machineconfigs";
constexpr const char* kPools = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools";

class Pools : public ClusterScenario {
 protected:
  static Json cgroups_v2(const std::string& name = "99-worker-cgroups") {
    return {{"apiVersion", "machineconfiguration.openshift.io/v1"},
            {"kind", "MachineConfig"},
            {"metadata",
             {{"name", name}, {"labels", {{"machineconfiguration.openshift.io/role", "worker"}}}}},
            {"spec",
             {{"kernelArguments",
               {"systemd.unified_cgroup_hierarchy=1", "cgroup_no_v1=\"all\"", "psi=1"}}}}};
  }
  static Json file(const std::string& path) {
    return {{"path", path}, {"overwrite", true}, {"contents", {{"source", "data:,"}}}};
  }
  static Json everything() {
    auto config = cgroups_v2();
    config["spec"]["config"] = {
        {"ignition", {{"version", "3.2.0"}}},
        {"storage",
         {{"files", Json::array({file("/etc/crio/crio.conf.d/99-userns.conf"), file("/etc/subuid"),
                                 file("/etc/subgid")})}}}};
    return config;
  }
  Json pool(const std::string& name = "worker") { return *api->get(kPools, name); }
  std::string pool_condition(const std::string& type, const std::string& name = "worker") {
    const auto conditions = pool(name).value("/status/conditions"_json_pointer, Json::array());
    for (const auto& c : conditions) {
      if (c["type"] == type) return c["status"];
    }
    return "";
  }
  bool updated() {
    const auto p = pool();
    return pool_condition("Updated") == "True" &&
           p["status"]["configuration"]["name"] == p["spec"]["configuration"]["name"];
  }
  static Json annotated_pod(bool sysctl = true) {
    auto pod = right_pod();
    pod["spec"].erase("hostUsers");
    pod["metadata"]["annotations"] = {{"io.openshift.userns", "true"},
                                      {"io.kubernetes.cri-o.userns-mode", "auto:size=65536"}};
    if (sysctl) {
      pod["spec"]["securityContext"]["sysctls"] =
          Json::array({{{"name", "net.ipv4.ping_group_range"}, {"value", "0 65535"}}});
    }
    return pod;
  }
};

TEST_F(Pools, ANewClusterIsUpdatedAndHasRolledNothing) {
  start("openshift-4.8");
  EXPECT_TRUE(updated());
  EXPECT_EQ(pool()["status"]["machineCount"], 3);
  EXPECT_EQ(pool("master")["status"]["machineCount"], 1);
  EXPECT_EQ(cluster->rollouts("worker"), 0);
  EXPECT_EQ(cluster->cgroups_of("worker-0"), 1);
}

TEST_F(Pools, AMachineConfigRollsNodeByNodeAndIsCountedOnTheWay) {
  start("openshift-4.8");
  api->create(kConfigs, cgroups_v2());
  cluster->tick();
  EXPECT_EQ(pool_condition("Updated"), "True") << "stale until the configuration is rendered";
  std::vector<int> progress;
  int most_down = 0;
  ASSERT_TRUE(until([&] {
    const auto s = pool()["status"];
    most_down = std::max(most_down, s["unavailableMachineCount"].get<int>());
    const int count = s["updatedMachineCount"];
    if (pool_condition("Updating") == "True" && (progress.empty() || progress.back() != count)) {
      progress.push_back(count);
    }
    return updated() && !progress.empty();
  }));
  EXPECT_THAT(progress, ::testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(most_down, 1);
  EXPECT_EQ(cluster->rollouts("worker"), 1);
  EXPECT_EQ(cluster->reboots("worker-0"), 1);
  EXPECT_EQ(cluster->reboots("master-0"), 0);
  EXPECT_EQ(cluster->cgroups_of("worker-2"), 2);
  const auto sources = pool()["status"]["configuration"]["source"].dump();
  EXPECT_THAT(sources, HasSubstr("99-worker-cgroups"));
  EXPECT_EQ(pool()["status"]["observedGeneration"], pool()["metadata"]["generation"]);
}

TEST_F(Pools, WritingAnEqualConfigurationAgainRollsNothing) {
  start("openshift-4.8");
  api->create(kConfigs, cgroups_v2());
  live(std::chrono::minutes(1));
  auto again = *api->get(kConfigs, "99-worker-cgroups");
  again["metadata"]["labels"]["touched"] = "yes";
  api->update(kConfigs, again);
  live(std::chrono::minutes(1));
  EXPECT_EQ(cluster->rollouts("worker"), 1);
  api->remove(kConfigs, "99-worker-cgroups");
  live(std::chrono::minutes(1));
  EXPECT_EQ(cluster->rollouts("worker"), 2) << "removal reboots too";
  EXPECT_EQ(cluster->cgroups_of("worker-0"), 1);
}

TEST_F(Pools, APausedPoolNeitherUpdatesNorClaimsTo) {
  start("openshift-4.8");
  api->merge_patch(kPools, "worker", {{"spec", {{"paused", true}}}});
  live(seconds(2));
  api->create(kConfigs, cgroups_v2());
  live(std::chrono::minutes(1));
  EXPECT_EQ(pool_condition("Updated"), "False");
  EXPECT_EQ(pool_condition("Updating"), "False");
  EXPECT_EQ(cluster->reboots("worker-0"), 0);
  api->merge_patch(kPools, "worker", {{"spec", {{"paused", false}}}});
  EXPECT_TRUE(until([&] { return updated(); }));
}

TEST_F(Pools, ADegradedPoolNamesItsNodeAndRecovers) {
  start("openshift-4.8");
  cluster->degrade_pool("worker", "unexpected on-disk state");
  api->create(kConfigs, cgroups_v2());
  live(std::chrono::minutes(1));
  EXPECT_EQ(pool_condition("Degraded"), "True");
  EXPECT_EQ(pool()["status"]["degradedMachineCount"], 1);
  EXPECT_THAT(pool()["status"]["conditions"].dump(), HasSubstr("unexpected on-disk state"));
  cluster->degrade_pool("worker", "");
  EXPECT_TRUE(until([&] { return updated(); }));
  EXPECT_EQ(pool_condition("Degraded"), "False");
}

TEST_F(Pools, ADrainWaitsForAPodDisruptionBudget) {
  start("openshift-4.8", [](ClusterOptions& o) { o.workers = 1; });
  create(right_pod());  // as administrator: host root by anyuid, which boots on v1
  ASSERT_TRUE(until_ready());
  api->create(
      "/apis/policy/v1/namespaces/demo/poddisruptionbudgets",
      {{"apiVersion", "policy/v1"},
       {"kind", "PodDisruptionBudget"},
       {"metadata", {{"name", "nginx"}, {"namespace", "demo"}}},
       {"spec", {{"minAvailable", 1}, {"selector", {{"matchLabels", {{"app", "nginx"}}}}}}}});
  api->create(kConfigs, cgroups_v2());
  live(std::chrono::minutes(5));
  EXPECT_EQ(cluster->reboots("worker-0"), 0);
  EXPECT_TRUE((*api->get("/api/v1/nodes", "worker-0"))["spec"]["unschedulable"].get<bool>());
  api->remove("/apis/policy/v1/namespaces/demo/poddisruptionbudgets", "nginx");
  EXPECT_TRUE(until([&] { return updated(); }));
  EXPECT_FALSE(pod()) << "evicted, and nobody's";
}

TEST_F(Pools, TheSeedsStoryOfCgroupsV1ToARunningSystem) {
  start("openshift-4.8");
  grant_systemd_scc();
  // Without a terminal: a crash loop with nothing in the log.
  auto silent = right_pod("silent");
  silent["spec"].erase("securityContext");
  container(silent).erase("tty");
  as_tester("POST", pods_path("demo"), silent);
  // A uid of the namespace on v1: the long line.
  auto first = right_pod("first");
  first["spec"].erase("securityContext");
  as_tester("POST", pods_path("demo"), first);
  live(seconds(30));
  EXPECT_EQ(log("silent"), "");
  EXPECT_EQ(status("/containerStatuses/0/state/waiting/reason", "silent"), "CrashLoopBackOff");
  EXPECT_THAT(log("first"),
              HasSubstr("Failed to create /kubepods.slice/kubepods-besteffort.slice/"));
  EXPECT_THAT(log("first"), HasSubstr(".scope/init.scope control group: Permission denied"));
  // With v2 alone: the short line.
  api->create(kConfigs, cgroups_v2());
  ASSERT_TRUE(until([&] { return updated() && cluster->reboots("worker-2") == 1; }));
  auto second = right_pod("second");
  second["spec"].erase("securityContext");
  as_tester("POST", pods_path("demo"), second);
  live(seconds(1));
  EXPECT_THAT(log("second"),
              HasSubstr("Failed to create /init.scope control group: Permission denied"));
  // With the CRI-O files as well: it runs.
  const auto all = everything();
  api->merge_patch(kConfigs, "99-worker-cgroups", {{"spec", all["spec"]}});
  live(seconds(1));
  ASSERT_TRUE(until([&] { return updated() && cluster->reboots("worker-2") == 2; }));
  as_tester("POST", pods_path("demo"), annotated_pod());
  EXPECT_TRUE(until_ready()) << pod()->dump(2) << log();
}

TEST_F(Pools, AnAnnotatedPodNeedsTheFilesAndTheSysctl) {
  start("openshift-4.8");
  auto config = everything();
  config["spec"]["config"]["storage"]["files"].erase(2);
  api->create(kConfigs, config);
  ASSERT_TRUE(until([&] { return updated() && cluster->reboots("worker-2") == 1; }));
  create(annotated_pod());
  live(seconds(1));
  EXPECT_THAT(events(), HasSubstr("No subuid ranges found for user \"containers\""));
  api->merge_patch(kConfigs, "99-worker-cgroups", {{"spec", everything()["spec"]}});
  live(seconds(1));
  ASSERT_TRUE(until([&] { return updated() && cluster->reboots("worker-2") == 2; }));
  auto without = annotated_pod(false);
  without["metadata"]["name"] = "without";
  create(without);
  live(seconds(1));
  EXPECT_THAT(events("without"), HasSubstr("write sysctl key net.ipv4.ping_group_range"));
}

TEST_F(Pools, CgroupModeOfTheNodesConfigurationRollsThePools) {
  start("openshift-4.13");
  EXPECT_EQ(cluster->cgroups_of("worker-0"), 1);
  EXPECT_EQ(cluster->rollouts("worker"), 0);
  api->merge_patch("/apis/config.openshift.io/v1/nodes", "cluster",
                   {{"spec", {{"cgroupMode", "v2"}}}});
  ASSERT_TRUE(until([&] { return updated() && cluster->reboots("worker-2") == 1; }));
  EXPECT_EQ(cluster->cgroups_of("worker-0"), 2);
  EXPECT_EQ(cluster->rollouts("worker"), 1);
}

TEST_F(Pools, ACustomPoolTakesItsNodesFromTheWorkers) {
  start("openshift-4.14");
  api->merge_patch("/api/v1/nodes", "worker-2",
                   {{"metadata", {{"labels", {{"node-role.kubernetes.io/systemd", ""}}}}}});
  api->create(
      kPools,
      {{"apiVersion", "machineconfiguration.openshift.io/v1"},
       {"kind", "MachineConfigPool"},
       {"metadata", {{"name", "systemd"}}},
       {"spec",
        {{"machineConfigSelector",
          {{"matchExpressions", Json::array({{{"key", "machineconfiguration.openshift.io/role"},
                                              {"operator", "In"},
                                              {"values", {"worker", "systemd"}}}})}}},
         {"nodeSelector", {{"matchLabels", {{"node-role.kubernetes.io/systemd", ""}}}}}}}});
  ASSERT_TRUE(until([&] { return pool_condition("Updated", "systemd") == "True"; }));
  EXPECT_EQ(pool("systemd")["status"]["machineCount"], 1);
  EXPECT_EQ(pool()["status"]["machineCount"], 2);
}

}  // namespace
}  // namespace devcluster
