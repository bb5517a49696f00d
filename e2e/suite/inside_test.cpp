// What a spec gives to systemd, seen from inside the container and in its log.
#include "scenario.hpp"
#include "websocket_exec.hpp"

namespace e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Inside : public Scenario {};

constexpr const char* kTaker =
    "[Service]\nType=oneshot\nRemainAfterExit=yes\nLoadCredential=password\n"
    "ExecStart=/bin/sh -c 'cat ${CREDENTIALS_DIRECTORY}/password >/root/got'\n";

TEST_F(Inside, CredentialsUnitsDropInsMasksAndTheJournalAreAsTheSpecSays) {
  apply({object("v1", "Secret", "login", {{"stringData", {{"password", "hunter2"}}}}),
         object("v1", "ConfigMap", "units",
                {{"data",
                  {{"taker.service", kTaker},
                   {"colour.conf", "[Service]\nEnvironment=COLOUR=blue\n"}}}}),
         workload("nginx", {{"init",
                             {{"credentials", {{{"name", "password"}, {"secret", "login"}}}},
                              {"unitFiles",
                               {{{"name", "taker.service"}, {"configMap", "units"}},
                                {{"name", "nginx.service"},
                                 {"configMap", "units"},
                                 {"key", "colour.conf"},
                                 {"dropIn", true}}}},
                              {"maskUnits", {"systemd-logind.service"}},
                              {"target", "multi-user.target"},
                              {"journalToConsole", true}}}})});
  await_ready("nginx");
  EXPECT_EQ(inside("nginx-0", "systemctl start taker && cat /root/got"), "hunter2");
  EXPECT_EQ(inside("nginx-0", "systemctl show --property=Environment nginx"),
            "Environment=COLOUR=blue");
  EXPECT_EQ(inside("nginx-0", "systemctl is-enabled systemd-logind.service"), "masked-runtime");
  EXPECT_EQ(inside("nginx-0", "systemctl is-active systemd-logind graphical.target"),
            "inactive\ninactive");
  inside("nginx-0", "logger -t e2e from-the-journal; journalctl --sync");
  EXPECT_THAT(log("nginx-0"), HasSubstr("from-the-journal"));
  EXPECT_EQ(log("nginx-0").find("hunter2"), std::string::npos);
}

TEST_F(Inside, AReplacedInstanceKeepsItsClaimItsNameAndItsMachineId) {
  apply({workload(
      "pet",
      {{"storage",
        {{"claims", {{{"name", "data"}, {"mountPath", "/var/lib/pet"}, {"size", "1Gi"}}}}}}})});
  await_ready("pet");
  const Json first = pod("pet-0");
  const std::string machine_id = inside("pet-0", "cat /etc/machine-id");
  EXPECT_EQ(machine_id.size(), 32U);
  inside("pet-0", "echo kept >/var/lib/pet/file; echo lost >/root/file");

  const Json second = replaced("pet-0");
  EXPECT_EQ(inside("pet-0", "cat /etc/machine-id"), machine_id);
  EXPECT_EQ(inside("pet-0", "cat /var/lib/pet/file; ls /root; hostname"), "kept\npet-0");
  EXPECT_EQ(second.at("spec").value("volumes", Json()), first.at("spec").value("volumes", Json()));
}

TEST_F(Inside, AClaimAtVarHoldsWhatTheImageHasThereAndKeepsWhatIsWrittenThere) {
  apply({workload("whole", {{"storage",
                             {{"claims",
                               {{{"name", "var"},
                                 {"mountPath", "/var"},
                                 {"size", "1Gi"},
                                 {"seedFromImage", true}}}}}}})});
  await_ready("whole");
  EXPECT_EQ(inside("whole-0", "systemctl is-active nginx; stat -c %F /var/run"),
            "active\nsymbolic link");
  EXPECT_EQ(inside("whole-0", "ls -A /var | grep seeding || echo none"), "none");
  inside("whole-0", "rm -r /var/lib/nginx/body; echo kept >/var/lib/file");

  replaced("whole-0");
  EXPECT_EQ(inside("whole-0", "cat /var/lib/file"), "kept");
}

class Exec : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    if (IsSkipped()) return;
    apply({workload("nginx")});
    await_ready("nginx");
  }
  ExecResult run(const std::string& script, const std::string& input = {}) {
    return exec_by_websocket(stand(), ns(), "nginx-0", {"sh", "-c", script}, input);
  }
  // kubectl exec, by a shell, so that it can be given input; its output and "exit N".
  std::string kubectl_exec(const std::string& before, const std::string& rest) {
    const std::string line = before + " kubectl --kubeconfig " + stand().folder() +
                             "/admin exec -n " + ns() + " " + rest + " 2>&1; echo \"exit $?\"";
    return node::run({"sh", "-c", line}, seconds(60)).output;
  }
};

TEST_F(Exec, RunsAProgramInsideWithItsStreamsAndItsExitCode) {
  EXPECT_EQ(run("systemctl is-system-running").output, "running\n");
  const ExecResult failed = run("echo out; echo err >&2; exit 7");
  EXPECT_EQ(failed.output, "out\n");
  EXPECT_EQ(failed.errors, "err\n");
  EXPECT_EQ(failed.status.at("details").at("causes").at(0).at("message"), "7");
  EXPECT_EQ(run("wc -l", "one\ntwo\n").output, "2\n");
  EXPECT_EQ(run("head -c 3000000 /dev/zero").output.size(), 3000000U);
  EXPECT_EQ(run("sleep 1000 & echo started").status.at("status"), "Success");
}

TEST_F(Exec, IsThatOfKubectlWithATerminal) {
  const Json version =
      Json::parse(stand().kubectl({"version", "--client", "-o", "json"}))["clientVersion"];
  if (std::stoi(version.value("minor", "0")) < 30) {
    GTEST_SKIP() << "kubectl " << version.value("gitVersion", "") << " speaks SPDY alone";
  }
  EXPECT_EQ(kubectl_exec("", "nginx-0 -- systemctl is-system-running"), "running\nexit 0\n");
  EXPECT_THAT(kubectl_exec("", "nginx-0 -- sh -c 'echo out; echo err >&2; exit 7'"),
              AllOf(HasSubstr("out\n"), HasSubstr("err\n"), HasSubstr("exit 7\n")));
  EXPECT_EQ(kubectl_exec("printf 'one\\ntwo\\n' |", "-i nginx-0 -- wc -l"), "2\nexit 0\n");
  EXPECT_EQ(kubectl_exec("", "nginx-0 -- sh -c 'head -c 3000000 /dev/zero' | wc -c"),
            "3000000\nexit 0\n");
  EXPECT_THAT(kubectl_exec("", "nginx-0 -- sh -c 'sleep 1000 & echo started'"),
              HasSubstr("started\n"));

  const std::string seen =
      node::run({"script", "-qec",
                 "stty rows 33 cols 99; kubectl --kubeconfig " + stand().folder() +
                     "/admin exec -n " + ns() + " -it nginx-0 -- sh -c 'tty; stty size'",
                 "/dev/null"},
                seconds(60))
          .output;
  EXPECT_THAT(seen, AllOf(HasSubstr("/dev/pts/"), HasSubstr("33 99")));
}

}  // namespace
}  // namespace e2e
