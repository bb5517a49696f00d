// Settings of nodes that people and the operator share, and volumes that only the newer way maps.
#include <gmock/gmock.h>

#include "generations.hpp"
#include "platform/projections.hpp"
#include "platform/strategy.hpp"

namespace swo::platform {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(CgroupMode, ThatIsSetBackIsNotOverruledButTold) {
  Facts facts = generation("openshift-4.16");
  facts.cgroup_mode = "v1";
  for (PoolFacts& pool : facts.pools) {
    pool.kernel_arguments = {"systemd.unified_cgroup_hierarchy=0"};
  }
  EXPECT_TRUE(decide({}, facts, kApply).may_write_node_settings) << "kept by an upgrade";
  facts.cgroup_mode_written = true;
  const Strategy strategy = decide({}, facts, kApply);
  ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("CgroupModeReverted")));
  EXPECT_FALSE(strategy.blockers[0].waiting);
  EXPECT_FALSE(strategy.may_write_node_settings);
  EXPECT_THAT(strategy.blockers[0].message,
              HasSubstr("workloads.systemd-operator.dev/cgroup-mode"));
  facts.cgroup_mode = "v2";
  EXPECT_THAT(decide({}, facts, kApply).blockers,
              Not(ElementsAre(reason_is("CgroupModeReverted"))));
}

TEST(CgroupMode, CarriesTheOperatorsMark) {
  EXPECT_FALSE(cgroup_mode_written(Json::parse(R"({"metadata": {}, "spec": {}})")));
  EXPECT_FALSE(cgroup_mode_written(Json::parse(R"({"metadata": {"annotations": {"a": "b"}}})")));
  EXPECT_TRUE(cgroup_mode_written(Json::parse(
      R"({"metadata": {"annotations": {"workloads.systemd-operator.dev/cgroup-mode": "v2"}},
          "spec": {"cgroupMode": "v1"}})")));
}

TEST(HostedControlPlanes, AreBelievedOnceTheWorkloadLeavesTheNodesToTheirAdministrator) {
  Facts facts = generation("openshift-4.12");
  facts.has_machine_config = false;
  facts.pools.clear();
  api::Workload workload;
  ASSERT_THAT(decide(workload, facts, kApply).blockers,
              ElementsAre(reason_is("NoMachineConfigApi")));
  EXPECT_TRUE(decide(workload, facts, kApply).blockers[0].holds_pods);
  workload.spec.platform.machine_config = "Unmanaged";
  ASSERT_THAT(decide(workload, facts, kApply).blockers,
              ElementsAre(reason_is("NoMachineConfigApi")));
  EXPECT_FALSE(decide(workload, facts, kApply).blockers[0].holds_pods);
  facts.proven_annotation = {""};  // it has booted
  EXPECT_THAT(decide(workload, facts, kApply).blockers, IsEmpty());
}

TEST(Proof, OutweighsAnAssumptionOfCgroupsV1ButNotWhatWasRead) {
  Facts facts = generation("openshift-4.12");
  facts.proven_annotation = {""};
  facts.pools.at(1).crio_user_namespaces = Tri::kYes;
  const Facts readable = facts;
  EXPECT_EQ(decide({}, readable, kApply).cgroups, CgroupsBy::kKernelArguments)
      << "the pool's configuration has been read, and does not ask for v2 (any more)";
  for (PoolFacts& pool : facts.pools) {
    pool.kernel_arguments.reset();
  }
  EXPECT_EQ(decide({}, facts, kApply).cgroups, CgroupsBy::kNothing);
  facts.nodes.back().cgroups = CgroupVersion::kV1;
  facts.nodes.back().cgroups_source = "kubelet_cgroup_version";
  EXPECT_EQ(decide({}, facts, kApply).cgroups, CgroupsBy::kKernelArguments);
}

TEST(KubeletOf135, IsTakenForV2UnlessItSaysOtherwise) {
  Facts facts = generation("kubernetes-1.36");
  for (NodeFacts& node : facts.nodes) {
    node.cgroups = CgroupVersion::kUnknown;
  }
  EXPECT_THAT(decide({}, facts, kApply).blockers, IsEmpty());
  for (NodeFacts& node : facts.nodes) {  // failCgroupV1: false
    node.cgroups = CgroupVersion::kV1;
    node.cgroups_source = "the kubelet's Event CgroupV1";
  }
  const Strategy strategy = decide({}, facts, kApply);
  ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("CgroupsV1")));
  EXPECT_THAT(strategy.blockers[0].message, HasSubstr("the kubelet's Event CgroupV1"));
}

TEST(Volumes, AreWarnedOfWhereOnlyTheAnnotationMakesTheUserNamespace) {
  const auto warnings = [](const char* name, auto change) {
    api::Workload workload;
    change(workload.spec);
    std::vector<std::string> reasons;
    for (const Blocker& warning : decide(workload, generation(name), kApply).warnings) {
      reasons.push_back(warning.reason);
    }
    return reasons;
  };
  const auto with_claim = [](api::Spec& spec) { spec.storage.claims.emplace_back().name = "data"; };
  const auto with_volume = [](const char* volume) {
    return [volume](api::Spec& spec) { spec.volumes = Json::parse(volume); };
  };
  EXPECT_THAT(warnings("openshift-4.14", with_claim), ElementsAre("VolumesNotMapped"));
  EXPECT_THAT(warnings("openshift-4.20", with_claim), IsEmpty()) << "the kubelet maps them";
  EXPECT_THAT(
      warnings("openshift-4.14",
               with_volume(R"([{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}])")),
      ElementsAre("VolumesNotMapped"));
  EXPECT_THAT(warnings("openshift-4.14", with_volume(R"([{"name": "d", "emptyDir": {}}])")),
              IsEmpty())
      << "open to everyone";
}

}  // namespace
}  // namespace swo::platform
