#include <gmock/gmock.h>

#include "diagnose/console.hpp"
#include "diagnose/diagnose.hpp"
#include "diagnose/text.hpp"

namespace swo::diagnose {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Evidence running(std::string log, std::vector<std::string> events = {}) {
  Evidence e;
  e.phase = "Running";
  e.log_tail = std::move(log);
  e.log_known = true;
  e.events = std::move(events);
  return e;
}

TEST(SystemdState, OfAConsoleWithUnitNames) {
  const SystemdState state = systemd_state(running(
      "systemd 257.7-1 running in system mode (+PAM +AUDIT)\r\n"
      "Welcome to \x1b[1mDebian GNU/Linux 13 (trixie)\x1b[0m!\r\n"
      "[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mcron.service\x1b[0m - Regular jobs.\r\n"
      "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mnginx.service\x1b[0m - A server.\r\n"
      "See 'systemctl status nginx.service' for details.\r\n"
      "[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mmulti-user.target\x1b[0m - Multi-User "
      "System.\r\n"));
  EXPECT_EQ(state.state, "degraded");
  EXPECT_THAT(state.failed_units, ElementsAre("nginx.service"));
}

TEST(SystemdState, OfAConsoleWithDescriptions) {
  const SystemdState state =
      systemd_state(running("[FAILED] Failed to start The nginx HTTP and reverse proxy server.\n"
                            "See 'systemctl status nginx.service' for details.\n"
                            "[  OK  ] Reached target Multi-User System.\n"));
  EXPECT_EQ(state.state, "degraded");
  EXPECT_THAT(state.failed_units, ElementsAre("nginx.service"));
}

TEST(SystemdState, TakesNoOtherTextForTheNameOfAUnit) {
  for (const std::string& name :
       {std::string("password=hunter2"), std::string("x.service rm -rf"), std::string("x"),
        std::string(300, 'x') + ".service", std::string(9000, 'x')}) {
    const SystemdState state =
        systemd_state(running("[FAILED] Failed to start The nginx server.\n"
                              "See 'systemctl status " +
                              name +
                              "' for details.\n"
                              "[  OK  ] Reached target Multi-User System.\n"));
    EXPECT_THAT(state.failed_units, ElementsAre("The nginx server"));
  }
  const SystemdState state =
      systemd_state(running("[FAILED] Failed to start " + std::string(9000, 'x') +
                            ".\n[  OK  ] Reached target Multi-User"));
  ASSERT_EQ(state.failed_units.size(), 1U);
  EXPECT_LT(state.failed_units.front().size(), 500U);
}

TEST(SystemdState, OfAForwardedJournal) {
  const SystemdState state =
      systemd_state(running("systemd[1]: nginx.service: Failed with result 'exit-code'.\n"
                            "systemd[1]: Failed to start nginx.service - A server.\n"
                            "systemd[1]: Startup finished in 3.214s.\n"));
  EXPECT_EQ(state.state, "degraded");
  EXPECT_THAT(state.failed_units, ElementsAre("nginx.service"));
}

TEST(SystemdState, ForgetsAFailureOnceTheUnitHasStarted) {
  const SystemdState state =
      systemd_state(running("[FAILED] Failed to start db.service - DB.\n"
                            "[  OK  ] Started db.service - DB.\n"
                            "[  OK  ] Reached target graphical.target - Graphical Interface.\n"));
  EXPECT_EQ(state.state, "running");
  EXPECT_THAT(state.failed_units, IsEmpty());
}

TEST(SystemdState, LooksAtTheLastBootOnly) {
  const SystemdState state =
      systemd_state(running("[FAILED] Failed to start db.service - DB.\n"
                            "[  OK  ] Reached target multi-user.target\n"
                            "Welcome to Fedora Linux 42!\n"));
  EXPECT_EQ(state.state, "starting");
  EXPECT_THAT(state.failed_units, IsEmpty());
}

TEST(SystemdState, NamesTheJobThatABootWaitsFor) {
  EXPECT_EQ(systemd_state(running("Welcome to X!\n[ *** ] A start job is running for Wait for "
                                  "Network (12s / 1min 30s)\r"))
                .waiting_for,
            "Wait for Network");
  EXPECT_EQ(systemd_state(running("[*     ] Job slow.service/start running (3s / no limit)\r"))
                .waiting_for,
            "slow.service");
}

TEST(SystemdState, TheNewestProbeReportOutweighsTheConsole) {
  const SystemdState state = systemd_state(running(
      "[  OK  ] Reached target multi-user.target\n",
      {"Unhealthy: Startup probe failed: systemd is starting; waiting for: a.service",
       "Unhealthy: Readiness probe failed: systemd is degraded; failed: x.service y.service",
       "Pulled: Container image is already present"}));
  EXPECT_EQ(state.state, "degraded");
  EXPECT_THAT(state.failed_units, ElementsAre("x.service", "y.service"));
}

TEST(SystemdState, AReportIsOverOnceTheInstanceIsReady) {
  Evidence e =
      running("[  OK  ] Reached target multi-user.target\n",
              {"Unhealthy: Startup probe failed: systemd is starting; waiting for: a.service"});
  e.ready = true;
  EXPECT_EQ(systemd_state(e).state, "running");
  e.log_tail = "[FAILED] Failed to start db.service\n[  OK  ] Reached target multi-user.target\n";
  EXPECT_EQ(systemd_state(e).state, "degraded")
      << "a workload that accepts it is ready all the same";
  e.ready_means_running = true;
  EXPECT_EQ(systemd_state(e).state, "running");
}

TEST(SystemdState, IsUnknownWithoutARunningContainer) {
  Evidence e = running("[  OK  ] Reached target multi-user.target\n");
  e.waiting_reason = "CrashLoopBackOff";
  EXPECT_EQ(systemd_state(e).state, "");
  EXPECT_EQ(systemd_state(running("")).state, "");
}

TEST(ProbeReports, AreReadInEachForm) {
  const auto starting = probe_report(
      {"Unhealthy: Startup probe failed: systemd is starting; waiting for: A.service B.service\n"});
  ASSERT_TRUE(starting);
  EXPECT_TRUE(starting->startup);
  EXPECT_EQ(starting->state, "starting");
  EXPECT_THAT(starting->waiting_for, ElementsAre("A.service", "B.service"));
  const auto inactive = probe_report(
      {"Unhealthy: Readiness probe failed: systemd is running; not active: x.service"});
  ASSERT_TRUE(inactive);
  EXPECT_FALSE(inactive->startup);
  EXPECT_THAT(inactive->not_active, ElementsAre("x.service"));
  const auto bare = probe_report({"Unhealthy: Readiness probe failed: systemd is maintenance"});
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->state, "maintenance");
  EXPECT_EQ(probe_report({"Unhealthy: Readiness probe failed: HTTP 500"}), std::nullopt);
  const auto made_up = probe_report({"Unhealthy: Readiness probe failed: systemd is splendid"});
  ASSERT_TRUE(made_up);
  EXPECT_EQ(made_up->state, "unknown") << "the image prints it, and it is a label of a metric";
}

}  // namespace
}  // namespace swo::diagnose
