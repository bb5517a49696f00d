// The pieces that no workload owns alone: what is written, and above all what is not, since each
// change of a MachineConfig reboots a pool.
#include "reconcile/shared_plan.hpp"

#include <gmock/gmock.h>

#include "api/names.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

using platform::MachineConfigNeed;
using platform::Tri;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const MachineConfigNeed kBoth{.pool = "worker", .kernel_arguments = true, .crio_files = true};
const MachineConfigNeed kBothByTable{
    .pool = "worker", .kernel_arguments = true, .crio_files = true, .crio_runtime_table = true};

class SharedPlanTest : public testing::Test {
 protected:
  void need(MachineConfigNeed config) { needs.machine_configs[config.pool] = std::move(config); }
  void live(const Json& document) {
    auto read = std::make_shared<MachineConfigFacts>(machine_config_facts(document));
    read->shared = true;
    configs[read->key.name] = std::move(read);
  }
  SharedPlan plan() const {
    return plan_shared({needs, facts, sccs, configs, mode, everyone, cleanup, memory});
  }
  platform::PoolFacts& worker() { return facts.pools.at(1); }
  // The only document that is to be written.
  static Json written(const SharedPlan& plan) {
    EXPECT_THAT(plan.actions, SizeIs(1));
    const auto* apply =
        plan.actions.empty() ? nullptr : std::get_if<ApplyAction>(&plan.actions.front().what);
    return apply == nullptr ? Json() : apply->document;
  }

  SharedNeedsSum needs;
  platform::Facts facts = *platform::well_known_generation("openshift-4.8");
  std::map<std::string, std::shared_ptr<const ChildFacts>> sccs;
  std::map<std::string, std::shared_ptr<const MachineConfigFacts>> configs;
  platform::MachineConfigMode mode = platform::MachineConfigMode::kApply;
  bool everyone = true;
  bool cleanup = false;
  Memory memory;
};

TEST_F(SharedPlanTest, AMachineConfigThatIsMissingIsWritten) {
  need(kBothByTable);
  EXPECT_EQ(written(plan()), render::machine_config(kBothByTable));
}

TEST_F(SharedPlanTest, NothingIsWrittenWhileThePoolIsNotQuiet) {
  need(kBothByTable);
  worker().paused = true;
  EXPECT_THAT(plan().actions, IsEmpty());
  worker().paused = false;
  worker().updating = Tri::kYes;
  EXPECT_THAT(plan().actions, IsEmpty());
  worker().updating = Tri::kNo;
  worker().degraded = Tri::kYes;
  EXPECT_THAT(plan().actions, IsEmpty());
  worker().degraded = Tri::kNo;
  worker().generation = worker().observed_generation + 1;
  EXPECT_THAT(plan().actions, IsEmpty());
}

TEST_F(SharedPlanTest, NothingIsWrittenWithoutTheAdministratorsConsent) {
  need(kBothByTable);
  for (const auto without :
       {platform::MachineConfigMode::kOff, platform::MachineConfigMode::kPreview}) {
    mode = without;
    EXPECT_THAT(plan().actions, IsEmpty());
  }
}

TEST_F(SharedPlanTest, TheOlderFormOfCriosSettingsStaysOnceTheNodesAreNew) {
  need(kBoth);  // the last node has been upgraded, and would do with a workload class
  live(render::machine_config(kBothByTable));
  const SharedPlan idle = plan();
  EXPECT_THAT(idle.actions, IsEmpty()) << "changing the form would reboot the pool for nothing";
  EXPECT_THAT(idle.problems, IsEmpty());
}

TEST_F(SharedPlanTest, TheNewerFormGivesWayWhereAnOldNodeNeedsTheOlder) {
  need(kBothByTable);
  live(render::machine_config(kBoth));
  EXPECT_EQ(written(plan()), render::machine_config(kBothByTable));
}

TEST_F(SharedPlanTest, WhatIsAddedKeepsTheFormAndEverythingThatIsThere) {
  need({.pool = "worker", .kernel_arguments = true});
  live(render::machine_config({.pool = "worker", .crio_files = true, .crio_runtime_table = true}));
  EXPECT_EQ(written(plan()), render::machine_config(kBothByTable));
}

TEST_F(SharedPlanTest, AnEditedMachineConfigIsToldOfAndLeftAlone) {
  need(kBothByTable);
  Json edited = render::machine_config(kBothByTable);
  edited["spec"]["kernelArguments"] = {"quiet"};
  live(edited);
  const SharedPlan told = plan();
  EXPECT_THAT(told.actions, IsEmpty());
  ASSERT_THAT(told.problems, SizeIs(1));
  EXPECT_EQ(told.problems.at("worker").reason, "MachineConfigEdited");
  EXPECT_THAT(told.problems.at("worker").message, HasSubstr("put it back, delete it"));

  Json more = render::machine_config(kBothByTable);
  more["spec"]["kernelArguments"].push_back("quiet");
  live(more);
  EXPECT_THAT(plan().actions, IsEmpty()) << "it has what is needed, and more";
  EXPECT_THAT(plan().problems, IsEmpty());
}

TEST_F(SharedPlanTest, CgroupModeIsSetWithAMarkAndNeverASecondTime) {
  facts = *platform::well_known_generation("openshift-4.16");
  facts.cgroup_mode = "v1";
  needs.cgroup_mode = true;
  const SharedPlan first = plan();
  const Json document = written(first);
  EXPECT_EQ(document, render::nodes_config());
  EXPECT_EQ(document["metadata"]["annotations"][std::string(api::kAnnotationCgroupMode)], "v2");
  EXPECT_EQ(&first.actions.front().type(), &types::kNodesConfig);
  facts.cgroup_mode_written = true;
  EXPECT_THAT(plan().actions, IsEmpty()) << "someone has set it back";
  facts.cgroup_mode_written = false;
  facts.pools.front().updating = Tri::kYes;
  EXPECT_THAT(plan().actions, IsEmpty()) << "it concerns every pool, the masters' as well";
}

TEST_F(SharedPlanTest, NothingIsDeletedUnlessTheAdministratorAsks) {
  live(render::machine_config(kBothByTable));
  EXPECT_THAT(plan().actions, IsEmpty());
  cleanup = true;
  EXPECT_THAT(plan().actions, SizeIs(1));
  everyone = false;
  EXPECT_THAT(plan().actions, IsEmpty()) << "who has not reported yet may need it";
}

}  // namespace
}  // namespace swo::reconcile
