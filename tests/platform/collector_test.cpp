#include "platform/collector.hpp"

#include <gmock/gmock.h>

#include "fake_server.hpp"

namespace swo::platform {
namespace {

using std::chrono::minutes;
using testing::ElementsAre;

constexpr const char* kNodePath = "/api/v1/nodes";
constexpr const char* kPoolPath = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools";
constexpr const char* kConfigPath = "/apis/machineconfiguration.openshift.io/v1/machineconfigs";
constexpr const char* kVersionPath = "/apis/config.openshift.io/v1/clusterversions";
constexpr const char* kNodesConfigPath = "/apis/config.openshift.io/v1/nodes";

Json node(const std::string& name, const std::string& kubelet, const std::string& boot = "b1") {
  return {{"metadata", {{"name", name}, {"labels", {{"node-role.kubernetes.io/worker", ""}}}}},
          {"status",
           {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}},
            {"nodeInfo",
             {{"bootID", boot},
              {"kubeletVersion", kubelet},
              {"kernelVersion", "5.14.0-1.el9"},
              {"containerRuntimeVersion", "cri-o://1.25.1"}}}}}};
}

Json pool(const std::string& rendered) {
  return {{"metadata", {{"name", "worker"}, {"generation", 1}}},
          {"spec",
           {{"configuration", {{"name", rendered}}},
            {"nodeSelector", {{"matchLabels", {{"node-role.kubernetes.io/worker", ""}}}}},
            {"machineConfigSelector",
             {{"matchLabels", {{"machineconfiguration.openshift.io/role", "worker"}}}}}}},
          {"status",
           {{"observedGeneration", 1},
            {"machineCount", 1},
            {"configuration", {{"name", rendered}}},
            {"conditions", {{{"type", "Updated"}, {"status", "True"}}}}}}};
}

Json machine_config(const std::string& name, const std::vector<std::string>& arguments) {
  return {{"metadata", {{"name", name}}}, {"spec", {{"kernelArguments", arguments}}}};
}

class CollectorTest : public testing::Test {
 protected:
  void openshift() {
    server.version = "v1.25.4+77bec7a";
    server.groups = {
        {"machineconfiguration.openshift.io/v1", {"machineconfigpools", "machineconfigs"}},
        {"config.openshift.io/v1", {"clusterversions", "nodes"}},
        {"security.openshift.io/v1", {"securitycontextconstraints"}},
        {"route.openshift.io/v1", {"routes"}}};
    server.put(kNodePath, node("worker-0", "v1.25.4"));
    server.put(kPoolPath, pool("rendered-worker-1"));
    server.put(kVersionPath, {{"metadata", {{"name", "version"}}},
                              {"status", {{"desired", {{"version", "4.12.3"}}}}}});
    server.put(kNodesConfigPath, {{"metadata", {{"name", "cluster"}}}, {"spec", Json::object()}});
    server.raw[std::string(kConfigPath) + "/rendered-worker-1"] =
        machine_config("rendered-worker-1", {"quiet"}).dump();
    server.raw[std::string(kConfigPath) + "/rendered-worker-2"] =
        machine_config("rendered-worker-2", {"systemd.unified_cgroup_hierarchy=1"}).dump();
  }

  // Until nothing more is to be done at this moment.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      collector.step(now);
    }
  }
  int asked(const std::string& path) { return server.asked[path]; }
  std::shared_ptr<const Facts> facts() { return collector.snapshot(); }

  test::FakeServer server;
  kube::Client client{server};
  Collector collector{client, {.random = [] { return 0.0; }}};
  kube::Instant now{std::chrono::hours(1)};
};

TEST_F(CollectorTest, LearnsAWholeOpenShift) {
  openshift();
  int changes = 0;
  collector.on_change([&] { ++changes; });
  EXPECT_FALSE(collector.synced());
  settle();
  EXPECT_TRUE(collector.synced());
  EXPECT_EQ(facts()->generation(), "OpenShift 4.12 (Kubernetes 1.25)");
  EXPECT_TRUE(facts()->has_scc && facts()->has_route && facts()->has_machine_config);
  EXPECT_FALSE(facts()->scc_user_namespace_level);
  ASSERT_EQ(facts()->nodes.size(), 1U);
  ASSERT_EQ(facts()->pools.size(), 1U);
  EXPECT_THAT(*facts()->pools[0].kernel_arguments, ElementsAre("quiet"));
  EXPECT_GE(changes, 1);
}

TEST_F(CollectorTest, FollowsEachChangeAndNothingElse) {
  openshift();
  settle();
  int changes = 0;
  collector.on_change([&] { ++changes; });
  Json beat = node("worker-0", "v1.25.4");
  beat["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-01-01T00:00:00Z";
  server.put(kNodePath, beat);
  settle();
  EXPECT_EQ(changes, 0) << "a heartbeat is no news";
  server.put(kConfigPath,
             machine_config("99-worker-systemd-workload", {"systemd.unified_cgroup_hierarchy=1"}));
  settle();
  EXPECT_TRUE(facts()->pools[0].written_kernel_arguments);
  server.put(kPoolPath, pool("rendered-worker-2"));
  settle();
  EXPECT_THAT(*facts()->pools[0].kernel_arguments,
              ElementsAre("systemd.unified_cgroup_hierarchy=1"));
  server.put(kNodesConfigPath,
             {{"metadata", {{"name", "cluster"}}}, {"spec", {{"cgroupMode", "v2"}}}});
  settle();
  EXPECT_EQ(facts()->cgroup_mode, "v2");
  EXPECT_EQ(changes, 3);
}

TEST_F(CollectorTest, ReadsARenderedConfigOnce) {
  openshift();
  settle();
  for (int i = 0; i < 5; ++i) {
    Json changed = pool("rendered-worker-1");
    changed["status"]["readyMachineCount"] = i;
    server.put(kPoolPath, changed);
    settle();
  }
  EXPECT_EQ(asked(std::string(kConfigPath) + "/rendered-worker-1"), 1);
}

TEST_F(CollectorTest, WhatMayNotBeReadIsUnknownAndEverythingElseIsKnown) {
  openshift();
  server.forbidden = {kNodePath, std::string(kConfigPath) + "/rendered-worker-1", kVersionPath};
  settle();
  EXPECT_FALSE(collector.synced()) << "an API server that has just started may yet allow it";
  now += std::chrono::seconds(10);
  settle();
  EXPECT_TRUE(collector.synced());
  EXPECT_TRUE(facts()->nodes.empty());
  EXPECT_EQ(facts()->openshift, std::nullopt);
  EXPECT_EQ(facts()->openshift_generation(), (Version{4, 12, 0})) << "by its Kubernetes";
  ASSERT_EQ(facts()->pools.size(), 1U);
  EXPECT_EQ(facts()->pools[0].kernel_arguments, std::nullopt);
  now += std::chrono::hours(2);
  server.forbidden.clear();
  settle();
  EXPECT_NE(facts()->pools[0].kernel_arguments, std::nullopt) << "granted since";
  EXPECT_EQ(facts()->nodes.size(), 1U);
}

TEST_F(CollectorTest, WorksWithoutAnyOpenShiftGroupAndFindsOneThatComesLater) {
  server.put(kNodePath, node("n1", "v1.35.0"));
  settle();
  EXPECT_TRUE(collector.synced());
  EXPECT_EQ(facts()->generation(), "Kubernetes 1.33");
  EXPECT_FALSE(facts()->has_scc || facts()->has_machine_config || facts()->has_gateway);
  server.groups["gateway.networking.k8s.io/v1"] = {"httproutes"};
  now += minutes(6);
  settle();
  EXPECT_TRUE(facts()->has_gateway);
}

TEST_F(CollectorTest, AsksTheKubeletOnlyWhereNothingElseTellsAndOnceForEachBoot) {
  const std::string metrics = "/api/v1/nodes/n1/proxy/metrics";
  server.put(kNodePath, node("n1", "v1.33.4"));
  server.put(kNodePath, node("n2", "v1.35.0"));  // is on v2, or would not be Ready
  server.raw[metrics] = "kubelet_cgroup_version 2\n";
  settle();
  EXPECT_EQ(facts()->nodes[0].cgroups, CgroupVersion::kV2);
  EXPECT_EQ(facts()->nodes[0].cgroups_source, "kubelet_cgroup_version");
  EXPECT_EQ(asked("/api/v1/nodes/n2/proxy/metrics"), 0);
  Json labelled = node("n1", "v1.33.4");
  labelled["metadata"]["labels"]["zone"] = "a";
  server.put(kNodePath, labelled);
  settle();
  EXPECT_EQ(asked(metrics), 1);
  server.raw[metrics] = "kubelet_cgroup_version 1\n";
  server.put(kNodePath, node("n1", "v1.33.4", "b2"));
  settle();
  EXPECT_EQ(asked(metrics), 2);
  EXPECT_EQ(facts()->nodes[0].cgroups, CgroupVersion::kV1);
}

TEST_F(CollectorTest, AsksAForbiddenKubeletOnceAnHour) {
  for (const char* name : {"n1", "n2", "n3"}) {
    server.put(kNodePath, node(name, "v1.33.4"));
    server.forbidden.insert(std::string("/api/v1/nodes/") + name + "/proxy/metrics");
  }
  for (int minute = 0; minute < 59; ++minute) {
    settle();
    now += minutes(1);
  }
  EXPECT_EQ(asked("/api/v1/nodes/n1/proxy/metrics") + asked("/api/v1/nodes/n2/proxy/metrics") +
                asked("/api/v1/nodes/n3/proxy/metrics"),
            1);
  EXPECT_EQ(facts()->nodes[0].cgroups, CgroupVersion::kUnknown);
}

TEST_F(CollectorTest, AProofIsAFactFromThenOn) {
  settle();
  int told = 0;
  collector.on_change([&] { ++told; });
  collector.prove(UserNamespaceVia::kHostUsers, "demo");
  EXPECT_TRUE(facts()->proven_host_users) << "at once";
  settle();
  EXPECT_EQ(told, 1);
  collector.prove(UserNamespaceVia::kHostUsers, "demo");
  settle();
  EXPECT_EQ(told, 1) << "it is known";
  EXPECT_TRUE(facts()->proven_host_users);
  EXPECT_THAT(facts()->proven_annotation, testing::IsEmpty());
  collector.prove(UserNamespaceVia::kAnnotation, "demo");
  EXPECT_THAT(facts()->proven_annotation, testing::ElementsAre("demo"));
}

// An aggregated API that is away for a moment is in no list of groups: what is of its kind would be
// given up.
TEST_F(CollectorTest, AnApiIsGoneWhenItIsMissedTwice) {
  openshift();
  settle();
  const auto groups = server.groups;
  server.groups.erase("route.openshift.io/v1");
  now += minutes(6);
  settle();
  EXPECT_TRUE(facts()->has_route);
  server.groups = groups;
  now += std::chrono::seconds(11);
  settle();
  server.groups.erase("route.openshift.io/v1");
  now += minutes(6);
  settle();
  EXPECT_TRUE(facts()->has_route) << "it was there in between";
  now += std::chrono::seconds(11);
  settle();
  EXPECT_FALSE(facts()->has_route);
}

TEST_F(CollectorTest, KeepsWhatItKnowsThroughAFault) {
  openshift();
  settle();
  server.forbidden = {"/version", "/apis"};
  now += minutes(6);
  settle();
  EXPECT_EQ(facts()->nodes.size(), 1U);
  EXPECT_TRUE(facts()->has_scc);
}

TEST_F(CollectorTest, OnceIsTheSameAsAlways) {
  openshift();
  settle();
  const auto once = collect_once(client);
  ASSERT_TRUE(once);
  EXPECT_EQ(*once, *facts());
  server.forbidden = {"/version"};
  EXPECT_FALSE(collect_once(client));
}

}  // namespace
}  // namespace swo::platform
