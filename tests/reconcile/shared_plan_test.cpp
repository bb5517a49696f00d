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
    return plan_shared({.needs = needs,
                        .facts = facts,
                        .sccs = sccs,
                        .machine_configs = configs,
                        .mode = mode,
                        .everyone_reported = everyone,
                        .all_reported = everyone,
                        .cleanup_machine_configs = cleanup,
                        .memory = memory});
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

class TwoWritesTest : public SharedPlanTest {
 protected:
  TwoWritesTest() {
    facts = *platform::well_known_generation("openshift-4.16");
    facts.cgroup_mode = "v1";
    needs.cgroup_mode = true;
    need(kCrio);
    worker().resource_version = "7";
  }
  void hold() { worker().held = worker().hold_mark = true; }
  void write_both() {
    live(render::machine_config(kCrio));
    facts.cgroup_mode = "v2";
    facts.cgroup_mode_written = true;
  }
  void render_both() {
    worker().spec_sources.insert(render::machine_config_name("worker"));
    worker().target_cgroups = platform::CgroupVersion::kV2;
    worker().target_crio_user_namespaces = Tri::kYes;
  }
  // What is to be done, each as the log says it.
  std::vector<std::string> planned() const {
    std::vector<std::string> all;
    for (const Action& action : plan().actions) {
      all.push_back(action.describe());
    }
    return all;
  }
  // The patch of a pool that is all there is to be done.
  Json pool_patch() const {
    const SharedPlan todo = plan();
    const auto* patch =
        todo.actions.size() == 1 ? std::get_if<PatchAction>(&todo.actions.front().what) : nullptr;
    return patch == nullptr ? Json(planned()) : patch->patch;
  }
  const MachineConfigNeed kCrio{.pool = "worker", .crio_files = true};
  const Json kRelease = {
      {"metadata",
       {{"resourceVersion", "7"}, {"annotations", {{std::string(api::kAnnotationHeld), nullptr}}}}},
      {"spec", {{"paused", false}}}};
};

TEST_F(TwoWritesTest, ThePoolThatTakesBothIsHeldFirstAndLetGoWhenItsNextConfigurationHasBoth) {
  EXPECT_EQ(pool_patch(), Json({{"metadata",
                                 {{"resourceVersion", "7"},
                                  {"annotations", {{std::string(api::kAnnotationHeld), "true"}}}}},
                                {"spec", {{"paused", true}}}}));
  hold();
  EXPECT_THAT(planned(), SizeIs(2)) << "both, and no pool beside";
  write_both();
  EXPECT_THAT(planned(), IsEmpty()) << "not rendered yet";
  render_both();
  worker().target_cgroups = platform::CgroupVersion::kV1;
  EXPECT_THAT(planned(), IsEmpty()) << "rendered with the first alone";
  worker().target_cgroups = platform::CgroupVersion::kV2;
  EXPECT_EQ(pool_patch(), kRelease);
}

TEST_F(TwoWritesTest, WhoeverComesAfterOneOfThemWritesTheOtherIntoTheSameHold) {
  hold();
  live(render::machine_config(kCrio));
  EXPECT_THAT(planned(), SizeIs(1));
  facts.pools.front().updating = Tri::kYes;
  EXPECT_THAT(planned(), IsEmpty()) << "another pool is not quiet: held until it is";
}

TEST_F(TwoWritesTest, NothingIsHeldWhileSomePoolIsNotQuietNorForOneWriteAlone) {
  facts.pools.front().updating = Tri::kYes;
  EXPECT_THAT(planned(), IsEmpty());
  facts.pools.front().updating = Tri::kNo;
  needs.cgroup_mode = false;
  EXPECT_THAT(planned(), SizeIs(1));
  EXPECT_EQ(&plan().actions.front().type(), &types::kMachineConfig);
}

TEST_F(TwoWritesTest, APauseOfSomeoneElseIsTheirs) {
  worker().paused = true;
  EXPECT_THAT(planned(), IsEmpty());
}

TEST_F(TwoWritesTest, APoolIsLetGoWhenItIsHeldForNothing) {
  hold();
  everyone = false;
  needs = {};
  EXPECT_THAT(planned(), IsEmpty()) << "who has not reported yet may need it";
  everyone = true;
  EXPECT_EQ(pool_patch(), kRelease) << "the workload is gone";
  needs.cgroup_mode = true;
  need(kCrio);
  mode = platform::MachineConfigMode::kOff;
  EXPECT_EQ(pool_patch(), kRelease) << "the administrator wants no writes any more";
  mode = platform::MachineConfigMode::kApply;
  worker().degraded = Tri::kYes;
  EXPECT_EQ(pool_patch(), kRelease) << "it does not recover while it is held";
}

TEST_F(TwoWritesTest, AMarkThatSomeoneElseHasLeftBehindIsTakenAway) {
  worker().hold_mark = true;
  needs = {};
  Json unmark = kRelease;
  unmark.erase("spec");
  EXPECT_EQ(pool_patch(), unmark);
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
