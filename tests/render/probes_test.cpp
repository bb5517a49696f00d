// The probes' scripts and the stop hook, run for real by every shell of this machine against a
// systemctl that answers as told. The shell finds nothing else in its PATH: an image need not have
// sed or awk.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files/shell.hpp"
#include "render/pod_probes.hpp"
#include "render/pod_systemd.hpp"
#include "support.hpp"

namespace swo::render::test {
namespace {

namespace fs = std::filesystem;

using swo::test::Output;

api::ReadinessSpec units(const std::vector<std::string>& names) {
  api::ReadinessSpec readiness;
  readiness.units = names;
  return readiness;
}

api::ReadinessSpec degraded_accepted() {
  api::ReadinessSpec readiness;
  readiness.accept_degraded = true;
  return readiness;
}

api::ReadinessSpec startup(int timeout_seconds) {
  api::ReadinessSpec readiness;
  readiness.startup_timeout_seconds = timeout_seconds;
  return readiness;
}

std::vector<std::string> shells() {
  std::vector<std::string> found;
  for (const char* shell : {"/bin/dash", "/bin/bash", "/bin/busybox"}) {
    if (fs::exists(shell)) found.emplace_back(shell);
  }
  return found;
}

class Probes : public testing::TestWithParam<std::string> {
 protected:
  Probes() {
    std::string pattern = (fs::temp_directory_path() / "probes-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    dir_ = pattern;
    // Answers its first argument's file, its exit code included; logs, as SYSTEMD_LOG_LEVEL=debug
    // would.
    write("systemctl",
          "#!/bin/sh\n"
          "echo 'Bus n/a: changing state UNSET -> OPENING' >&2\n"
          "cd " +
              dir_.string() +
              "\n"
              "echo \"$*\" >>asked\n"
              "[ ! -f \"$1\" ] || /bin/cat \"$1\"\n"
              "[ ! -f \"$1.code\" ] || exit $(/bin/cat \"$1.code\")\n");
    fs::permissions(dir_ / "systemctl", fs::perms::owner_all);
  }
  ~Probes() override { fs::remove_all(dir_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / name) << text;
  }
  void answer(const std::string& verb, const std::string& text, int code = 0) const {
    write(verb, text);
    write(verb + ".code", std::to_string(code));
  }
  std::string asked() const {
    return fs::exists(dir_ / "asked") ? read_file(dir_ / "asked") : std::string();
  }

  Output run(const std::string& script) const {
    const bool busybox = GetParam().ends_with("busybox");
    const std::string command = "PATH=" + dir_.string() + " SYSTEMD_LOG_LEVEL=debug exec " +
                                GetParam() + (busybox ? " sh" : "") + " -c " + shell_quote(script);
    return swo::test::sh(command);
  }
  Output run(const Json& probe) const {
    return run(probe["exec"]["command"][2].get<std::string>());
  }

  fs::path dir_;
};

INSTANTIATE_TEST_SUITE_P(Shell, Probes, testing::ValuesIn(shells()),
                         [](const auto& test) { return fs::path(test.param).filename().string(); });

TEST_P(Probes, StartupIsOverWhenTheSystemRuns) {
  answer("is-system-running", "running\n");
  const Output outcome = run(startup_probe({}));
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.text, "");
}

TEST_P(Probes, StartupIsNeverOverWithoutTheUserNamespaceThatItIsToProve) {
  answer("is-system-running", "running\n");
  std::string script = startup_probe({}, ProveUserNamespace::kYes)["exec"]["command"][2];
  const std::string map = "/proc/self/uid_map";
  const std::size_t at = script.find(map);
  ASSERT_NE(at, std::string::npos);
  script.replace(at, map.size(), (dir_ / "map").string());
  write("map", "         0          0 4294967295\n");
  const Output outcome = run(script);
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.text, "no user namespace: root here is root of the node\n");
  write("map", "         0     100000      65536\n     65536     200000      65536\n");
  EXPECT_EQ(run(script).exit, 0);
}

TEST_P(Probes, StartupIsOverWithFailedUnits) {
  answer("is-system-running", "degraded\n", 1);
  EXPECT_EQ(run(startup_probe({})).exit, 0);
}

TEST_P(Probes, StartupNamesTheUnitsThatRunAndNotThoseThatWaitForThem) {
  answer("is-system-running", "starting\n", 1);
  answer("list-jobs",
         " 85 nginx.service                 start waiting\n"
         "  1 multi-user.target             start waiting\n"
         "112 ipa-server-configure.service  start running\n"
         "113 getty@a\\x2db.service          start running\n");
  const Output outcome = run(startup_probe({}));
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(
      outcome.text,
      "systemd is starting; waiting for: ipa-server-configure.service getty@a\\x2db.service\n");
}

TEST_P(Probes, StartupNamesWaitingUnitsWhenNoneRuns) {
  answer("is-system-running", "starting\n", 1);
  answer("list-jobs", "1 multi-user.target start waiting\n");
  EXPECT_EQ(run(startup_probe({})).text, "systemd is starting; waiting for: multi-user.target\n");
}

TEST_P(Probes, StartupWithoutJobsSaysTheStateAlone) {
  answer("is-system-running", "initializing\n", 1);
  EXPECT_EQ(run(startup_probe({})).text, "systemd is initializing\n");
}

TEST_P(Probes, ASystemdThatDoesNotAnswerIsUnknown) {
  answer("is-system-running", "", 1);
  const Output outcome = run(startup_probe({}));
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.text, "systemd is unknown\n");
}

TEST_P(Probes, AnImageWithoutSystemctlIsUnknown) {
  fs::remove(dir_ / "systemctl");
  EXPECT_EQ(run(readiness_probe({})).text, "systemd is unknown\n");
  EXPECT_EQ(run(readiness_probe(units({"a.service"}))).text,
            "systemd is unknown; not active: a.service\n");
}

TEST_P(Probes, ReadyWhenTheSystemRuns) {
  answer("is-system-running", "running\n");
  EXPECT_EQ(run(readiness_probe({})).exit, 0);
}

TEST_P(Probes, DegradedIsNotReadyAndNamesTheFailedUnits) {
  answer("is-system-running", "degraded\n", 1);
  answer("list-units",
         "nginx.service loaded failed failed The nginx HTTP server\n"
         "httpd@a\\x2db.service loaded failed failed Apache\n");
  const Output outcome = run(readiness_probe({}));
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.text, "systemd is degraded; failed: nginx.service httpd@a\\x2db.service\n");
}

TEST_P(Probes, TheBulletOfAnOldSystemctlIsNoUnit) {
  answer("is-system-running", "degraded\n", 1);
  answer("list-units", "● nginx.service loaded failed failed The nginx HTTP server\n");
  EXPECT_EQ(run(readiness_probe({})).text, "systemd is degraded; failed: nginx.service\n");
}

TEST_P(Probes, DegradedIsReadyWhereItIsAccepted) {
  answer("is-system-running", "degraded\n", 1);
  EXPECT_EQ(run(readiness_probe(degraded_accepted())).exit, 0);
}

TEST_P(Probes, StoppingIsNeverReady) {
  answer("is-system-running", "stopping\n", 1);
  const Output outcome = run(readiness_probe(degraded_accepted()));
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.text, "systemd is stopping\n");
}

TEST_P(Probes, ReadyWhenTheNamedUnitsAreActiveWhateverTheSystemIs) {
  answer("is-system-running", "degraded\n", 1);
  answer("is-active", "active\nreloading\n");
  EXPECT_EQ(run(readiness_probe(units({"a.service", "b.service"}))).exit, 0);
  EXPECT_EQ(asked(), "is-active -- a.service b.service\n") << "one process for all units";
}

TEST_P(Probes, NamesTheUnitsThatAreNotActiveThoughSystemctlExitsWithZero) {
  answer("is-system-running", "running\n");
  answer("is-active", "inactive\nactive\nactivating\n", 0);
  const Output outcome = run(readiness_probe(units({"a.service", "b.service", "c.service"})));
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.text, "systemd is running; not active: a.service c.service\n");
}

TEST_P(Probes, AUnitThatSystemctlDoesNotAnswerForIsNotActive) {
  answer("is-system-running", "running\n");
  answer("is-active", "active\n");
  EXPECT_EQ(run(readiness_probe(units({"a.service", "b.service"}))).text,
            "systemd is running; not active: b.service\n");
}

TEST_P(Probes, MoreAnswersThanUnitsAreNoError) {
  answer("is-active", "active\nactive\nactive\n");
  EXPECT_EQ(run(readiness_probe(units({"a.service"}))).exit, 0);
}

TEST_P(Probes, NoUnitNameIsEverRunByTheShell) {
  const std::vector<std::string> names = {"a'; touch pwned; echo '.service",
                                          "$(touch pwned).service",
                                          "`touch pwned`.service",
                                          "\\x2d.service",
                                          "-f.service",
                                          "a\nb.service",
                                          "*.service"};
  answer("is-system-running", "running\n");
  answer("is-active", "");
  std::string expected = "systemd is running; not active:";
  for (const std::string& name : names) expected += " " + name;
  EXPECT_EQ(run(readiness_probe(units(names))).text, expected + "\n");
  EXPECT_FALSE(fs::exists(dir_ / "pwned"));
  EXPECT_FALSE(fs::exists("pwned"));
}

// A process that waits for SIGRTMIN+3 as systemd does (blocked, never handled), in place of PID 1.
class Init {
 public:
  Init() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      int signal = 0;
      sigwait(&signals, &signal);
      _exit(signal == SIGRTMIN + 3 ? 42 : 1);
    }
    sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  }
  int pid() const { return pid_; }
  int exit() const {
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
};

std::string stop_script(const std::string& pid) {
  auto script = lifecycle({})["preStop"]["exec"]["command"][2].get<std::string>();
  for (std::size_t at = 0; (at = script.find(" 1 2>", at)) != std::string::npos;) {
    script.replace(at, 2, " " + pid);
  }
  return script;
}

TEST_P(Probes, TheStopHookSendsInitItsSignal) {
  const Init init;
  EXPECT_EQ(run(stop_script(std::to_string(init.pid()))).exit, 0);
  EXPECT_EQ(init.exit(), 42);
  EXPECT_EQ(asked(), "");
}

TEST_P(Probes, TheStopHookSendsItByNumberWhereTheShellDoesNotKnowItsName) {
  const Init init;
  std::string script = stop_script(std::to_string(init.pid()));
  script.replace(script.find("RTMIN+3"), 7, "NOSUCH");
  EXPECT_EQ(run(script).exit, 0);
  EXPECT_EQ(init.exit(), 42);
}

TEST_P(Probes, TheStopHookAsksSystemctlWhereNoSignalCanBeSent) {
  constexpr const char* kNoProcess = "2147483647";
  EXPECT_EQ(run(stop_script(kNoProcess)).exit, 0);
  EXPECT_EQ(asked(), "--no-block poweroff\n");
}

TEST(ProbeSettings, StartupMayTakeItsWholeTimeAndNoMuchLonger) {
  for (const int seconds : {1, 10, 600, 901}) {
    const Json probe = startup_probe(startup(seconds));
    const int longest = probe["failureThreshold"].get<int>() * probe["periodSeconds"].get<int>();
    EXPECT_GE(longest, seconds);
    EXPECT_LT(longest, seconds + probe["periodSeconds"].get<int>());
  }
}

}  // namespace
}  // namespace swo::render::test
