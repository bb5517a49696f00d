#include "platform/projections.hpp"

#include <gmock/gmock.h>

#include "platform/cgroups.hpp"
#include "platform/selectors.hpp"
#include "platform/strategy.hpp"

namespace swo::platform {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

const Json kNode = Json::parse(R"({
  "metadata": {"name": "worker-1", "labels": {"kubernetes.io/os": "linux"}},
  "spec": {"unschedulable": true, "taints": [{"key": "gpu", "value": "a", "effect": "NoSchedule"}]},
  "status": {
    "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
    "nodeInfo": {"bootID": "b-1", "kernelVersion": "5.14.0-570.12.1.el9_6.x86_64",
                 "kubeletVersion": "v1.33.2", "containerRuntimeVersion": "cri-o://1.33.8-3.rhaos4.20"},
    "runtimeHandlers": [{"name": "crun", "features": {"userNamespaces": false}},
                        {"name": "", "features": {"userNamespaces": true}}]}})");

TEST(ParseVersion, FindsTheFirstThreeNumbers) {
  EXPECT_EQ(parse_version("v1.33.2"), (Version{1, 33, 2}));
  EXPECT_EQ(parse_version("4.20.0-rc.1"), (Version{4, 20, 0}));
  EXPECT_EQ(parse_version("6.1.0-37-amd64"), (Version{6, 1, 0}));
  EXPECT_EQ(parse_version("cri-o://1.33.8"), (Version{1, 33, 8}));
  EXPECT_EQ(parse_version("v1.21.0-rc.0+120883f"), (Version{1, 21, 0}));
  EXPECT_EQ(parse_version("4"), (Version{4, 0, 0}));
  EXPECT_EQ(parse_version(""), std::nullopt);
  EXPECT_EQ(parse_version("unknown"), std::nullopt);
  EXPECT_EQ(parse_version("99999999999999999999"), std::nullopt);
}

TEST(Generation, IsNamedForPeople) {
  EXPECT_EQ(well_known_generation("openshift-4.20")->generation(),
            "OpenShift 4.20 (Kubernetes 1.33)");
  EXPECT_EQ(well_known_generation("kubernetes-1.36")->generation(), "Kubernetes 1.36");
  EXPECT_EQ(Facts{}.generation(), "Kubernetes");
  EXPECT_EQ(well_known_generation("openshift-9.9"), std::nullopt);
}

TEST(NodeProjection, ReadsWhatTheStrategyNeeds) {
  const NodeFacts facts = node_facts(kNode);
  EXPECT_EQ(facts.name, "worker-1");
  EXPECT_TRUE(facts.ready);
  EXPECT_FALSE(facts.schedulable);
  EXPECT_EQ(facts.kubelet, (Version{1, 33, 2}));
  EXPECT_EQ(facts.runtime, Runtime::kCrio);
  EXPECT_EQ(facts.runtime_version, (Version{1, 33, 8}));
  EXPECT_EQ(facts.user_namespaces, Tri::kYes) << "of the default handler";
  EXPECT_EQ(facts.cgroups, CgroupVersion::kUnknown);
  EXPECT_EQ(facts.boot_id, "b-1");
  EXPECT_EQ(facts.tmpfs_idmap, Tri::kUnknown) << "Red Hat's kernels have backports";
}

TEST(NodeProjection, TellsKernelsThatCannotMapATmpfs) {
  Json node = kNode;
  node["status"]["nodeInfo"]["kernelVersion"] = "6.1.0-37-amd64";
  EXPECT_EQ(node_facts(node).tmpfs_idmap, Tri::kNo);
  node["status"]["nodeInfo"]["kernelVersion"] = "6.8.0-31-generic";
  EXPECT_EQ(node_facts(node).tmpfs_idmap, Tri::kYes);
}

TEST(NodeProjection, TakesWhatIsAbsentOrOddForUnknown) {
  for (const char* odd :
       {"null", "[]", "7", R"("x")", "{}", R"({"metadata": 3, "spec": [], "status": "x"})",
        R"({"metadata": {"name": 1, "labels": ["a"]}, "spec": {"taints": {}},
            "status": {"conditions": {"type": "Ready"}, "nodeInfo": null, "runtimeHandlers": 1}})"}) {
    const NodeFacts facts = node_facts(Json::parse(odd));
    EXPECT_FALSE(facts.ready) << odd;
    EXPECT_EQ(facts.user_namespaces, Tri::kUnknown) << odd;
    EXPECT_EQ(pool_facts(Json::parse(odd)).updated, Tri::kUnknown) << odd;
    EXPECT_EQ(openshift_version(Json::parse(odd)), std::nullopt) << odd;
    EXPECT_EQ(machine_config_facts(Json::parse(odd)).crio_user_namespaces, Tri::kNo) << odd;
    EXPECT_EQ(user_namespaces_gate(Json::parse(odd), {}), Tri::kUnknown) << odd;
  }
}

TEST(PoolProjection, ReadsTheWholeRollout) {
  const PoolFacts pool = pool_facts(Json::parse(R"({
    "metadata": {"name": "worker", "generation": 7},
    "spec": {"paused": true, "configuration": {"name": "rendered-worker-b",
             "source": [{"name": "00-worker"}, {"name": "99-ours"}]},
             "nodeSelector": {"matchLabels": {"node-role.kubernetes.io/worker": ""}}},
    "status": {"observedGeneration": 6, "machineCount": 5, "updatedMachineCount": 2,
               "degradedMachineCount": 1,
               "configuration": {"name": "rendered-worker-a", "source": [{"name": "00-worker"}]},
               "conditions": [{"type": "Updated", "status": "False"},
                              {"type": "NodeDegraded", "status": "True", "message": "node x: disk"},
                              {"type": "Degraded", "status": "True", "message": ""}]}})"));
  EXPECT_EQ(pool.generation, 7);
  EXPECT_EQ(pool.observed_generation, 6);
  EXPECT_TRUE(pool.paused);
  EXPECT_EQ(pool.updated, Tri::kNo);
  EXPECT_EQ(pool.updating, Tri::kUnknown);
  EXPECT_EQ(pool.degraded, Tri::kYes);
  EXPECT_EQ(pool.degraded_message, "node x: disk");
  EXPECT_EQ(pool.machine_count, 5);
  EXPECT_EQ(pool.updated_count, 2);
  EXPECT_EQ(pool.status_configuration, "rendered-worker-a");
  EXPECT_THAT(pool.sources, UnorderedElementsAre("00-worker"));
  EXPECT_THAT(pool.spec_sources, UnorderedElementsAre("00-worker", "99-ours"));
}

TEST(ClusterVersionProjection, IsTheOldVersionUntilAnUpgradeIsComplete) {
  EXPECT_EQ(openshift_version(Json::parse(R"({"status": {"history": [
      {"state": "Partial", "version": "4.20.1"}, {"state": "Completed", "version": "4.19.8"}]}})")),
            (Version{4, 19, 8}));
  EXPECT_EQ(openshift_version(Json::parse(R"({"status": {"desired": {"version": "4.20.1"}}})")),
            (Version{4, 20, 1}));
}

TEST(FeatureGateProjection, ReadsTheGateOfTheRightVersion) {
  const Json gates = Json::parse(R"({"status": {"featureGates": [
      {"version": "4.20.1", "enabled": [{"name": "UserNamespacesSupport"}]},
      {"version": "4.19.8", "enabled": [], "disabled": [{"name": "UserNamespacesSupport"}]}]}})");
  EXPECT_EQ(user_namespaces_gate(gates, Version{4, 19, 8}), Tri::kNo);
  EXPECT_EQ(user_namespaces_gate(gates, Version{4, 20, 1}), Tri::kYes);
  EXPECT_EQ(user_namespaces_gate(gates, Version{4, 18, 0}), Tri::kUnknown);
}

TEST(MachineConfigProjection, FindsCrioSettingsInPlainAndBase64Files) {
  // [crio.runtime.workloads.x] … "io.openshift.userns" … "io.kubernetes.cri-o.userns-mode"
  const Json config = Json::parse(R"({"spec": {
    "kernelArguments": ["psi=1 systemd.unified_cgroup_hierarchy=1", "cgroup_no_v1=\"all\""],
    "config": {"storage": {"files": [
      {"path": "/etc/crio/crio.conf.d/99-x",
       "contents": {"source": "data:,activation_annotation%20%3D%20%22io.openshift.userns%22%0Aallowed_annotations%20%3D%20%5B%22io.kubernetes.cri-o.userns-mode%22%5D"}},
      {"path": "/etc/subuid",
       "contents": {"source": "data:text/plain;charset=utf-8;base64,Y29yZToxMDAwMDA6NjU1MzYKY29udGFpbmVyczoyMDAwMDA6MjY4NDM1NDU2Cg=="}}]}}}})");
  const MachineConfigFacts facts = machine_config_facts(config);
  EXPECT_EQ(facts.crio_user_namespaces, Tri::kYes);
  EXPECT_THAT(facts.kernel_arguments,
              ElementsAre("psi=1", "systemd.unified_cgroup_hierarchy=1", "cgroup_no_v1=\"all\""));
  Json compressed = config;
  compressed["spec"]["config"]["storage"]["files"][0]["contents"]["compression"] = "gzip";
  EXPECT_EQ(machine_config_facts(compressed).crio_user_namespaces, Tri::kUnknown);
  Json without = config;
  without["spec"]["config"]["storage"]["files"].erase(1);
  EXPECT_EQ(machine_config_facts(without).crio_user_namespaces, Tri::kNo);
}

TEST(MachineConfigProjection, TellsTheFormThatCrioBefore123Obeys) {
  const auto facts = [](const std::string& drop_in) {
    Json config;
    config["spec"]["config"]["storage"]["files"] = {
        {{"path", "/etc/crio/crio.conf.d/99-x"}, {"contents", {{"source", "data:," + drop_in}}}},
        {{"path", "/etc/subuid"}, {"contents", {{"source", "data:,containers:200000:65536"}}}}};
    return machine_config_facts(config);
  };
  const std::string allowed =
      "allowed_annotations = [\n  \"io.kubernetes.cri-o.userns-mode\",\n]\n";
  const std::string runc = "[crio.runtime.runtimes.runc]\n";
  const std::string workload =
      "[crio.runtime.workloads.x]\nactivation_annotation = \"io.openshift.userns\"\n";
  for (const auto& [drop_in, table] : std::vector<std::pair<std::string, bool>>{
           {runc + allowed, true},
           {workload + allowed + "  " + runc + allowed, true},
           {workload + allowed, false},
           {runc + "runtime_path = \"\"\n" + workload + allowed, false}}) {
    EXPECT_EQ(facts(drop_in).crio_user_namespaces, Tri::kYes) << drop_in;
    EXPECT_EQ(facts(drop_in).crio_runtime_table, table) << drop_in;
  }
  for (const std::string& drop_in : {runc, runc + "# [\"io.kubernetes.cri-o.userns-mode\"]\n",
                                     "[crio.runtime.runtimes.userns]\n" + allowed}) {
    EXPECT_EQ(facts(drop_in).crio_user_namespaces, Tri::kNo) << drop_in;
  }
}

TEST(KernelArguments, TheLastHierarchyCounts) {
  EXPECT_EQ(cgroups_of({}), CgroupVersion::kUnknown);
  EXPECT_EQ(cgroups_of({"systemd.unified_cgroup_hierarchy=0", "psi=1",
                        "systemd.unified_cgroup_hierarchy=1"}),
            CgroupVersion::kV2);
  EXPECT_EQ(cgroups_of({"systemd.unified_cgroup_hierarchy", "systemd.unified_cgroup_hierarchy=no"}),
            CgroupVersion::kV1);
  EXPECT_EQ(cgroups_of({"systemd.unified_cgroup_hierarchy_x=1"}), CgroupVersion::kUnknown);
}

TEST(KubeletMetrics, NameTheCgroupVersion) {
  EXPECT_EQ(cgroups_of_metrics("# HELP kubelet_cgroup_version [ALPHA] cgroup version\n"
                               "# TYPE kubelet_cgroup_version gauge\nkubelet_cgroup_version 2\n"),
            CgroupVersion::kV2);
  EXPECT_EQ(cgroups_of_metrics("kubelet_cgroup_version 1\n"), CgroupVersion::kV1);
  EXPECT_EQ(cgroups_of_metrics("kubelet_cgroup_versions 2\n"), CgroupVersion::kUnknown);
  EXPECT_EQ(cgroups_of_metrics(""), CgroupVersion::kUnknown);
}

TEST(CgroupsOfANode, TakesTheFirstSourceThatKnows) {
  Facts facts = *well_known_generation("openshift-4.16");
  NodeFacts node = facts.nodes.back();
  EXPECT_EQ(cgroups_of(node, facts).source, "the pool's kernel arguments");
  node.cgroups = CgroupVersion::kV1;
  node.cgroups_source = "kubelet_cgroup_version";
  EXPECT_EQ(cgroups_of(node, facts).version, CgroupVersion::kV1);
  node.cgroups = CgroupVersion::kUnknown;
  node.kubelet = Version{1, 35, 1};
  EXPECT_EQ(cgroups_of(node, facts).source, "kubelet ≥ 1.35");
  node.kubelet.reset();
  facts.pools.clear();
  facts.cgroup_mode = "v1";
  EXPECT_EQ(cgroups_of(node, facts).version, CgroupVersion::kV1);
  facts.cgroup_mode = "";
  EXPECT_TRUE(cgroups_of(node, facts).assumed);
  facts.openshift = Version{4, 19, 0};
  EXPECT_EQ(cgroups_of(node, facts).source, "OpenShift ≥ 4.19");
}

TEST(Selectors, FollowEveryOperator) {
  const Labels labels = {{"zone", "a"}, {"cores", "8"}};
  const auto holds = [&](const char* expression) {
    return selects(Json{{"matchExpressions", Json::array({Json::parse(expression)})}}, labels);
  };
  EXPECT_TRUE(holds(R"({"key": "zone", "operator": "In", "values": ["a", "b"]})"));
  EXPECT_FALSE(holds(R"({"key": "zone", "operator": "NotIn", "values": ["a"]})"));
  EXPECT_TRUE(holds(R"({"key": "rack", "operator": "NotIn", "values": ["a"]})"));
  EXPECT_TRUE(holds(R"({"key": "zone", "operator": "Exists"})"));
  EXPECT_TRUE(holds(R"({"key": "rack", "operator": "DoesNotExist"})"));
  EXPECT_TRUE(holds(R"({"key": "cores", "operator": "Gt", "values": ["4"]})"));
  EXPECT_FALSE(holds(R"({"key": "cores", "operator": "Lt", "values": ["4"]})"));
  EXPECT_FALSE(holds(R"({"key": "zone", "operator": "Gt", "values": ["4"]})"));
  EXPECT_FALSE(holds(R"({"key": "zone", "operator": "Like", "values": ["a"]})"));
  EXPECT_FALSE(holds("7"));
  EXPECT_TRUE(selects(Json::object(), labels));
  EXPECT_FALSE(selects(Json{{"matchLabels", "odd"}}, labels));
}

TEST(Selectors, TermsOfNodeAffinityAreAlternatives) {
  NodeFacts node;
  node.name = "n1";
  node.labels = {{"zone", "a"}};
  const auto matches = [&](const char* terms) {
    const Json affinity = {{"nodeAffinity",
                            {{"requiredDuringSchedulingIgnoredDuringExecution",
                              {{"nodeSelectorTerms", Json::parse(terms)}}}}}};
    return node_matches(Json::object(), affinity, node);
  };
  EXPECT_TRUE(matches(R"([{"matchExpressions": [{"key": "x", "operator": "Exists"}]},
                          {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}])"));
  EXPECT_FALSE(matches(R"([{"matchExpressions": [{"key": "x", "operator": "Exists"},
                                                 {"key": "zone", "operator": "Exists"}]}])"));
  EXPECT_TRUE(matches(
      R"([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}])"));
  EXPECT_FALSE(matches("[{}]")) << "an empty term selects nothing";
  EXPECT_FALSE(matches("[]"));
  EXPECT_TRUE(node_matches(Json::object(), Json::object(), node));
}

TEST(Selectors, TolerationsMatchByKeyValueAndEffect) {
  NodeFacts node;
  node.taints = Json::parse(R"([{"key": "gpu", "value": "a", "effect": "NoSchedule"},
                                {"key": "soft", "effect": "PreferNoSchedule"}])");
  const auto tolerated = [&](const char* tolerations) {
    return tolerates(Json::parse(tolerations), node);
  };
  EXPECT_FALSE(tolerated("[]"));
  EXPECT_TRUE(tolerated(R"([{"operator": "Exists"}])"));
  EXPECT_TRUE(tolerated(R"([{"key": "gpu", "operator": "Exists"}])"));
  EXPECT_TRUE(tolerated(R"([{"key": "gpu", "value": "a"}])"));
  EXPECT_FALSE(tolerated(R"([{"key": "gpu", "value": "b"}])"));
  EXPECT_FALSE(tolerated(R"([{"key": "gpu", "value": "a", "effect": "NoExecute"}])"));
  EXPECT_FALSE(tolerated(R"(["odd"])"));
}

}  // namespace
}  // namespace swo::platform
