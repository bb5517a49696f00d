// Rights that are taken away while the operator runs: a watch that is refused is told of by the
// workloads that it concerns, is no reason to start the process anew, and is over when the right is
// back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_rows.hpp"
#include "life.hpp"

namespace swo::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

class RefusedWatches : public testing::Test {
 protected:
  void run(Life& life) {
    life.simulation.longest_step = seconds(5);
    life.apply(nginx("v1", 2));
    ASSERT_TRUE(life.runs());
    life.simulation.advance(minutes(1));
    life.simulation.forget_writes();
  }
  static std::string degraded(Life& life) { return life.condition("Degraded").value("reason", ""); }
  static int status_writes(Life& life) {
    EXPECT_EQ(life.simulation.write_count(),
              life.simulation.writes_to("PATCH systemdworkloads/demo/nginx/status"))
        << testing::PrintToString(life.simulation.writes());
    return life.simulation.write_count();
  }
};

TEST_F(RefusedWatches, AreToldByOneStatusWriteAndOverByAnother) {
  for (const char* resource : {"pods", "systemdworkloads", "securitycontextconstraints"}) {
    SCOPED_TRACE(resource);
    Life life;
    run(life);
    without_right(resource, "watch")(life.simulation);
    cut_watches(life.simulation);
    life.simulation.advance(seconds(55));
    EXPECT_EQ(degraded(life), "AsExpected");
    life.simulation.advance(minutes(3));
    EXPECT_EQ(degraded(life), "WatchForbidden");
    EXPECT_THAT(
        life.condition("Degraded").value("message", ""),
        AllOf(HasSubstr("watch " + std::string(resource)), HasSubstr("get, list and watch")));
    life.simulation.advance(minutes(15));
    EXPECT_EQ(status_writes(life), 1);
    EXPECT_TRUE(life.simulation.running("nginx"));
    EXPECT_EQ(life.simulation.op().unwell(), std::nullopt) << "a new process would be refused too";
    with_all_rights()(life.simulation);
    life.simulation.advance(minutes(3));
    EXPECT_EQ(degraded(life), "AsExpected");
    EXPECT_EQ(status_writes(life), 2);
  }
}

TEST_F(RefusedWatches, OfWhatAWorkloadDoesNotNeedAreNoneOfItsConcern) {
  Life life;  // OpenShift 4.20: no MachineConfig is ever written
  run(life);
  without_right("machineconfigs", "watch")(life.simulation);
  cut_watches(life.simulation);
  life.simulation.advance(minutes(15));
  EXPECT_EQ(degraded(life), "AsExpected");
  EXPECT_EQ(status_writes(life), 0);
}

// What the liveness check is for.
TEST_F(RefusedWatches, UnlikeThoseThatFindNoServerDoNotEndTheProcess) {
  Life life;
  run(life);
  life.simulation.cluster().api().faults().add("watch:pods@1+*=drop");
  cut_watches(life.simulation);
  life.simulation.advance(minutes(9));
  EXPECT_EQ(life.simulation.op().unwell(), std::nullopt);
  life.simulation.advance(minutes(2));
  EXPECT_THAT(life.simulation.op().unwell().value_or(""), HasSubstr("the watch of pods is silent"));
}

}  // namespace
}  // namespace swo::test
