// The Pod that is right, and what the host sees of it.
#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "node/machine.hpp"
#include "support.hpp"

namespace node::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Boot : public RealBoot {};

TEST_F(Boot, AnUnmodifiedSystemdRunsAsNobodyInParticularOnTheHost) {
  PodRuntime& runtime = node();
  const std::string uid = start(right_pod());
  ASSERT_EQ(boot(uid), "running");
  EXPECT_THAT(http_head(uid), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_EQ(sh(uid, "systemctl --failed --no-legend --plain"), "");
  EXPECT_EQ(sh(uid, "cat /proc/1/comm; id -u"), "systemd\n0");

  const HostView view = *runtime.host_view(uid);
  EXPECT_GE(view.host_uid, 65536U);
  EXPECT_EQ(view.cgroup_owner_uid, view.host_uid);
  EXPECT_THAT(view.namespaces,
              ::testing::ElementsAre("pid", "net", "ipc", "uts", "mnt", "cgroup", "user"));
  EXPECT_EQ(view.pid, runtime.state(uid)->pid);

  runtime.stop(uid, seconds(20));  // the image's STOPSIGNAL is SIGRTMIN+3
  const ContainerState end = wait_for(uid, Phase::kExited);
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_FALSE(end.oom_killed);
  EXPECT_LT(end.finished_at - end.started_at, seconds(20));
  EXPECT_THAT(log(uid), HasSubstr("Exiting container."));
}

TEST_F(Boot, TheImagesOwnCommandIsTakenForInitToo) {
  node();
  Json pod = right_pod();
  pod["spec"]["containers"][0].erase("command");
  EXPECT_EQ(boot(start(pod)), "running");
  EXPECT_EQ(boot(start(right_pod({{"command", {"/lib/systemd/systemd"}}}))), "running");
}

TEST_F(Boot, WithoutATerminalItServesAndSaysNothing) {
  node();
  const std::string uid = start(right_pod({{"tty", false}}));
  EXPECT_EQ(boot(uid), "running");
  EXPECT_THAT(http_head(uid), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_EQ(log(uid), "");
}

TEST_F(Boot, MoreMemoryReachesARunningSystemdAndStaysAfterARestart) {
  PodRuntime& runtime = node();
  const auto memory = [](const char* amount) { return Json{{"limits", {{"memory", amount}}}}; };
  const std::string uid = start(right_pod({{"resources", memory("256Mi")}}));
  ASSERT_EQ(boot(uid), "running");
  if (sh(uid, "cat /sys/fs/cgroup/memory.max 2>&1") != "268435456") {
    GTEST_SKIP() << "this machine's cgroup v2 has no memory controller";
  }
  const auto pid = runtime.state(uid)->pid;
  runtime.resize(uid, memory("512Mi"));
  EXPECT_EQ(sh(uid, "cat /sys/fs/cgroup/memory.max"), "536870912");
  EXPECT_EQ(runtime.state(uid)->pid, pid);
  runtime.stop(uid, seconds(20));
  wait_for(uid, Phase::kExited);
  runtime.restart(uid);
  ASSERT_EQ(boot(uid), "running");
  EXPECT_EQ(sh(uid, "cat /sys/fs/cgroup/memory.max"), "536870912");
}

TEST_F(Boot, TwoPodsHaveIdsAndAddressesOfTheirOwnAndReachEachOther) {
  PodRuntime& runtime = node();
  const std::string a = start(right_pod());
  const std::string b = start(right_pod());
  ASSERT_EQ(boot(a), "running");
  ASSERT_EQ(boot(b), "running");
  EXPECT_NE(runtime.host_view(a)->host_uid, runtime.host_view(b)->host_uid);
  EXPECT_NE(runtime.ip(a), runtime.ip(b));
  // bash's /dev/tcp: the image has no HTTP client.
  EXPECT_THAT(sh(a, "bash -c 'exec 3<>/dev/tcp/" + runtime.ip(b) +
                        "/80; printf \"HEAD / HTTP/1.0\\r\\n\\r\\n\" >&3; head -n1 <&3'"),
              StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(Boot, ARestartKeepsTheSandboxAndTheLogOfTheRunBefore) {
  PodRuntime& runtime = node();
  const std::string uid =
      start(right_pod({{"volumeMounts", {{{"name", "scratch"}, {"mountPath", "/scratch"}}}}},
                      {{"volumes", {{{"name", "scratch"}, {"emptyDir", Json::object()}}}}}));
  ASSERT_EQ(boot(uid), "running");
  sh(uid, "echo kept >/scratch/file; echo lost >/root/file; systemctl exit 7");
  EXPECT_EQ(wait_for(uid, Phase::kExited).exit_code, 7);
  const std::string address = runtime.ip(uid);
  runtime.restart(uid);
  ASSERT_EQ(boot(uid), "running");
  EXPECT_EQ(sh(uid, "cat /scratch/file"), "kept");
  EXPECT_THAT(sh(uid, "cat /root/file"), HasSubstr("No such file"));
  EXPECT_EQ(runtime.ip(uid), address);
  EXPECT_THAT(log(uid, true), HasSubstr("Exiting container."));
  EXPECT_EQ(log(uid).find("Exiting container."), std::string::npos);
}

TEST_F(Boot, WhatWasStoppedAndRestartedCanBeStoppedAgain) {
  PodRuntime& runtime = node();
  const std::string uid = start(right_pod());
  for (int round = 0; round < 2; ++round) {
    ASSERT_EQ(boot(uid), "running");
    runtime.stop(uid, seconds(30));
    ASSERT_EQ(wait_for(uid, Phase::kExited).exit_code, 0);
    if (round == 0) runtime.restart(uid);
  }
}

TEST_F(Boot, AnExecThatTakesTooLongIsKilledWithWhatItStarted) {
  PodRuntime& runtime = node();
  const std::string uid = start(right_pod());
  ASSERT_EQ(boot(uid), "running");
  const ExecResult result = runtime.exec(uid, {"sleep", "1234"}, std::chrono::milliseconds(300));
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(sh(uid, "while pgrep -x sleep; do :; done | tail -n 0; echo gone"), "gone");
  EXPECT_EQ(runtime.exec(uid, {"false"}, seconds(5)).exit_code, 1);
  EXPECT_EQ(runtime.exec(uid, {"sh", "-c", "exit 42"}, seconds(5)).exit_code, 42);
}

TEST_F(Boot, WithoutStopSignalItIsKilledWhenTheGracePeriodEnds) {
  PodRuntime& runtime = node();
  const std::string uid = start(right_pod({{"image", "localhost/test-nginx:no-stopsignal"}}));
  ASSERT_EQ(boot(uid), "running");
  runtime.stop(uid, seconds(2));
  EXPECT_EQ(wait_for(uid, Phase::kExited).exit_code, 137);
}

TEST_F(Boot, APreStopHookStopsItCleanlyWithoutStopSignal) {
  PodRuntime& runtime = node();
  const Json hook = {{"exec", {{"command", {"kill", "-s", "RTMIN+3", "1"}}}}};
  const std::string uid = start(right_pod(
      {{"image", "localhost/test-nginx:no-stopsignal"}, {"lifecycle", {{"preStop", hook}}}}));
  ASSERT_EQ(boot(uid), "running");
  runtime.stop(uid, seconds(20));
  EXPECT_EQ(wait_for(uid, Phase::kExited).exit_code, 0);
}

TEST_F(Boot, APodIsRemovedWithAllThatBelongsToItWhileOthersRun) {
  PodRuntime& runtime = node();
  const std::string gone = start(right_pod());
  const std::string stays = start(right_pod());
  ASSERT_EQ(boot(gone), "running");
  ASSERT_EQ(boot(stays), "running");
  runtime.remove(gone);
  EXPECT_FALSE(runtime.state(gone).has_value());
  EXPECT_EQ(runtime.connect_to(gone, 80), -1);
  EXPECT_THAT(http_head(stays), StartsWith("HTTP/1.1 200 OK"));
}

// A booted systemd holds six or seven inotify instances. The kernel charges them to the user who
// made the user namespace too, the node's root (inotify(7), fs/notify/inotify:
// inc_inotify_instances), so with a limit of 128 some units of the twentieth fail: "Too many open
// files".
int as_many_as_the_machine_takes() {
  int limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_user_instances") >> limit;
  return std::min(20, limit / 8);
}

TEST_F(Boot, AsManyAsTheMachineTakesBootAtOnce) {
  PodRuntime& runtime = node();
  std::vector<std::string> uids;
  for (int i = as_many_as_the_machine_takes(); i > 0; --i) uids.push_back(start(right_pod()));
  for (const std::string& uid : uids) {
    EXPECT_EQ(boot(uid), "running")
        << uid << sh(uid, "systemctl --failed --plain; journalctl -b -p warning --no-pager");
  }
  for (const std::string& uid : uids) EXPECT_THAT(http_head(uid), StartsWith("HTTP/1.1 200 OK"));
  for (const std::string& uid : uids) runtime.stop(uid, seconds(60));
  for (const std::string& uid : uids) EXPECT_EQ(wait_for(uid, Phase::kExited).exit_code, 0);
}

TEST_F(Boot, AProgramThatIsKilledTakesItsPodsWithIt) {
  // The keeper of the machine holds the other end of a pipe of ours, so a machine ends however we
  // end.
  const std::string shared = ::testing::TempDir();
  auto [read_end, write_end] = make_pipe();
  char byte = 0;
  const pid_t program = fork();
  if (program == 0) {
    const Machine machine(shared, "10.244.0.1/24");
    spawn({.argv = machine.command({"sh", "-c", "echo >&3; exec sleep 1234"}),
           .env = {},
           .fds = {{3, write_end.get()}}});
    if (read(read_end.get(), &byte, 1) == 1) kill(getpid(), SIGKILL);
  }
  EXPECT_EQ(node::wait_for(program), 128 + SIGKILL);
  write_end.reset();
  EXPECT_EQ(read(read_end.get(), &byte, 1), 0)
      << "the process inside, which held the pipe, is gone";

  EXPECT_EQ(machine_cgroups(program).size(), 1U);
  node();  // the next machine sweeps
  EXPECT_EQ(machine_cgroups(program).size(), 0U);
}

}  // namespace
}  // namespace node::testing
