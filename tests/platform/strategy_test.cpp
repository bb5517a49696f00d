#include "platform/strategy.hpp"

#include <functional>

#include <gmock/gmock.h>

#include "generations.hpp"

namespace swo::platform {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> names(const std::vector<const NodeFacts*>& nodes) {
  std::vector<std::string> out;
  for (const NodeFacts* node : nodes) {
    out.push_back(node->name);
  }
  return out;
}

PoolFacts& worker(Facts& facts) { return facts.pools.at(1); }

// The operator's MachineConfig is part of what the pool is about to have.
void write_config(PoolFacts& pool) {
  pool.written_kernel_arguments = pool.written_crio_files = pool.written_crio_runtime_table = true;
}

void start_rollout(PoolFacts& pool, int updated) {
  pool.spec_configuration = "rendered-worker-2";
  pool.updated = Tri::kNo;
  pool.updating = Tri::kYes;
  pool.updated_count = updated;
}

void finish_rollout(PoolFacts& pool) {
  pool.spec_configuration = pool.status_configuration = "rendered-worker-2";
  pool.updated = Tri::kYes;
  pool.updating = Tri::kNo;
  pool.updated_count = pool.machine_count;
  pool.sources.insert(machine_config_name(pool.name));
  pool.kernel_arguments = {"systemd.unified_cgroup_hierarchy=1", "cgroup_no_v1=\"all\"", "psi=1"};
  pool.crio_user_namespaces = Tri::kYes;
  pool.crio_runtime_table = true;
}

TEST(Strategy, NeedsNothingOnOpenShift420) {
  const Strategy strategy = decide({}, generation("openshift-4.20"), kApply);
  EXPECT_EQ(strategy.user_namespace, UserNamespaceVia::kHostUsers);
  EXPECT_EQ(strategy.cgroups, CgroupsBy::kNothing);
  EXPECT_EQ(strategy.machine_config, std::nullopt);
  EXPECT_TRUE(strategy.use_scc);
  EXPECT_TRUE(strategy.scc_user_namespace_level);
  EXPECT_FALSE(strategy.ping_group_range_sysctl);
  EXPECT_THAT(strategy.blockers, IsEmpty());
  EXPECT_THAT(strategy.warnings, IsEmpty());
}

// ipa-9.ipa-instances.NAMESPACE.svc.cluster.local, with the highest ordinal that there is to be.
TEST(Strategy, WarnsOfAHostNameThatLinuxDoesNotTake) {
  api::Workload workload;
  workload.name = "ipa";
  workload.ns = std::string(26, 'n');
  workload.spec.replicas = 10;
  const auto warnings = [&] {
    return decide(workload, generation("openshift-4.20"), kApply).warnings;
  };
  EXPECT_THAT(warnings(), IsEmpty()) << "the host name is short unless asked otherwise";
  workload.spec.set_hostname_as_fqdn = true;
  EXPECT_THAT(warnings(), IsEmpty()) << "64 characters";
  workload.spec.replicas = 11;
  ASSERT_THAT(warnings(), ElementsAre(Field(&Blocker::reason, "HostnameTooLong")));
  EXPECT_THAT(warnings().front().message, HasSubstr("of 65 characters"));
  EXPECT_THAT(warnings().front().message, HasSubstr("shorter name"));
  workload.spec.replicas = 0;
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST(Strategy, FollowsARolloutFromTheFirstWriteToTheLastNode) {
  Facts facts = generation("openshift-4.8");
  const auto status = [&] {
    const Strategy strategy = decide({}, facts, kApply);
    EXPECT_TRUE(strategy.machine_config && strategy.machine_config->kernel_arguments &&
                strategy.machine_config->crio_files);
    return strategy.blockers.empty()
               ? std::string("ready")
               : strategy.blockers[0].reason + " " + strategy.blockers[0].detail;
  };
  EXPECT_EQ(status(), "WaitingForNodes 0/3 updated");
  EXPECT_TRUE(decide({}, facts, kApply).may_write_node_settings);
  write_config(worker(facts));
  EXPECT_EQ(status(), "WaitingForNodes 0/3 updated")
      << "Updated=True is stale just after the write";
  start_rollout(worker(facts), 0);
  EXPECT_EQ(status(), "WaitingForNodes 0/3 updated");
  start_rollout(worker(facts), 2);
  EXPECT_EQ(status(), "WaitingForNodes 2/3 updated");
  finish_rollout(worker(facts));
  EXPECT_EQ(status(), "ready");
}

TEST(Strategy, CountsAPoolsMachinesOnlyOnceTheirCountIsOfWhatIsWaitedFor) {
  const std::string ours = machine_config_name("worker");
  struct Moment {
    const char* what;
    std::function<void(PoolFacts&)> change;
    const char* progress;
  };
  const Moment moments[] = {
      {"nothing has been rendered yet", [](PoolFacts&) {}, "0/3 updated"},
      {"rendered, and the status is still of the generation before",
       [&](PoolFacts& pool) {
         pool.spec_configuration = "rendered-worker-2";
         pool.spec_sources = {"00-worker", ours};
         pool.generation = 3;
       },
       "0/3 updated"},
      {"rendered and taken up, and the first is being drained",
       [&](PoolFacts& pool) {
         start_rollout(pool, 0);
         pool.spec_sources = {"00-worker", ours};
       },
       "0/3 updated"},
      {"two are through",
       [&](PoolFacts& pool) {
         start_rollout(pool, 2);
         pool.spec_sources = {"00-worker", ours};
       },
       "2/3 updated"},
      {"two have another's change, which was rendered before ours",
       [&](PoolFacts& pool) {
         start_rollout(pool, 2);
         pool.spec_sources = {"00-worker", "99-worker-ntp"};
       },
       "0/3 updated"},
      {"the sources are not told", [](PoolFacts& pool) { start_rollout(pool, 2); }, "2/3 updated"},
  };
  for (const Moment& moment : moments) {
    Facts facts = generation("openshift-4.8");
    write_config(worker(facts));
    moment.change(worker(facts));
    EXPECT_THAT(decide({}, facts, kApply).blockers,
                ElementsAre(testing::AllOf(reason_is("WaitingForNodes"),
                                           Field(&Blocker::detail, moment.progress))))
        << moment.what;
  }
}

TEST(Strategy, AllowsTheAnnotationInTheFormThatTheCrioOfTheNodesObeys) {
  const auto by_table = [](const Facts& facts) {
    const Strategy strategy = decide({}, facts, kApply);
    EXPECT_TRUE(strategy.machine_config && strategy.machine_config->crio_files);
    return strategy.machine_config && strategy.machine_config->crio_runtime_table;
  };
  for (const char* old : {"openshift-4.7", "openshift-4.8", "openshift-4.9"}) {
    EXPECT_TRUE(by_table(generation(old))) << old;
  }
  Facts facts = generation("openshift-4.10");
  EXPECT_FALSE(by_table(facts));
  facts.nodes.back().runtime_version = Version{1, 22, 5};
  EXPECT_TRUE(by_table(facts)) << "one node has not been upgraded";

  facts = generation("openshift-4.10");
  write_config(worker(facts));
  finish_rollout(worker(facts));
  EXPECT_TRUE(by_table(facts)) << "written before the upgrade, and good enough after it";
  EXPECT_THAT(decide({}, facts, kApply).blockers, IsEmpty());
}

TEST(Strategy, TakesAWorkloadClassForNothingWhereCrioPassesOverIt) {
  Facts facts = generation("openshift-4.8");
  write_config(worker(facts));
  finish_rollout(worker(facts));
  EXPECT_THAT(decide({}, facts, kApply).blockers, IsEmpty());
  worker(facts).crio_runtime_table = worker(facts).written_crio_runtime_table = false;
  const Strategy strategy = decide({}, facts, kApply);
  EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("WaitingForNodes")));
  EXPECT_TRUE(strategy.machine_config && strategy.machine_config->crio_runtime_table);
  EXPECT_THAT(decide({}, facts, MachineConfigMode::kOff).blockers,
              ElementsAre(Field(&Blocker::message, HasSubstr("[crio.runtime.runtimes.runc]"))));
}

TEST(Strategy, KnowsWhichApiServersTakeTheFieldsThatCameLater) {
  const auto evicts = [](const char* name) {
    return decide({}, generation(name), kApply).evict_unhealthy;
  };
  EXPECT_FALSE(evicts("openshift-4.13"));  // Kubernetes 1.26: an alpha field, which is dropped
  EXPECT_TRUE(evicts("openshift-4.14"));
  EXPECT_TRUE(evicts("kubernetes-1.33"));
  EXPECT_FALSE(decide({}, Facts{}, kApply).evict_unhealthy) << "left out where nothing is known";
  EXPECT_FALSE(decide({}, generation("openshift-4.7"), kApply).disruption_budgets);
  EXPECT_TRUE(decide({}, generation("openshift-4.8"), kApply).disruption_budgets);
}

TEST(Strategy, ALaterRolloutOfSomethingElseHoldsNoPodsBack) {
  Facts facts = generation("openshift-4.8");
  write_config(worker(facts));
  finish_rollout(worker(facts));
  worker(facts).spec_configuration = "rendered-worker-3";
  worker(facts).updated = Tri::kNo;
  worker(facts).updating = Tri::kYes;
  EXPECT_THAT(decide({}, facts, kApply).blockers, IsEmpty());
}

TEST(Strategy, JudgesARolloutByThePoolAloneWhereTheRenderedConfigIsUnreadable) {
  Facts facts = generation("openshift-4.8");
  write_config(worker(facts));
  worker(facts).kernel_arguments.reset();
  worker(facts).crio_user_namespaces = Tri::kUnknown;
  EXPECT_THAT(decide({}, facts, kApply).blockers, ElementsAre(reason_is("WaitingForNodes")));
  finish_rollout(worker(facts));
  worker(facts).kernel_arguments.reset();
  worker(facts).crio_user_namespaces = Tri::kUnknown;
  EXPECT_THAT(decide({}, facts, kApply).blockers, IsEmpty());
}

TEST(Strategy, KeepsWhatItHasWrittenOnceTheNodesAreRight) {
  Facts facts = generation("openshift-4.8");
  write_config(worker(facts));
  finish_rollout(worker(facts));
  api::Workload workload;
  workload.spec.platform.user_namespace = "HostUsers";  // needs no CRI-O files
  const Strategy strategy = decide(workload, facts, kApply);
  EXPECT_EQ(strategy.machine_config, (MachineConfigNeed{.pool = "worker",
                                                        .kernel_arguments = true,
                                                        .crio_files = true,
                                                        .crio_runtime_table = true}));
}

TEST(Strategy, AsksForNoKernelArgumentsWhereSomeoneElseHasSetThem) {
  Facts facts = generation("openshift-4.8");
  worker(facts).kernel_arguments = {"systemd.unified_cgroup_hierarchy=1"};
  const Strategy strategy = decide({}, facts, kApply);
  EXPECT_EQ(strategy.cgroups, CgroupsBy::kNothing);
  EXPECT_EQ(strategy.machine_config, (MachineConfigNeed{.pool = "worker",
                                                        .kernel_arguments = false,
                                                        .crio_files = true,
                                                        .crio_runtime_table = true}));
  EXPECT_THAT(decide({}, facts, MachineConfigMode::kOff).blockers,
              ElementsAre(reason_is("CrioNotConfigured")));
}

TEST(Strategy, ReportsAnotherWritersKernelArgumentsAndDoesNotFightThem) {
  Facts facts = generation("openshift-4.8");
  worker(facts).kernel_arguments = {"systemd.unified_cgroup_hierarchy=0"};
  Strategy strategy = decide({}, facts, kApply);
  EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("KernelArgumentsConflict")));
  EXPECT_FALSE(strategy.may_write_node_settings);

  facts =
      generation("openshift-4.13");  // here the pools' own operator says v1 until cgroupMode is v2
  strategy = decide({}, facts, kApply);
  EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("WaitingForNodes")));
  EXPECT_TRUE(strategy.may_write_node_settings);
  facts.cgroup_mode = "v2";
  write_config(worker(facts));
  EXPECT_THAT(decide({}, facts, kApply).blockers, ElementsAre(reason_is("WaitingForNodes")))
      << "nothing has been rendered of it yet";
  PoolFacts& held = worker(facts);
  held.held = true;
  held.target_cgroups = CgroupVersion::kV1;
  EXPECT_THAT(decide({}, facts, kApply).blockers, ElementsAre(reason_is("WaitingForNodes")));
  held.target_asks_for_v2 = true;
  EXPECT_THAT(decide({}, facts, kApply).blockers, ElementsAre(reason_is("KernelArgumentsConflict")))
      << "of the configuration that it is held for";
  held.held = false;
  worker(facts).status_configuration = worker(facts).spec_configuration = "rendered-worker-2";
  worker(facts).kernel_arguments = {"systemd.unified_cgroup_hierarchy=1", "cgroup_no_v1=\"all\"",
                                    "systemd.unified_cgroup_hierarchy=0"};
  EXPECT_THAT(decide({}, facts, kApply).blockers,
              ElementsAre(reason_is("KernelArgumentsConflict")));
}

TEST(Strategy, SetsCgroupModeForOpenShift413To418) {
  Facts facts = generation("openshift-4.16");
  EXPECT_EQ(decide({}, facts, kApply).cgroups, CgroupsBy::kNothing);
  facts.cgroup_mode = "v1";  // kept on a cluster that was upgraded
  worker(facts).kernel_arguments = {"systemd.unified_cgroup_hierarchy=0"};
  const Strategy strategy = decide({}, facts, kApply);
  EXPECT_EQ(strategy.cgroups, CgroupsBy::kCgroupMode);
  ASSERT_TRUE(strategy.machine_config);
  EXPECT_FALSE(strategy.machine_config->kernel_arguments);
  EXPECT_THAT(strategy.blockers,
              ElementsAre(testing::AllOf(reason_is("WaitingForNodes"),
                                         Field(&Blocker::detail, "0/6 updated"))))
      << "cgroupMode concerns every pool";
}

TEST(Strategy, WritesNothingWithoutConsentAndSaysWhatToDoByHand) {
  const Facts facts = generation("openshift-4.8");
  api::Workload workload;
  for (const auto mode : {MachineConfigMode::kPreview, MachineConfigMode::kOff}) {
    const Strategy strategy = decide(workload, facts, mode);
    ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("CgroupsV1")));
    EXPECT_FALSE(strategy.may_write_node_settings);
    EXPECT_TRUE(strategy.blockers[0].holds_pods);
    EXPECT_THAT(strategy.blockers[0].message, HasSubstr("systemd.unified_cgroup_hierarchy=1"));
    EXPECT_THAT(strategy.blockers[0].message, HasSubstr("/etc/subuid"));
    EXPECT_THAT(strategy.blockers[0].message, HasSubstr("reboots"));
  }
  workload.spec.platform.machine_config = "Unmanaged";
  const Strategy strategy = decide(workload, facts, kApply);
  EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("CgroupsV1")));
  EXPECT_THAT(strategy.blockers[0].message, HasSubstr("Unmanaged"));
}

TEST(Strategy, BelievesAnAdministratorWhereNothingCanBeRead) {
  Facts facts = generation("openshift-4.8");
  worker(facts).kernel_arguments.reset();
  worker(facts).crio_user_namespaces = Tri::kUnknown;
  const Strategy strategy = decide({}, facts, MachineConfigMode::kOff);
  ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("CgroupsV1")));
  EXPECT_FALSE(strategy.blockers[0].holds_pods);
}

TEST(Strategy, NamesAPoolThatIsPausedOrDegradedWithItsCounts) {
  Facts facts = generation("openshift-4.8");
  worker(facts).paused = true;
  Strategy strategy = decide({}, facts, kApply);
  ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("PoolPaused")));
  EXPECT_EQ(strategy.blockers[0].detail, "0/3 updated");
  EXPECT_TRUE(strategy.may_write_node_settings) << "nothing reboots until it is unpaused";

  worker(facts).paused = false;
  worker(facts).degraded = Tri::kYes;
  worker(facts).degraded_count = 1;
  worker(facts).degraded_message = "node worker-1 is reporting: disk is full";
  strategy = decide({}, facts, kApply);
  ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("PoolDegraded")));
  EXPECT_EQ(strategy.blockers[0].detail, "1/3 degraded");
  EXPECT_THAT(strategy.blockers[0].message, HasSubstr("disk is full"));
  EXPECT_FALSE(strategy.may_write_node_settings);
}

TEST(Strategy, LetsARolloutUnderWayFinishBeforeItCausesAnother) {
  Facts facts = generation("openshift-4.8");
  start_rollout(worker(facts), 1);
  const Strategy strategy = decide({}, facts, kApply);
  EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("WaitingForNodes")));
  EXPECT_FALSE(strategy.may_write_node_settings);
}

TEST(Strategy, NamesAPoolThatIsNotThere) {
  Facts facts = generation("openshift-4.8");
  api::Workload workload;
  workload.spec.platform.pool = "infra";
  Strategy strategy = decide(workload, facts, kApply);
  ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("PoolMissing")));
  EXPECT_THAT(strategy.blockers[0].message, HasSubstr("master, worker"));
  facts.pools.clear();
  EXPECT_THAT(decide(workload, facts, kApply).blockers, ElementsAre(reason_is("PoolsUnreadable")));
}

TEST(Strategy, RebootsNoPoolOnWhoseNodesTheWorkloadDoesNotLand) {
  const Facts facts = generation("openshift-4.8");
  api::Workload workload;
  workload.spec.platform.pool = "master";  // whose taint it does not tolerate
  Strategy strategy = decide(workload, facts, kApply);
  ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("PoolElsewhere")));
  EXPECT_THAT(strategy.blockers[0].message, HasSubstr("they are of worker"));
  EXPECT_FALSE(strategy.may_write_node_settings);
  workload.spec.node_selector = {{"node-role.kubernetes.io/master", ""}};
  workload.spec.tolerations = Json::array({{{"operator", "Exists"}}});
  EXPECT_THAT(decide(workload, facts, kApply).blockers, ElementsAre(reason_is("WaitingForNodes")));
}

TEST(Strategy, RebootsNoNodeForAWorkloadThatIsNotToRunNow) {
  Facts facts = generation("openshift-4.8");
  for (const auto rest :
       std::vector<void (*)(api::Workload&)>{[](api::Workload& w) { w.spec.paused = true; },
                                             [](api::Workload& w) { w.spec.hibernate = true; },
                                             [](api::Workload& w) { w.spec.replicas = 0; },
                                             [](api::Workload& w) { w.deleting = true; }}) {
    api::Workload workload;
    rest(workload);
    const Strategy strategy = decide(workload, facts, kApply);
    EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("CgroupsV1")));
    EXPECT_FALSE(strategy.may_write_node_settings);
  }
  // What is under way goes on, and is still needed.
  write_config(worker(facts));
  start_rollout(worker(facts), 1);
  api::Workload workload;
  workload.spec.paused = true;
  const Strategy strategy = decide(workload, facts, kApply);
  EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("WaitingForNodes")));
  EXPECT_TRUE(strategy.may_write_node_settings);
}

TEST(Strategy, WaitsForTheCustomPoolThatTakesTheWorkersConfigToo) {
  Facts facts = generation("openshift-4.8");
  PoolFacts infra = worker(facts);
  infra.name = "infra";
  infra.machine_count = 1;
  infra.machine_config_selector = Json::parse(
      R"({"matchExpressions": [{"key": "machineconfiguration.openshift.io/role",
           "operator": "In", "values": ["worker", "infra"]}]})");
  infra.node_selector = {{"matchLabels", {{"node-role.kubernetes.io/infra", ""}}}};
  facts.pools.push_back(infra);
  facts.nodes.back().labels["node-role.kubernetes.io/infra"] = "";
  write_config(worker(facts));
  finish_rollout(worker(facts));
  const Strategy strategy = decide({}, facts, kApply);
  ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("WaitingForNodes")));
  EXPECT_EQ(strategy.blockers[0].detail, "0/4 updated");
}

TEST(Strategy, SaysWhatToDoWithHostedControlPlanesWhereNoMachineConfigExists) {
  Facts facts = generation("openshift-4.12");
  facts.has_machine_config = false;
  facts.pools.clear();
  const Strategy strategy = decide({}, facts, kApply);
  ASSERT_THAT(strategy.blockers, ElementsAre(reason_is("NoMachineConfigApi")));
  EXPECT_THAT(strategy.blockers[0].message, HasSubstr("NodePool"));
  EXPECT_FALSE(strategy.may_write_node_settings);
}

TEST(Strategy, TakesMicroShiftForTheOpenShiftOfItsKubernetes) {
  Facts facts;
  facts.kubernetes = {1, 33, 4};
  facts.has_scc = facts.has_route = true;
  const Strategy strategy = decide({}, facts, kApply);
  EXPECT_EQ(facts.openshift_generation(), (Version{4, 20, 0}));
  EXPECT_EQ(strategy.user_namespace, UserNamespaceVia::kHostUsers);
  EXPECT_TRUE(strategy.use_scc);
  EXPECT_THAT(strategy.blockers, IsEmpty());
}

TEST(Strategy, KnowsNothingAndStillDecides) {
  const Strategy strategy = decide({}, Facts{}, kApply);
  EXPECT_EQ(strategy.user_namespace, UserNamespaceVia::kHostUsers);
  EXPECT_THAT(strategy.blockers, IsEmpty());
  EXPECT_THAT(strategy.reasons, Contains(Field(&Reason::text, HasSubstr("unknown"))));
}

TEST(Strategy, NeverLeavesAContainerWithoutAUserNamespaceOnAnOldApiServer) {
  Facts facts = generation("kubernetes-1.33");
  facts.kubernetes = {1, 31, 0};
  EXPECT_THAT(decide({}, facts, kApply).blockers,
              ElementsAre(reason_is("UserNamespacesUnsupported")));
  api::Workload workload;
  workload.spec.platform.user_namespace = "HostUsers";  // the user vouches for the gate
  const Strategy strategy = decide(workload, facts, kApply);
  EXPECT_THAT(strategy.blockers, IsEmpty());
  EXPECT_THAT(strategy.warnings, ElementsAre(reason_is("HostUsersMayBeDropped")));
  facts.user_namespaces_gate = Tri::kNo;
  EXPECT_THAT(decide(workload, facts, kApply).blockers,
              ElementsAre(reason_is("UserNamespacesUnsupported")));
  facts.user_namespaces_gate = Tri::kUnknown;
  facts.kubernetes = {1, 24, 0};
  EXPECT_THAT(decide(workload, facts, kApply).blockers,
              ElementsAre(reason_is("UserNamespacesUnsupported")));
}

TEST(Strategy, TakesHostUsersFromATechnologyPreviewThatIsOnButNeverTurnsItOn) {
  Facts facts = generation("openshift-4.18");
  EXPECT_EQ(decide({}, facts, kApply).user_namespace, UserNamespaceVia::kAnnotation);
  facts.user_namespaces_gate = Tri::kYes;
  const Strategy strategy = decide({}, facts, kApply);
  EXPECT_EQ(strategy.user_namespace, UserNamespaceVia::kHostUsers);
  EXPECT_TRUE(strategy.scc_user_namespace_level);
  EXPECT_THAT(strategy.blockers, IsEmpty());
}

TEST(Strategy, LeavesNodesAloneFromOpenShift419OnEvenForTheAnnotation) {
  Facts facts = generation("openshift-4.19");
  Strategy strategy = decide({}, facts, kApply);
  EXPECT_EQ(strategy.machine_config, std::nullopt);
  EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("CrioNotConfigured")));
  worker(facts).crio_user_namespaces = Tri::kYes;  // written before the upgrade
  EXPECT_THAT(decide({}, facts, kApply).blockers, IsEmpty());
}

TEST(Strategy, AProofOutweighsWhatIsNotKnown) {
  Facts facts = generation("openshift-4.19");
  facts.proven_annotation = {"another"};
  EXPECT_THAT(decide({}, facts, kApply).blockers, ElementsAre(reason_is("CrioNotConfigured")))
      << "what one tenant's Pods say counts for that tenant";
  facts.proven_annotation = {""};
  EXPECT_THAT(decide({}, facts, kApply).blockers, IsEmpty());
  facts.proven_host_users = true;
  EXPECT_EQ(decide({}, facts, kApply).user_namespace, UserNamespaceVia::kHostUsers);
}

// An upgrade moves the API server first, and the nodes of a paused pool perhaps in a month.
TEST(Strategy, StaysByTheAnnotationUntilEveryNodeThatCountsTakesHostUsers) {
  Facts facts = generation("openshift-4.20");
  facts.nodes.back().kubelet = Version{1, 31, 9};
  const Strategy strategy = decide({}, facts, kApply);
  EXPECT_EQ(strategy.user_namespace, UserNamespaceVia::kAnnotation);
  EXPECT_FALSE(strategy.scc_user_namespace_level);
  facts.proven_host_users = true;  // on another node
  EXPECT_EQ(decide({}, facts, kApply).user_namespace, UserNamespaceVia::kAnnotation);
  api::Workload elsewhere;
  elsewhere.spec.node_selector = {{"kubernetes.io/hostname", facts.nodes.front().name}};
  EXPECT_EQ(decide(elsewhere, facts, kApply).user_namespace, UserNamespaceVia::kHostUsers);
}

TEST(Strategy, NamesTheKubeletsThatAreBehindTheirApiServer) {
  Facts facts = generation("kubernetes-1.33");
  facts.nodes.back().kubelet = Version{1, 31, 9};
  const Strategy strategy = decide({}, facts, kApply);
  ASSERT_THAT(strategy.warnings, ElementsAre(reason_is("KubeletTooOld")));
  EXPECT_THAT(strategy.warnings[0].message, HasSubstr(facts.nodes.back().name));
}

// With the annotation its files belong to other ids than hostUsers: false would show.
TEST(Strategy, DoesNotTakeAVolumesFilesFromAWorkloadByTheWay) {
  const Facts facts = generation("openshift-4.20");
  api::Workload workload;
  workload.spec.storage.claims.emplace_back().name = "data";
  EXPECT_EQ(decide(workload, facts, kApply).user_namespace, UserNamespaceVia::kHostUsers);
  workload.status.platform.user_namespaces = "annotation";
  const Strategy stays = decide(workload, facts, kApply);
  EXPECT_EQ(stays.user_namespace, UserNamespaceVia::kAnnotation);
  EXPECT_THAT(stays.warnings, Contains(reason_is("VolumesNotMapped")));
  workload.spec.platform.user_namespace = "HostUsers";
  EXPECT_EQ(decide(workload, facts, kApply).user_namespace, UserNamespaceVia::kHostUsers);
  workload.spec.platform.user_namespace = "Auto";
  workload.spec.storage.claims.clear();
  EXPECT_EQ(decide(workload, facts, kApply).user_namespace, UserNamespaceVia::kHostUsers);
}

TEST(Strategy, CountsOnlyNodesThatTheWorkloadMayLandOn) {
  Facts facts = generation("kubernetes-1.33");
  facts.nodes.back().cgroups = CgroupVersion::kV1;
  facts.nodes.back().user_namespaces = Tri::kNo;
  EXPECT_THAT(decide({}, facts, kApply).warnings,
              ElementsAre(reason_is("MixedUserNamespaces"), reason_is("MixedCgroups")));
  api::Workload workload;
  workload.spec.node_selector = {{"kubernetes.io/hostname", "worker-0"}};
  EXPECT_THAT(decide(workload, facts, kApply).warnings, IsEmpty());
  workload.spec.node_selector = {{"kubernetes.io/hostname", "worker-2"}};
  EXPECT_THAT(decide(workload, facts, kApply).blockers,
              ElementsAre(reason_is("UserNamespacesUnsupported"), reason_is("CgroupsV1")));
  workload.spec.node_selector = {{"kubernetes.io/hostname", "worker-9"}};
  EXPECT_THAT(decide(workload, facts, kApply).warnings, ElementsAre(reason_is("NoEligibleNodes")));
}

TEST(Strategy, GivesContainerdItsMountsAndAsksForARuntimeClass) {
  Facts facts = generation("kubernetes-1.33-containerd");
  api::Workload workload;
  Strategy strategy = decide(workload, facts, kApply);
  EXPECT_TRUE(strategy.runtime_mounts);
  EXPECT_TRUE(strategy.selinux_type);
  EXPECT_THAT(strategy.warnings, ElementsAre(reason_is("RuntimeClassMissing")));
  EXPECT_FALSE(strategy.warnings[0].holds_pods);
  workload.spec.platform.runtime_class_name = "systemd";
  EXPECT_THAT(decide(workload, facts, kApply).warnings, IsEmpty());
  for (NodeFacts& node : facts.nodes) {
    node.runtime_version = Version{2, 0, 5};
  }
  EXPECT_THAT(decide(workload, facts, kApply).blockers, ElementsAre(reason_is("ContainerdTooOld")));
}

TEST(Strategy, ReportsVersionFaultsBeforeTheyBite) {
  Facts facts = generation("kubernetes-1.36");
  api::Workload workload;
  workload.spec.platform.automount_service_account_token = true;
  EXPECT_THAT(decide(workload, facts, kApply).warnings, IsEmpty());
  for (NodeFacts& node : facts.nodes) {
    node.runtime_version = Version{1, 35, 0};
    node.tmpfs_idmap = Tri::kNo;
  }
  EXPECT_THAT(decide(workload, facts, kApply).warnings,
              ElementsAre(reason_is("KernelBefore63"), reason_is("CrioCgroupFault")));
  workload.spec.platform.automount_service_account_token = false;
  EXPECT_THAT(decide(workload, facts, kApply).warnings, ElementsAre(reason_is("CrioCgroupFault")));
  workload.spec.volumes = Json::parse(R"([{"name": "keys", "secret": {"secretName": "keys"}}])");
  EXPECT_THAT(decide(workload, facts, kApply).warnings,
              Contains(Field(&Blocker::message, HasSubstr("\"keys\""))));
}

TEST(Strategy, NamesTheSysctlBeforeCrio131) {
  EXPECT_TRUE(decide({}, generation("openshift-4.17"), kApply).ping_group_range_sysctl);
  EXPECT_FALSE(decide({}, generation("openshift-4.18"), kApply).ping_group_range_sysctl);
}

TEST(Strategy, RefusesOpenShiftBefore47) {
  Facts facts = generation("openshift-4.7");
  facts.openshift = Version{4, 6, 8};
  EXPECT_THAT(decide({}, facts, kApply).blockers, Contains(reason_is("UnsupportedPlatform")));
}

TEST(Strategy, RebootsNoNodeForAWorkloadThatCouldNotRunAllTheSame) {
  Facts facts = generation("openshift-4.8");
  api::Workload workload;
  workload.spec.platform.user_namespace = "HostUsers";
  const Strategy strategy = decide(workload, facts, kApply);
  EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("UserNamespacesUnsupported")));
  EXPECT_FALSE(strategy.may_write_node_settings);
}

TEST(Strategy, RebootsNoNodeOnAnAssumption) {
  Facts facts = generation("openshift-4.8");
  worker(facts).kernel_arguments.reset();
  const Strategy strategy = decide({}, facts, kApply);
  EXPECT_THAT(strategy.blockers, ElementsAre(reason_is("PoolsUnreadable")));
  EXPECT_FALSE(strategy.may_write_node_settings);
}

TEST(Strategy, WarnsThatASccOfOnesOwnMustSetTheType) {
  api::Workload workload;
  workload.spec.platform.security_context_constraints = "mine";
  const Strategy strategy = decide(workload, generation("openshift-4.20"), kApply);
  EXPECT_THAT(strategy.warnings, ElementsAre(reason_is("SccOfOnesOwn")));
}

TEST(EligibleNodes, LeavesOutTaintedNodesThatAreNotTolerated) {
  const Facts facts = generation("kubernetes-1.33");
  api::Workload workload;
  EXPECT_THAT(names(eligible_nodes(workload, facts)),
              ElementsAre("worker-0", "worker-1", "worker-2"));
  workload.spec.tolerations =
      Json::parse(R"([{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}])");
  EXPECT_EQ(eligible_nodes(workload, facts).size(), 6U);
}

TEST(EligibleNodes, KeepsNodesThatAreCordonedOrNotReadyForTheMoment) {
  Facts facts = generation("kubernetes-1.33");
  facts.nodes.back().schedulable = false;
  facts.nodes.back().ready = false;
  facts.nodes.back().taints =
      Json::parse(R"([{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}])");
  EXPECT_EQ(eligible_nodes({}, facts).size(), 3U);
}

TEST(RolledOut, NeedsEveryPartOfTheRule) {
  Facts facts = generation("openshift-4.8");
  PoolFacts pool = worker(facts);
  finish_rollout(pool);
  const std::string config = machine_config_name("worker");
  EXPECT_EQ(config, "99-worker-systemd-workload");
  EXPECT_TRUE(rolled_out(pool, config));
  const auto without = [&](auto change) {
    PoolFacts changed = pool;
    change(changed);
    return rolled_out(changed, config);
  };
  EXPECT_FALSE(without([](PoolFacts& p) { p.observed_generation = 1; }));
  EXPECT_FALSE(without([](PoolFacts& p) { p.sources.erase("99-worker-systemd-workload"); }));
  EXPECT_FALSE(without([](PoolFacts& p) { p.spec_configuration = "rendered-worker-3"; }));
  EXPECT_FALSE(without([](PoolFacts& p) { p.updated = Tri::kUnknown; }));
  EXPECT_FALSE(without([](PoolFacts& p) { p.degraded = Tri::kYes; }));
}

// The shape of the Pod is part of its revision: a taint that keeps new Pods away would else replace
// those that run.
TEST(Strategy, ATaintOnAllNodesGivesThePodNoOtherShape) {
  Facts facts = generation("kubernetes-1.33-containerd");
  const api::Workload workload;
  const Strategy before = decide(workload, facts, kApply);
  ASSERT_TRUE(before.runtime_mounts);
  for (NodeFacts& node : facts.nodes) {
    node.taints.push_back({{"key", "maintenance"}, {"effect", "NoSchedule"}});
  }
  EXPECT_TRUE(decide(workload, facts, kApply).runtime_mounts);
}

api::Workload exposed_by(const std::string& termination) {
  api::Workload workload;
  workload.spec.route = api::RouteSpec{};
  workload.spec.route->host = "ipa.example.com";
  workload.spec.route->tls = api::RouteTls{termination, "", "", ""};
  return workload;
}

TEST(Strategy, MakesNoIngressThatWouldCarryInClearWhatWasToBeEncrypted) {
  const Facts facts = generation("kubernetes-1.33");
  for (const char* termination : {"passthrough", "reencrypt"}) {
    SCOPED_TRACE(termination);
    api::Workload workload = exposed_by(termination);
    EXPECT_THAT(decide(workload, facts, kApply).exposure_blocker,
                testing::Optional(reason_is("TerminationUnsupported")));
    EXPECT_EQ(decide(workload, generation("openshift-4.20"), kApply).exposure_blocker,
              std::nullopt);
    workload.spec.route->parent_ref = Json{{"name", "gateway"}};
    EXPECT_THAT(decide(workload, facts, kApply).exposure_blocker,
                testing::Optional(Field(&Blocker::message, HasSubstr("no HTTPRoute is made"))));
  }
  EXPECT_EQ(decide(exposed_by("edge"), facts, kApply).exposure_blocker, std::nullopt);
}

TEST(Strategy, TakesTheWordOfWhoeverTellsTheIngressControllerToDoWhatAnIngressCannot) {
  const Facts facts = generation("kubernetes-1.33");
  const auto blocked = [&](const char* termination, Json annotations) {
    api::Workload workload = exposed_by(termination);
    workload.spec.route->annotations = std::move(annotations);
    return decide(workload, facts, kApply).exposure_blocker.has_value();
  };
  EXPECT_FALSE(blocked("passthrough", {{"nginx.ingress.kubernetes.io/ssl-passthrough", "true"}}));
  EXPECT_FALSE(blocked("passthrough", {{"haproxy.org/ssl-passthrough", "true"}}));
  EXPECT_FALSE(blocked("reencrypt", {{"nginx.ingress.kubernetes.io/backend-protocol", "HTTPS"}}));
  EXPECT_FALSE(blocked("reencrypt", {{"haproxy.org/server-ssl", "true"}}));
  EXPECT_TRUE(blocked("passthrough", {{"nginx.ingress.kubernetes.io/ssl-passthrough", "false"}}));
  EXPECT_TRUE(blocked("passthrough", {{"nginx.ingress.kubernetes.io/backend-protocol", "HTTPS"}}));
  EXPECT_TRUE(blocked("reencrypt", {{"cert-manager.io/cluster-issuer", "letsencrypt"}}));
}

TEST(Strategy, TellsWhatOfTlsIsLeftToTheGatewayOrTheIngressController) {
  Facts facts = generation("kubernetes-1.33");
  facts.has_gateway = true;
  api::Workload workload = exposed_by("edge");
  workload.spec.route->host = "ipa.example.com";
  EXPECT_THAT(decide(workload, facts, kApply).warnings, IsEmpty());
  workload.spec.route->tls->insecure_edge_termination_policy = "Redirect";
  EXPECT_THAT(decide(workload, facts, kApply).warnings,
              ElementsAre(reason_is("InsecurePolicyIgnored")));
  workload.spec.route->parent_ref = Json{{"name", "gateway"}};
  const Strategy strategy = decide(workload, facts, kApply);
  ASSERT_THAT(strategy.warnings, ElementsAre(reason_is("TlsByGateway")));
  EXPECT_THAT(strategy.warnings[0].message, HasSubstr("passed over"));
  EXPECT_THAT(decide(workload, generation("openshift-4.20"), kApply).warnings, IsEmpty());
}

TEST(Strategy, WarnsOfAnIngressThatAnswersForEveryHost) {
  api::Workload workload;
  workload.spec.route = api::RouteSpec{};
  EXPECT_THAT(decide(workload, generation("kubernetes-1.33"), kApply).warnings,
              Contains(reason_is("IngressWithoutHost")));
  EXPECT_THAT(decide(workload, generation("openshift-4.20"), kApply).warnings, IsEmpty());
  workload.spec.route->host = "ipa.example.com";
  EXPECT_THAT(decide(workload, generation("kubernetes-1.33"), kApply).warnings, IsEmpty());
}

}  // namespace
}  // namespace swo::platform
