// What configures systemd from outside its image, seen from inside: arguments, environment,
// volumes.
#include <filesystem>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "support.hpp"

namespace node::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Inside : public RealBoot {
 protected:
  // A service that copies its credential "password" to /tmp/got, or leaves that empty.
  static constexpr const char* kTester =
      "[Service]\nType=oneshot\nRemainAfterExit=yes\nLoadCredential=password\n"
      "ExecStart=/bin/sh -c 'cat ${CREDENTIALS_DIRECTORY}/password >/tmp/got || :'\n";

  // Boots with a Secret mounted at `path` and returns what the service got of it.
  std::string credential_from(const std::string& path, const Json& env, const Json& args) {
    const Json pod = right_pod(
        {{"env", env},
         {"args", args},
         {"volumeMounts",
          {{{"name", "secret"}, {"mountPath", path}, {"readOnly", true}},
           {{"name", "units"},
            {"mountPath", "/etc/systemd/system/tester.service"},
            {"subPath", "tester.service"}}}}},
        {{"volumes",
          {{{"name", "secret"}, {"secret", {{"secretName", "login"}, {"defaultMode", 0400}}}},
           {{"name", "units"}, {"configMap", {{"name", "units"}}}}}}});
    const std::string uid = start(pod, {{"secret/login", {{"password", "hunter2"}}},
                                        {"configmap/units", {{"tester.service", kTester}}}});
    EXPECT_EQ(boot(uid), "running");
    return sh(uid, "systemctl start tester && cat /tmp/got");
  }
};

TEST_F(Inside, ItsArgumentsAreItsKernelCommandLine) {
  node();
  const std::string uid =
      start(right_pod({{"args",
                        {"systemd.unit=multi-user.target", "systemd.mask=nginx.service",
                         "systemd.journald.forward_to_console=1", "systemd.log_level=info"}}}));
  ASSERT_EQ(boot(uid), "running");
  EXPECT_EQ(sh(uid, "systemctl is-enabled nginx.service"), "masked-runtime");
  EXPECT_EQ(sh(uid, "systemctl is-active nginx.service"), "inactive");
  EXPECT_EQ(sh(uid, "systemctl is-active graphical.target"), "inactive");
  sh(uid, "logger -t demo from-the-journal; journalctl --sync");
  EXPECT_THAT(log(uid), HasSubstr("from-the-journal"));
}

TEST_F(Inside, TheJournalStaysOffTheConsoleUnlessAsked) {
  node();
  const std::string uid = start(right_pod());
  ASSERT_EQ(boot(uid), "running");
  sh(uid, "logger -t demo from-the-journal; journalctl --sync");
  EXPECT_THAT(log(uid), Not(HasSubstr("from-the-journal")));
}

TEST_F(Inside, ContainerUuidBecomesTheMachineId) {
  node();
  const std::string uid = start(right_pod(
      {{"env",
        {{{"name", "container_uuid"}, {"value", "0d1e2f30-4152-4374-8596-a7b8c9daebfc"}}}}}));
  ASSERT_EQ(boot(uid), "running");
  EXPECT_EQ(sh(uid, "cat /etc/machine-id"), "0d1e2f30415243748596a7b8c9daebfc");
}

TEST_F(Inside, ASecretVolumeNamedByCredentialsDirectoryReachesLoadCredential) {
  node();
  const Json env = {{{"name", "CREDENTIALS_DIRECTORY"}, {"value", "/run/secrets/credentials"}}};
  EXPECT_EQ(credential_from("/run/secrets/credentials", env, Json::array()), "hunter2");
}

TEST_F(Inside, ASecretVolumeOnTheCredentialStoreReachesLoadCredential) {
  node();
  EXPECT_EQ(credential_from("/run/credstore", Json::array(), Json::array()), "hunter2");
  EXPECT_EQ(credential_from("/etc/credstore", Json::array(), Json::array()), "hunter2");
}

TEST_F(Inside, ASecretVolumeOnTheSystemCredentialsAloneDoesNot) {
  node();
  EXPECT_EQ(credential_from("/run/credentials/@system", Json::array(), Json::array()), "");
}

TEST_F(Inside, ACredentialCanComeByArgument) {
  node();
  EXPECT_EQ(credential_from("/mnt", Json::array(), {"systemd.set_credential=password:by-argument"}),
            "by-argument");
}

TEST_F(Inside, DropInsComeFromAConfigMapAsDirectoryOrBySubPath) {
  node();
  const std::string uid =
      start(right_pod({{"volumeMounts",
                        {{{"name", "all"}, {"mountPath", "/etc/systemd/system/nginx.service.d"}},
                         {{"name", "all"},
                          {"mountPath", "/etc/systemd/system/dbus.service.d/50-demo.conf"},
                          {"subPath", "50-demo.conf"}}}}},
                      {{"volumes", {{{"name", "all"}, {"configMap", {{"name", "dropins"}}}}}}}),
            {{"configmap/dropins", {{"50-demo.conf", "[Service]\nEnvironment=FROM=configmap\n"}}}});
  ASSERT_EQ(boot(uid), "running");
  EXPECT_EQ(sh(uid, "systemctl show --property=Environment nginx dbus"),
            "Environment=FROM=configmap\n\nEnvironment=FROM=configmap");
}

TEST_F(Inside, AClaimIsWritableByRootInsideAndBelongsToRootOutside) {
  node();
  const std::string claim = ::testing::TempDir() + "claim-of-inside-test";
  std::filesystem::create_directory(claim);
  const Json pod = right_pod(
      {{"volumeMounts", {{{"name", "data"}, {"mountPath", "/var/lib/app"}}}}},
      {{"volumes", {{{"name", "data"}, {"persistentVolumeClaim", {{"claimName", "data"}}}}}}});
  const std::string first = start(pod, {{"claim/data", {{"", claim}}}});
  ASSERT_EQ(boot(first), "running");
  EXPECT_EQ(sh(first, "echo kept >/var/lib/app/file && stat -c %u /var/lib/app/file"), "0");
  struct stat on_host {};
  ASSERT_EQ(stat((claim + "/file").c_str(), &on_host), 0);
  EXPECT_EQ(on_host.st_uid, 0U);
  node().remove(first);
  const std::string second = start(pod, {{"claim/data", {{"", claim}}}});
  ASSERT_EQ(boot(second), "running");
  EXPECT_EQ(sh(second, "cat /var/lib/app/file"), "kept");
  std::filesystem::remove_all(claim);
}

TEST_F(Inside, AReadinessProbeCanAskForUnits) {
  PodRuntime& runtime = node();
  const std::string uid = start(right_pod());
  ASSERT_EQ(boot(uid), "running");
  const auto code = [&](const std::vector<std::string>& command) {
    return runtime.exec(uid, command, seconds(10)).exit_code;
  };
  EXPECT_EQ(code({"systemctl", "is-active", "--quiet", "nginx.service"}), 0);
  EXPECT_EQ(code({"systemctl", "is-active", "--quiet", "nginx.service", "dbus.service"}), 0);
  EXPECT_NE(code({"systemctl", "is-active", "--quiet", "no-such.service"}), 0);
  EXPECT_EQ(code({"systemctl", "is-system-running"}), 0);
  sh(uid, "systemd-run --quiet --unit=breaks false");
  EXPECT_THAT(eventually(uid, "systemctl --failed --no-legend --plain", "breaks"),
              HasSubstr("breaks.service loaded failed failed"));
  EXPECT_EQ(runtime.exec(uid, {"systemctl", "is-system-running"}, seconds(10)).output,
            "degraded\n");
  EXPECT_NE(code({"systemctl", "is-system-running"}), 0);
}

TEST_F(Inside, AUnitThatHangsAtBootIsSeenInTheJobs) {
  node();
  const char* const hangs =
      "[Service]\nType=oneshot\nExecStart=sleep infinity\nTimeoutStartSec=infinity\n";
  const std::string uid =
      start(right_pod({{"volumeMounts",
                        {{{"name", "units"},
                          {"mountPath", "/etc/systemd/system/hangs.service"},
                          {"subPath", "hangs.service"}}}},
                       {"args", {"systemd.wants=hangs.service"}}},
                      {{"volumes", {{{"name", "units"}, {"configMap", {{"name", "units"}}}}}}}),
            {{"configmap/units", {{"hangs.service", hangs}}}});
  wait_for(uid, Phase::kRunning);
  EXPECT_THAT(eventually(uid, "systemctl list-jobs --no-legend", "hangs.service"),
              HasSubstr("hangs.service"));
  EXPECT_EQ(eventually(uid, "systemctl is-system-running", "starting"), "starting");
}

TEST_F(Inside, HostnameHostsAndEnvironmentAreTheKubelets) {
  node();
  const std::string uid = start(
      right_pod(
          {{"env",
            {{{"name", "FROM_MAP"},
              {"valueFrom", {{"configMapKeyRef", {{"name", "settings"}, {"key", "colour"}}}}}},
             {{"name", "WHERE"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "status.podIP"}}}}}}}}},
          {{"hostname", "nginx-0"}, {"subdomain", "nginx"}}),
      {{"configmap/settings", {{"colour", "blue"}}}});
  ASSERT_EQ(boot(uid), "running");
  EXPECT_EQ(sh(uid, "cat /proc/sys/kernel/hostname"), "nginx-0");
  EXPECT_THAT(sh(uid, "getent hosts nginx-0"), HasSubstr("nginx-0.nginx.demo.svc.cluster.local"));
  EXPECT_EQ(sh(uid, "echo $FROM_MAP $WHERE $container"), "blue " + node().ip(uid) + " crio");
}

}  // namespace
}  // namespace node::testing
