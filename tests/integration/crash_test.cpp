// The operator is stopped before and after each of its writes, and started again: the end is the
// same as without it (oracle L), and so is the number of writes to each object (oracle S).
//
// A second stop, while the next operator takes up the work, is tried at writes that SWO_SEED says;
// with SWO_ALL_FAULTS at more of them.
#include <iostream>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "scenarios.hpp"

namespace swo::test {
namespace {

using Moment = Killer::Moment;

const char* name_of(Moment moment) { return moment == Moment::kBefore ? "before" : "after"; }

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

TEST_P(Crash, AtEachWriteChangesNeitherTheEndNorTheNumberOfWrites) {
  const Scenario& scenario = GetParam();
  undisturbed(scenario);
  for (const Moment moment : {Moment::kBefore, Moment::kAfter}) {
    int fatal = 1;
    for (;; ++fatal) {
      SCOPED_TRACE(scenario.name + ", stopped " + name_of(moment) + " write " +
                   std::to_string(fatal));
      Simulation disturbed;
      if (!run(disturbed, scenario, fatal, moment)) {
        break;  // that many writes were not made: all have been tried
      }
      expect_end_as_undisturbed(disturbed, scenario);
    }
    std::cout << scenario.name << ": stopped " << name_of(moment) << " each of writes 1 to "
              << fatal - 1 << "\n";
    EXPECT_GT(fatal, 1);
  }
}

TEST_P(Crash, TwiceChangesNeitherTheEndNorTheNumberOfWrites) {
  const Scenario& scenario = GetParam();
  unsigned writes = 0;
  for (const auto& [what, count] : undisturbed(scenario).writes) {
    writes += static_cast<unsigned>(count);
  }
  std::seed_seq mixed{seed(), static_cast<std::uint32_t>(scenario.name.front())};
  std::mt19937 random(mixed);
  const int rounds = try_all() ? 20 : 2;
  for (int round = 0; round < rounds; ++round) {
    const int first = 1 + static_cast<int>(random() % writes);
    const int second = 1 + static_cast<int>(random() % writes);
    const Moment moment = random() % 2 == 0 ? Moment::kBefore : Moment::kAfter;
    const std::string where = scenario.name + ", stopped " + name_of(moment) + " write " +
                              std::to_string(first) + ", and its successor at its write " +
                              std::to_string(second) + ", SWO_SEED=" + std::to_string(seed());
    SCOPED_TRACE(where);
    std::cout << where << "\n";
    Simulation disturbed;
    scenario.prepare(disturbed);
    disturbed.forget_writes();
    std::optional<Killer> killer;
    killer.emplace(disturbed, first, moment);
    scenario.change(disturbed);
    bool again = false;
    EXPECT_TRUE(disturbed.until([&] {
      if (killer->struck() && !again) {
        again = true;
        killer.emplace(disturbed, second, moment);
        disturbed.stop_operator();
        disturbed.start_operator();
        disturbed.settle();
      }
      killer->revive();
      return scenario.done(disturbed);
    })) << disturbed.workload("nginx").dump(2);
    expect_end_as_undisturbed(disturbed, scenario);
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Crash, testing::ValuesIn(scenarios()),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace swo::test
