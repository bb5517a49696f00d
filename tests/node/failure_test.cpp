// The failures of the blog post and their kin, met for real: the words that a diagnosis has to
// recognise.
#include <gmock/gmock.h>

#include "support.hpp"

namespace node::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class Failure : public RealBoot {
 protected:
  // The log of a Pod that must end with exit code 255, as systemd's PID 1 does when it gives up.
  std::string log_of_failed_boot(const Json& pod) {
    const std::string uid = start(pod);
    EXPECT_EQ(wait_for(uid, Phase::kExited).exit_code, 255);
    return log(uid);
  }
};

constexpr const char* kShort = "Failed to create /init.scope control group: Permission denied";
constexpr const char* kLong =
    "Failed to create /kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podpod_1.slice/"
    "crio-[0-9a-f]*.scope/init.scope control group: Permission denied";

TEST_F(Failure, AnArbitraryUserOfTheHostIsToldSoInTheShortForm) {
  node();
  const std::string log = log_of_failed_boot(
      right_pod({{"securityContext", {{"runAsUser", 1000650000}}}}, {{"hostUsers", true}}));
  EXPECT_THAT(log,
              HasSubstr("Failed to write /run/systemd/container, ignoring: Permission denied"));
  EXPECT_THAT(log, HasSubstr(kShort));
  EXPECT_THAT(log, HasSubstr("Failed to allocate manager object: Permission denied"));
  EXPECT_THAT(log, HasSubstr("Exiting PID 1..."));
}

TEST_F(Failure, AnotherUserThanRootInTheNamespaceFailsInTheSameWords) {
  node();
  EXPECT_THAT(log_of_failed_boot(right_pod({{"securityContext", {{"runAsUser", 1000}}}})),
              HasSubstr(kShort));
}

TEST_F(Failure, ANodeOnCgroupsV1ShowsTheLongForm) {
  node({.cgroups_v1 = true, .honour_host_users = false});
  EXPECT_THAT(log_of_failed_boot(right_pod({{"securityContext", {{"runAsUser", 1000650000}}}})),
              ContainsRegex(kLong));
}

TEST_F(Failure, AUserNamespaceDoesNotHelpOnCgroupsV1) {
  node({.cgroups_v1 = true});
  EXPECT_THAT(log_of_failed_boot(right_pod()), ContainsRegex(kLong));
}

TEST_F(Failure, ARuntimeThatDoesNotChownTheCgroupFailsInTheShortForm) {
  PodRuntime& runtime = node({.chown_cgroup = false});
  EXPECT_THAT(log_of_failed_boot(right_pod()), HasSubstr(kShort));
  EXPECT_EQ(runtime.state("pod-1")->exit_code, 255);
}

TEST_F(Failure, BehindAWrapperNobodySeesAnInitAndTheMountsFail) {
  node();
  const std::string log =
      log_of_failed_boot(right_pod({{"command", {"/bin/sh", "-c", "exec /sbin/init"}}}));
  EXPECT_THAT(log, HasSubstr("Failed to mount tmpfs"));
  EXPECT_THAT(log, HasSubstr("at /run: Operation not permitted"));
  EXPECT_THAT(log, HasSubstr("Failed to mount API filesystems."));
}

// The tmpfs that the runtime would have made, by the Pod.
Json wrapped_with_memory_volumes() {
  Json volumes = Json::array();
  Json mounts = Json::array();
  for (const char* path : {"/run", "/run/lock", "/tmp", "/var/log/journal"}) {
    const std::string name = "v" + std::to_string(volumes.size());
    volumes.push_back({{"name", name}, {"emptyDir", {{"medium", "Memory"}}}});
    mounts.push_back({{"name", name}, {"mountPath", path}});
  }
  return right_pod({{"command", {"/bin/sh", "-c", "exec /sbin/init"}}, {"volumeMounts", mounts}},
                   {{"volumes", volumes}});
}

TEST_F(Failure, BehindAWrapperWithItsOwnMountsTheCgroupIsReadOnly) {
  node();
  EXPECT_THAT(log_of_failed_boot(wrapped_with_memory_volumes()),
              HasSubstr("Failed to create /init.scope control group: Read-only file system"));
}

TEST_F(Failure, TheCgroupAnnotationBootsAWrappedInitWhereItIsAllowed) {
  node({.allow_userns_annotation = true});
  Json pod = wrapped_with_memory_volumes();
  pod["metadata"]["annotations"] = {{"io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw", "true"}};
  EXPECT_EQ(boot(start(pod)), "running");
}

TEST_F(Failure, OnAnOldNodeWithoutTheAnnotationItBootsAsRootOfTheHost) {
  PodRuntime& runtime = node({.honour_host_users = false});
  const std::string uid = start(right_pod());
  ASSERT_EQ(boot(uid), "running");
  EXPECT_EQ(runtime.host_view(uid)->host_uid, 0U);
}

TEST_F(Failure, OnAnOldNodeTheAnnotationBringsTheUserNamespace) {
  PodRuntime& runtime = node({.honour_host_users = false, .allow_userns_annotation = true});
  Json pod = right_pod();
  pod["metadata"]["annotations"] = {{"io.kubernetes.cri-o.userns-mode", "auto:size=65536"}};
  const std::string uid = start(pod);
  ASSERT_EQ(boot(uid), "running");
  EXPECT_GE(runtime.host_view(uid)->host_uid, 65536U);
}

TEST_F(Failure, AUserThatTheNamespaceDoesNotMapIsNamedOnlyWithoutATerminal) {
  node();
  const Json unmapped = {{"securityContext", {{"runAsUser", 1000650000}}}};
  const ContainerState behind_tty = wait_for(start(right_pod(unmapped)), Phase::kFailed);
  EXPECT_EQ(behind_tty.error_reason, "CreateContainerError");
  EXPECT_EQ(behind_tty.error, "error reading container (probably exited) json message: EOF");

  Json open = right_pod(unmapped);
  open["spec"]["containers"][0]["tty"] = false;
  EXPECT_THAT(wait_for(start(open), Phase::kFailed).error, HasSubstr("container create failed: "));
}

TEST_F(Failure, WithoutCapabilitiesServicesFailWhileTheBootGoesOn) {
  node();
  const std::string uid =
      start(right_pod({{"securityContext", {{"capabilities", {{"drop", {"ALL"}}}}}}}));
  wait_for(uid, Phase::kRunning);
  // logind waits 90 s for a bus that does not come: "degraded" is far off, the failed units are
  // not.
  EXPECT_THAT(eventually(uid, "systemctl --failed --no-legend --plain", "nginx.service"),
              HasSubstr("nginx.service"));
  EXPECT_EQ(sh(uid, "systemctl is-system-running"), "starting");
  EXPECT_THAT(sh(uid, "systemctl list-jobs --no-legend"), HasSubstr("systemd-logind.service"));
}

TEST_F(Failure, AReadOnlyRootDegradesTheSystem) {
  node();
  const std::string uid =
      start(right_pod({{"securityContext", {{"readOnlyRootFilesystem", true}}}}));
  EXPECT_EQ(boot(uid), "degraded");
}

TEST_F(Failure, NoNewPrivilegesDoesNotPreventTheBoot) {
  node();
  const std::string uid =
      start(right_pod({{"securityContext", {{"allowPrivilegeEscalation", false}}}}));
  EXPECT_EQ(boot(uid), "running");
  EXPECT_THAT(sh(uid, "grep NoNewPrivs /proc/1/status"), HasSubstr("1"));
}

TEST_F(Failure, AnImageThatIsNotThereIsAPullError) {
  node();
  const ContainerState state =
      wait_for(start(right_pod({{"image", "quay.io/nobody/nothing:1"}})), Phase::kFailed);
  EXPECT_EQ(state.error_reason, "ErrImagePull");
  EXPECT_THAT(state.error, HasSubstr("quay.io/nobody/nothing:1"));
}

TEST_F(Failure, ACommandThatIsNotThereIsACreateError) {
  node();
  const Json nothing = {{"command", {"/no/such/init"}}, {"tty", false}};
  const ContainerState state = wait_for(start(right_pod(nothing)), Phase::kFailed);
  EXPECT_THAT(state.error, HasSubstr("/no/such/init"));
}

TEST_F(Failure, AMissingSecretIsAMountError) {
  node();
  const ContainerState state = wait_for(
      start(right_pod(Json::object(),
                      {{"volumes", {{{"name", "s"}, {"secret", {{"secretName", "absent"}}}}}}})),
      Phase::kFailed);
  EXPECT_EQ(state.error_reason, "FailedMount");
  EXPECT_THAT(state.error, HasSubstr("secret \"absent\" not found"));
}

}  // namespace
}  // namespace node::testing
