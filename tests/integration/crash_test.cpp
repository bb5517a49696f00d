// The operator is stopped before or after each of its writes, and started again: the end is the
// same as without it (oracle L), and so is the number of writes to each object (oracle S).
//
// By default every third write is tried before it and another third after it, SWO_SEED says which;
// with SWO_ALL_FAULTS each is, both ways.
#include <gtest/gtest.h>

#include "scenarios.hpp"

namespace swo::test {
namespace {

using Moment = Killer::Moment;

// Runs the scenario; the operator stops at its `fatal`-th write. False when it made fewer.
bool run(Simulation& simulation, const Scenario& scenario, int fatal, Moment moment) {
  scenario.prepare(simulation);
  simulation.forget_writes();
  Killer killer(simulation, fatal, moment);
  scenario.change(simulation);
  const bool done = simulation.until([&] {
    killer.revive();
    return scenario.done(simulation);
  });
  EXPECT_TRUE(done) << simulation.workload("nginx").dump(2);
  return killer.struck();
}

class Crash : public testing::TestWithParam<Scenario> {};

TEST_P(Crash, AtAnyWriteChangesNeitherTheEndNorTheNumberOfWrites) {
  const Scenario& scenario = GetParam();
  const Undisturbed& expected = undisturbed(scenario);
  int crashes = 0;
  for (const Moment moment : {Moment::kBefore, Moment::kAfter}) {
    const bool few = expected.writes.size() < 3;
    const int step = try_all() || few ? 1 : 3;
    const int turn = static_cast<int>(seed()) + (moment == Moment::kBefore ? 0 : 1);
    for (int fatal = 1 + turn % step;; fatal += step) {
      SCOPED_TRACE(scenario.name + ", stopped " + (moment == Moment::kBefore ? "before" : "after") +
                   " write " + std::to_string(fatal));
      Simulation disturbed;
      if (!run(disturbed, scenario, fatal, moment)) {
        break;  // that many writes were not made: all have been tried
      }
      ++crashes;
      EXPECT_EQ(end_state(disturbed), expected.end);
      EXPECT_EQ(writes_of_objects(disturbed), expected.writes);
    }
  }
  RecordProperty("crashes", crashes);
  EXPECT_GT(crashes, 0) << "SWO_SEED=" << seed();
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Crash, testing::ValuesIn(scenarios()),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace swo::test
