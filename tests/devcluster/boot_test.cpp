// Pods on simulated nodes: what boots, what fails and how, as seen on real nodes.
#include <gmock/gmock.h>

#include "cluster_fixture.hpp"

namespace devcluster {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Boot : public ClusterScenario {};

TEST_F(Boot, TheRightPodIsTakenByTheSystemdSccAndRuns) {
  start();
  grant_systemd_scc();
  const auto [code, made] = as_tester("POST", pods_path("demo"), right_pod());
  ASSERT_EQ(code, 201) << made;
  EXPECT_EQ(made["metadata"]["annotations"]["openshift.io/scc"], "systemd");
  EXPECT_EQ(made["spec"]["securityContext"]["seLinuxOptions"]["type"], "container_init_t");
  ASSERT_TRUE(until_ready()) << pod()->dump(2);
  EXPECT_EQ(status("/phase"), "Running");
  EXPECT_THAT(status("/podIP").get<std::string>(), Not(IsEmpty()));
  EXPECT_EQ((*pod())["spec"]["nodeName"], "worker-0");
  EXPECT_THAT(log(), HasSubstr("Reached target multi-user.target"));
  EXPECT_THAT(events(), HasSubstr("Scheduled: Successfully assigned demo/nginx to worker-0"));
}

TEST_F(Boot, WithoutATerminalItRunsAndTheLogIsEmpty) {
  start();
  grant_systemd_scc();
  auto pod = right_pod();
  container(pod).erase("tty");
  create(pod);
  ASSERT_TRUE(until_ready());
  EXPECT_THAT(log(), IsEmpty());
}

TEST_F(Boot, AnUnprivilegedUserWithoutAnSccIsRefusedInTheWordsOfTheAdmission) {
  start();
  const auto [code, answer] = as_tester("POST", pods_path("demo"), right_pod());
  EXPECT_EQ(code, 403);
  const std::string message = answer["message"];
  EXPECT_THAT(message,
              HasSubstr("pods \"nginx\" is forbidden: unable to validate against any security "
                        "context constraint: ["));
  EXPECT_THAT(message, HasSubstr("must be in the ranges: [1000"));
  EXPECT_THAT(message,
              HasSubstr("provider \"anyuid\": Forbidden: not usable by user or serviceaccount"));
}

TEST_F(Boot, WithoutAUserNamespaceTheSystemdSccSaysThatHostUsersMustBeFalse) {
  start();
  grant_systemd_scc();
  auto pod = right_pod();
  pod["spec"].erase("hostUsers");
  const auto [code, answer] = as_tester("POST", pods_path("demo"), pod);
  EXPECT_EQ(code, 403);
  EXPECT_THAT(answer["message"].get<std::string>(), HasSubstr("Host Users must be set to false"));
}

TEST_F(Boot, AnAdministratorsPodWithoutAUserNamespaceIsTakenByAnyuidAndBootsAsHostRoot) {
  start();
  auto pod = right_pod();
  pod["spec"].erase("hostUsers");
  EXPECT_EQ(create(pod)["metadata"]["annotations"]["openshift.io/scc"], "anyuid");
  EXPECT_TRUE(until_ready());
}

TEST_F(Boot, WithoutRunAsUserRestrictedV2InjectsAnUnmappedUidAndTheTerminalHidesTheRuntimesError) {
  start();
  grant_systemd_scc();
  auto pod = right_pod();
  pod["spec"].erase("securityContext");
  const auto [code, made] = as_tester("POST", pods_path("demo"), pod);
  ASSERT_EQ(code, 201);
  EXPECT_EQ(made["metadata"]["annotations"]["openshift.io/scc"], "restricted-v2");
  EXPECT_GE(made["spec"]["containers"][0]["securityContext"]["runAsUser"].get<int>(),
            1'000'000'000);
  live(seconds(5));
  EXPECT_EQ(status("/containerStatuses/0/state/waiting/reason"), "CreateContainerError");
  EXPECT_EQ(status("/containerStatuses/0/state/waiting/message"),
            "error reading container (probably exited) json message: EOF");
}

TEST_F(Boot, AUidOtherThanRootIsTakenByRestrictedV3AndMeetsTheSeedsLines) {
  start();
  grant_systemd_scc();
  auto pod = right_pod();
  pod["spec"]["securityContext"]["runAsUser"] = 1000;
  const auto [code, made] = as_tester("POST", pods_path("demo"), pod);
  ASSERT_EQ(code, 201);
  EXPECT_EQ(made["metadata"]["annotations"]["openshift.io/scc"], "restricted-v3");
  live(milliseconds(500));
  EXPECT_EQ(status("/containerStatuses/0/state/terminated/exitCode"), 255);
  EXPECT_THAT(log(),
              HasSubstr("Failed to write /run/systemd/container, ignoring: Permission denied"));
  EXPECT_THAT(log(), HasSubstr("Failed to create /init.scope control group: Permission denied"));
}

TEST_F(Boot, AShellInFrontOfInitIsNotDetected) {
  start();
  grant_systemd_scc();
  auto pod = right_pod();
  container(pod)["command"] = {"sh", "-c", "exec /sbin/init"};
  create(pod);
  live(milliseconds(500));
  EXPECT_EQ(status("/containerStatuses/0/state/terminated/exitCode"), 255);
  EXPECT_THAT(log(), HasSubstr("Failed to mount API filesystems."));
}

TEST_F(Boot, WithItsOwnTmpfsTheUndetectedInitFailsOnAReadOnlyCgroup) {
  start();
  grant_systemd_scc();
  auto pod = right_pod();
  container(pod)["command"] = {"sh", "-c", "exec /sbin/init"};
  pod["spec"]["volumes"] = Json::array({{{"name", "run"}, {"emptyDir", {{"medium", "Memory"}}}}});
  container(pod)["volumeMounts"] = Json::array({{{"name", "run"}, {"mountPath", "/run"}}});
  create(pod);
  live(milliseconds(500));
  EXPECT_THAT(log(),
              HasSubstr("Failed to create /init.scope control group: Read-only file system"));
}

TEST_F(Boot, DroppingAllCapabilitiesLeavesTheSystemDegradedAndTheProbeSaysSo) {
  start();
  grant_systemd_scc();
  auto pod = right_pod();
  container(pod)["securityContext"]["capabilities"]["drop"] = {"ALL"};
  create(pod);
  live(seconds(30));
  EXPECT_EQ(condition("Ready"), "False");
  EXPECT_THAT(events(), HasSubstr("Unhealthy: Readiness probe failed: systemd is degraded; failed: "
                                  "dbus.service nginx.service"));
  EXPECT_THAT(log(), HasSubstr("[FAILED] Failed to start dbus.service"));
}

TEST_F(Boot, AKernelThatCannotMapTmpfsRefusesPodsThatMountTheirToken) {
  start("kubernetes-1.33",
        [](ClusterOptions& o) { o.adjust = [](Profile& p) { p.kernel = "6.1.0-37-amd64"; }; });
  auto pod = right_pod();
  pod["spec"].erase("automountServiceAccountToken");
  container(pod).erase("tty");
  create(pod);
  create(right_pod("without-token"));
  ASSERT_TRUE(until_ready("without-token"));
  EXPECT_THAT(status("/containerStatuses/0/state/waiting/message").get<std::string>(),
              HasSubstr("mount_setattr `/var/run/secrets/kubernetes.io/serviceaccount`"));
}

TEST_F(Boot, ARuntimeThatDoesNotChownTheCgroupGivesPermissionDenied) {
  start("kubernetes-1.33",
        [](ClusterOptions& o) { o.adjust = [](Profile& p) { p.chowns_cgroup = false; }; });
  create(right_pod());
  live(milliseconds(500));
  EXPECT_THAT(log(), HasSubstr("Failed to create /init.scope control group: Permission denied"));
}

TEST_F(Boot, ContainerdNeedsMountsAndARuntimeClass) {
  start("kubernetes-1.33-containerd");
  create(right_pod("bare"));
  auto pod = right_pod();
  pod["spec"]["volumes"] = Json::array({{{"name", "run"}, {"emptyDir", {{"medium", "Memory"}}}}});
  container(pod)["volumeMounts"] = Json::array({{{"name", "run"}, {"mountPath", "/run"}}});
  auto with_class = pod;
  with_class["metadata"]["name"] = "with-class";
  with_class["spec"]["runtimeClassName"] = "cgroup-writable";
  create(pod);
  create(with_class);
  ASSERT_TRUE(until_ready("with-class"));
  EXPECT_THAT(log("bare"), HasSubstr("Failed to mount tmpfs"));
  EXPECT_THAT(log(), HasSubstr("control group: Read-only file system"));
}

TEST_F(Boot, ANodeWithoutRoomForAnotherUserNamespaceCreatesNoSandbox) {
  start("openshift-4.20", [](ClusterOptions& o) { o.workers = 1; });
  grant_systemd_scc();
  cluster->change_machine("worker-0", [](Machine& machine) { machine.userns_slots = 0; });
  create(right_pod());
  live(seconds(5));
  EXPECT_EQ(status("/containerStatuses/0/state/waiting/reason"), "ContainerCreating");
  EXPECT_THAT(events(), HasSubstr("could not find an empty slot"));
  cluster->change_machine("worker-0", [](Machine& machine) { machine.userns_slots = -1; });
  EXPECT_TRUE(until_ready());
}

TEST_F(Boot, AVolumeThatCannotBeIdMappedIsNamed) {
  start();
  grant_systemd_scc();
  api->create("/api/v1/namespaces/demo/persistentvolumeclaims",
              {{"apiVersion", "v1"},
               {"kind", "PersistentVolumeClaim"},
               {"metadata", {{"name", "data"}, {"namespace", "demo"}}},
               {"spec",
                {{"storageClassName", "nfs"},
                 {"accessModes", {"ReadWriteOnce"}},
                 {"resources", {{"requests", {{"storage", "1Gi"}}}}}}}});
  auto pod = right_pod();
  pod["spec"]["volumes"] =
      Json::array({{{"name", "data"}, {"persistentVolumeClaim", {{"claimName", "data"}}}}});
  container(pod)["volumeMounts"] = Json::array({{{"name", "data"}, {"mountPath", "/data"}}});
  create(pod);
  live(seconds(5));
  EXPECT_THAT(status("/containerStatuses/0/state/waiting/message").get<std::string>(),
              HasSubstr("failed to set MOUNT_ATTR_IDMAP"));
}

TEST_F(Boot, AMissingConfigMapHoldsThePodUntilItIsThere) {
  start();
  grant_systemd_scc();
  auto pod = right_pod();
  pod["spec"]["volumes"] = Json::array({{{"name", "units"}, {"configMap", {{"name", "units"}}}}});
  create(pod);
  live(seconds(5));
  EXPECT_THAT(events(),
              HasSubstr("FailedMount: MountVolume.SetUp failed for volume \"units\" : configmap "
                        "\"units\" not found"));
  api->create("/api/v1/namespaces/demo/configmaps",
              {{"apiVersion", "v1"},
               {"kind", "ConfigMap"},
               {"metadata", {{"name", "units"}, {"namespace", "demo"}}}});
  EXPECT_TRUE(until_ready());
}

TEST_F(Boot, AnEnvironmentFromAMissingSecretIsAConfigurationErrorUntilItIsThere) {
  start();
  auto pod = right_pod();
  container(pod)["envFrom"] = Json::array({{{"secretRef", {{"name", "settings"}}}}});
  create(pod);
  live(seconds(1));
  EXPECT_EQ(status("/containerStatuses/0/state/waiting/reason"), "CreateContainerConfigError");
  EXPECT_EQ(status("/containerStatuses/0/state/waiting/message"), "secret \"settings\" not found");
  api->create("/api/v1/namespaces/demo/secrets",
              {{"apiVersion", "v1"},
               {"kind", "Secret"},
               {"metadata", {{"name", "settings"}, {"namespace", "demo"}}}});
  EXPECT_TRUE(until_ready());
}

}  // namespace
}  // namespace devcluster
