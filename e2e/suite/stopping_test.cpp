// How an instance ends: by SIGRTMIN+3 in order, or, where systemd does not heed it, by SIGKILL when
// its grace period is over.
#include "scenario.hpp"

namespace e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class Stopping : public Scenario {
 protected:
  // Scales to nothing, and returns the container's last state and how long its PID 1 lived on.
  struct End {
    Json terminated;
    std::chrono::milliseconds took{};
  };
  End scale_down(const std::string& name, seconds limit) {
    const pid_t process = init(name + "-0").pid;
    Watch watch(stand(), pods(), name + "-0");
    watch.until(is_ready_pod);
    const auto begun = std::chrono::steady_clock::now();
    stand().kubectl({"scale", "-n", ns(), "sdw/" + name, "--replicas=0"});
    EXPECT_TRUE(ends(process, limit));
    const auto took = std::chrono::steady_clock::now() - begun;
    const Json last = watch.until_gone();
    return {last.value("/status/containerStatuses/0/state/terminated"_json_pointer, Json()),
            std::chrono::duration_cast<std::chrono::milliseconds>(took)};
  }
};

TEST_F(Stopping, AScaledDownInstanceShutsDownInOrderAndExitsWithZero) {
  // A unit that takes note of its orderly stop where it outlives the container.
  apply(
      {object("v1", "ConfigMap", "units",
              {{"data",
                {{"witness.service",
                  "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
                  "ExecStop=/bin/sh -c 'echo in-order >/var/lib/notes/end'\n"}}}}),
       workload("nginx",
                {{"init",
                  {{"unitFiles", {{{"name", "witness.service"}, {"configMap", "units"}}}},
                   {"args", {"systemd.wants=witness.service"}}}},
                 {"storage",
                  {{"claims",
                    {{{"name", "notes"}, {"mountPath", "/var/lib/notes"}, {"size", "1Gi"}}}}}}})});
  await_ready("nginx");
  const End end = scale_down("nginx", seconds(30));
  EXPECT_EQ(end.terminated.value("exitCode", -1), 0) << end.terminated;
  EXPECT_EQ(end.terminated.value("reason", ""), "Completed");
  Watch(stand(), workloads(), "nginx").until([](const Json& seen) {
    return condition(seen, "Ready").rfind("True ScaledToZero", 0) == 0;
  });

  stand().kubectl({"scale", "-n", ns(), "sdw/nginx", "--replicas=1"});
  Watch(stand(), pods(), "nginx-0").until(is_ready_pod);
  EXPECT_EQ(inside("nginx-0", "cat /var/lib/notes/end"), "in-order");
}

TEST_F(Stopping, AnInstanceThatDoesNotHeedTheStopIsKilledWhenItsGracePeriodIsOver) {
  constexpr seconds kGrace{4};
  apply({workload("stubborn", {{"init", {{"maskUnits", {"halt.target"}}}},
                               {"terminationGracePeriodSeconds", kGrace.count()}})});
  await_ready("stubborn");
  const End end = scale_down("stubborn", kGrace * 5);
  EXPECT_EQ(end.terminated.value("exitCode", -1), 137) << end.terminated;
  EXPECT_GE(end.took, kGrace);
  EXPECT_THAT(events_of("stubborn-0"), Contains(HasSubstr("Killing: Stopping container systemd")));
}

}  // namespace
}  // namespace e2e
