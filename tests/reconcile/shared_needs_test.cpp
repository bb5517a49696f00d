// The sum of what workloads need of the pieces they share.
#include "reconcile/shared_needs.hpp"

#include <gmock/gmock.h>

namespace swo::reconcile {
namespace {

using platform::MachineConfigNeed;
using testing::ElementsAre;
using testing::IsEmpty;

Need under_scc(bool user_namespace_level) {
  return {.scc = "systemd-workload",
          .capabilities = {},
          .scc_user_namespace_level = user_namespace_level,
          .machine_config = {}};
}

Need on_nodes(MachineConfigNeed config) {
  return {.scc = "", .capabilities = {}, .machine_config = std::move(config)};
}

TEST(SharedNeeds, TheSccDemandsAUserNamespaceOnlyWhereNoneOfItsUsersHasItByAnnotation) {
  SharedNeeds needs;
  const auto level = [&] { return needs.sum().sccs.at("systemd-workload").user_namespace_level; };
  needs.report({"demo", "a"}, under_scc(true), 9);
  needs.report({"demo", "b"}, under_scc(true), 9);
  EXPECT_TRUE(level());
  EXPECT_TRUE(needs.report({"demo", "c"}, under_scc(false), 9));
  EXPECT_FALSE(level()) << "one that would be refused with it";
  EXPECT_EQ(needs.sum().sccs.at("systemd-workload").users, 3);
  EXPECT_TRUE(needs.forget({"demo", "c"}));
  EXPECT_TRUE(level());
  // Whichever was there first.
  SharedNeeds other;
  other.report({"demo", "c"}, under_scc(false), 9);
  other.report({"demo", "a"}, under_scc(true), 9);
  EXPECT_FALSE(other.sum().sccs.at("systemd-workload").user_namespace_level);
}

TEST(SharedNeeds, TheMachineConfigOfAPoolHoldsWhateverAnyWorkloadNeeds) {
  SharedNeeds needs;
  needs.report({"demo", "a"}, on_nodes({.pool = "worker", .kernel_arguments = true}), 9);
  needs.report({"demo", "b"}, on_nodes({.pool = "worker", .crio_files = true}), 9);
  needs.report({"demo", "c"},
               on_nodes({.pool = "worker", .crio_files = true, .crio_runtime_table = true}), 9);
  needs.report({"demo", "d"}, on_nodes({.pool = "infra", .crio_files = true}), 9);
  const auto sum = needs.sum();
  EXPECT_EQ(sum.machine_configs.at("worker"), (MachineConfigNeed{.pool = "worker",
                                                                 .kernel_arguments = true,
                                                                 .crio_files = true,
                                                                 .crio_runtime_table = true}));
  EXPECT_EQ(sum.machine_configs.at("infra"),
            (MachineConfigNeed{.pool = "infra", .crio_files = true}));
}

TEST(SharedNeeds, SayWhetherTheSumHasChanged) {
  SharedNeeds needs;
  EXPECT_TRUE(needs.report({"demo", "a"}, under_scc(true), 9));
  EXPECT_FALSE(needs.report({"demo", "a"}, under_scc(true), 9));
  EXPECT_FALSE(needs.report({"demo", "b"}, under_scc(true), 9)) << "of the same kind";
  EXPECT_FALSE(needs.forget({"demo", "a"})) << "another of that kind is left";
  EXPECT_TRUE(needs.forget({"demo", "b"}));
  EXPECT_THAT(needs.sum().sccs, IsEmpty());
}

TEST(SharedNeeds, OneWorkloadThatWantsCgroupModeIsEnough) {
  SharedNeeds needs;
  needs.report({"demo", "a"}, under_scc(true), 9);
  EXPECT_FALSE(needs.sum().cgroup_mode);
  Need mode = under_scc(true);
  mode.cgroup_mode = true;
  needs.report({"demo", "b"}, mode, 9);
  EXPECT_TRUE(needs.sum().cgroup_mode);
}

// A workload whose spec is refused says nothing, and must not keep what waits for all waiting.
TEST(SharedNeeds, WhatWaitsForAllLooksAgainWhenTheLastHasReportedWhateverItsSpec) {
  SharedNeeds needs;
  EXPECT_TRUE(needs.report({"demo", "a"}, under_scc(true), 3));
  EXPECT_FALSE(needs.report({"demo", "b"}, under_scc(true), 3));
  EXPECT_TRUE(needs.report_unknown({"demo", "c"}, 3));
  EXPECT_EQ(needs.sum().unknown, 1U) << "what nobody else needs it may need";
  EXPECT_TRUE(needs.has_reported({"demo", "c"}));
  EXPECT_FALSE(needs.has_reported({"demo", "d"}));
  EXPECT_FALSE(needs.report_unknown({"demo", "a"}, 3)) << "it needs what it needed";
  EXPECT_EQ(needs.sum().sccs.at("systemd-workload").users, 2);
  EXPECT_TRUE(needs.forget({"demo", "d"})) << "the last that was waited for may have been this one";
}

}  // namespace
}  // namespace swo::reconcile
