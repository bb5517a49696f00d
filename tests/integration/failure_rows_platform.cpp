// The cluster itself: pools, cgroups and user namespaces, as long as no Pod is made for them.
#include "api/names.hpp"
#include "failure_rows.hpp"
#include "render/render.hpp"

namespace swo::test {
namespace {

using platform::MachineConfigMode;

const std::string nodes_path = "/api/v1/nodes";
const std::string nodes_config_path = "/apis/config.openshift.io/v1/nodes";

Json machine_config(const std::string& name, Json arguments) {
  return {{"apiVersion", "machineconfiguration.openshift.io/v1"},
          {"kind", "MachineConfig"},
          {"metadata",
           {{"name", name}, {"labels", {{"machineconfiguration.openshift.io/role", "worker"}}}}},
          {"spec", {{"kernelArguments", std::move(arguments)}}}};
}

// What `render` prints for the nodes, applied by an administrator under a name of their own.
std::function<void(Simulation&)> node_settings_by_hand(bool kernel_arguments, bool runtime_table) {
  Json config = render::machine_config({.pool = "worker",
                                        .kernel_arguments = kernel_arguments,
                                        .crio_files = true,
                                        .crio_runtime_table = runtime_table});
  config["metadata"] = machine_config("99-worker-by-hand", {})["metadata"];
  return create(configs_path, config);
}

std::function<void(Simulation&)> settled(std::function<void(Simulation&)> change) {
  return [change = std::move(change)](Simulation& simulation) {
    change(simulation);
    simulation.advance(std::chrono::minutes(1));
  };
}

std::function<void(Simulation&)> rebooted_with_cgroups(int version) {
  return [=](Simulation& simulation) {
    simulation.advance(std::chrono::minutes(1));  // no boot is as short as an Event's clock
    on_every_worker([=](devcluster::Machine& machine) { machine.cgroups = version; })(simulation);
    simulation.cluster().change_software([](devcluster::Profile&) {});
  };
}

std::function<void(Simulation&)> claim_of_runtimes(bool user_namespaces) {
  return [=](Simulation& simulation) {
    for (const char* node : {"worker-0", "worker-1", "worker-2"}) {
      simulation.admin().merge_patch(
          nodes_path, node,
          {{"status",
            {{"runtimeHandlers",
              {{{"name", ""}, {"features", {{"userNamespaces", user_namespaces}}}}}}}}},
          "status");
    }
  };
}

std::function<void(Simulation&)> cgroup_mode(const std::string& mode) {
  return patch(nodes_config_path, "cluster", {{"spec", {{"cgroupMode", mode}}}});
}

std::vector<FailureRow> pool_rows() {
  return {
      {.name = "NodesThatAreStillBeingSet",
       .reason = "WaitingForNodes",
       .evidence = "/3 updated",
       .remedy = "drained and rebooted in turn",
       .told = Told::kByCondition,
       .profile = "openshift-4.8"},
      {.name = "APausedPool",
       .reason = "PoolPaused",
       .evidence = "MachineConfigPool worker is paused (0/3 updated)",
       .remedy = "Set spec.paused: false",
       .told = Told::kByCondition,
       .profile = "openshift-4.8",
       .hinder = patch(pools_path, "worker", {{"spec", {{"paused", true}}}}),
       .mend = patch(pools_path, "worker", {{"spec", {{"paused", false}}}})},
      {.name = "ADegradedPool",
       .reason = "PoolDegraded",
       .evidence = "disk validation failed",
       .remedy = "oc describe machineconfigpool worker",
       .told = Told::kByCondition,
       .profile = "openshift-4.8",
       .hinder =
           [](Simulation& simulation) {
             simulation.cluster().degrade_pool("worker", "disk validation failed");
           },
       .mend = [](Simulation& simulation) { simulation.cluster().degrade_pool("worker", ""); }},
      {.name = "APoolThatIsNotThere",
       .reason = "PoolMissing",
       .evidence = "there is no MachineConfigPool \"infra\"",
       .remedy = "there are master, worker",
       .told = Told::kByCondition,
       .profile = "openshift-4.8",
       .spec = {{"platform", {{"cgroups", {{"pool", "infra"}}}}}},
       .mend = respec({{"platform", nullptr}})},
      {.name = "APoolOfOtherNodes",
       .reason = "PoolElsewhere",
       .evidence = "is of MachineConfigPool \"master\"",
       .remedy = "they are of worker",
       .told = Told::kByCondition,
       .profile = "openshift-4.8",
       .spec = {{"platform", {{"cgroups", {{"pool", "master"}}}}}},
       .mend = respec({{"platform", nullptr}})},
      {.name = "PoolsThatMayNotBeRead",
       .reason = "PoolsUnreadable",
       .evidence = "MachineConfigPools cannot be read",
       .remedy = "get, list and watch of machineconfigpools",
       .told = Told::kByCondition,
       .profile = "openshift-4.8",
       .hinder = restarted_without_right("machineconfigpools"),
       .mend = with_all_rights()},
      {.name = "NodesWithoutAMachineConfigApi",
       .reason = "NoMachineConfigApi",
       .evidence = "this cluster has no MachineConfig API",
       .remedy = "spec.platform.cgroups.machineConfig: Unmanaged",
       .told = Told::kByCondition,
       .profile = "openshift-4.16",
       .adjust = [](devcluster::Profile& profile) { profile.machine_configs = false; },
       .mend = both(on_every_worker([](devcluster::Machine& machine) {
                      machine.userns_annotation = machine.subordinate_ids = true;
                    }),
                    respec({{"platform", {{"cgroups", {{"machineConfig", "Unmanaged"}}}}}}))},
      {.name = "AnotherWritersKernelArguments",
       .reason = "KernelArgumentsConflict",
       .evidence = "pool worker sets systemd.unified_cgroup_hierarchy=0",
       .remedy = "remove the argument",
       .told = Told::kByCondition,
       .profile = "openshift-4.8",
       .hinder =
           settled(create(configs_path, machine_config("99-worker-zz-legacy",
                                                       {"systemd.unified_cgroup_hierarchy=0"}))),
       .mend = remove(configs_path, "99-worker-zz-legacy")},
      {.name = "AnotherWritersKernelArgumentsBesideACgroupMode",
       .reason = "KernelArgumentsConflict",
       .evidence = "pool worker sets systemd.unified_cgroup_hierarchy=0",
       .remedy = "remove the argument",
       .told = Told::kByCondition,
       .profile = "openshift-4.13",
       .hinder =
           settled(create(configs_path, machine_config("99-worker-zz-legacy",
                                                       {"systemd.unified_cgroup_hierarchy=0"}))),
       .mend = remove(configs_path, "99-worker-zz-legacy")},
      {.name = "ACgroupModeThatIsSetBack",
       .reason = "CgroupModeReverted",
       .evidence = "is \"v1\" again after the operator had set v2",
       .remedy = "set it to v2",
       .told = Told::kByCondition,
       .profile = "openshift-4.16",
       .hinder = settled(cgroup_mode("v1")),
       .spoil = cgroup_mode("v1"),
       .mend = cgroup_mode("v2")},
  };
}

std::vector<FailureRow> node_rows() {
  return {
      {.name = "NodesOnCgroupsV1OnPlainKubernetes",
       .reason = "CgroupsV1",
       .evidence = "worker-0, worker-1, worker-2 (the kubelet's Event CgroupV1)",
       .remedy = "Boot them with systemd.unified_cgroup_hierarchy=1",
       .told = Told::kByCondition,
       .profile = "kubernetes-1.33",
       .hinder = rebooted_with_cgroups(1),
       .mend = rebooted_with_cgroups(2)},
      {.name = "NodesOnCgroupsV1ThatTheOperatorMayNotSet",
       .reason = "CgroupsV1",
       .evidence = "--machine-config=Off",
       .remedy = "kernelArguments systemd.unified_cgroup_hierarchy=1",
       .told = Told::kByCondition,
       .profile = "openshift-4.8",
       .machine_config = MachineConfigMode::kOff,
       .mend = node_settings_by_hand(true, true)},
      {.name = "ACrioThatTheOperatorMayNotSet",
       .reason = "CrioNotConfigured",
       .evidence = "lack CRI-O's settings for user namespaces",
       .remedy = "for the workload io.openshift.userns, and /etc/subuid",
       .told = Told::kByCondition,
       .profile = "openshift-4.14",
       .machine_config = MachineConfigMode::kPreview,
       .mend = node_settings_by_hand(false, false)},
      {.name = "ACrioThatTheOperatorNoLongerSets",
       .reason = "CrioNotConfigured",
       .evidence = "from OpenShift 4.19 on the operator writes none",
       .remedy = "apply a MachineConfig of role worker",
       .told = Told::kByCondition,
       .profile = "openshift-4.19",
       .mend = node_settings_by_hand(false, false)},
      {.name = "RuntimesWithoutUserNamespaces",
       .reason = "UserNamespacesUnsupported",
       .evidence = "worker-0, worker-1, worker-2",
       .remedy = "Update the container runtime",
       .told = Told::kByCondition,
       .profile = "kubernetes-1.33",
       .hinder = claim_of_runtimes(false),
       .mend = claim_of_runtimes(true)},
      {.name = "AnAnnotationThatContainerdIgnores",
       .reason = "AnnotationNeedsCrio",
       .evidence = "No node that the workload may land on runs CRI-O",
       .remedy = "spec.platform.userNamespace: Auto",
       .told = Told::kByCondition,
       .profile = "kubernetes-1.33-containerd",
       .spec = {{"platform",
                 {{"userNamespace", "Annotation"}, {"runtimeClassName", "cgroup-writable"}}}},
       .mend = respec({{"platform", {{"userNamespace", "Auto"}}}})},
      {.name = "AContainerdThatIsTooOld",
       .reason = "ContainerdTooOld",
       .evidence = "worker-0, worker-1, worker-2",
       .remedy = "Update it",
       .told = Told::kByCondition,
       .profile = "kubernetes-1.33-containerd",
       .adjust = [](devcluster::Profile& profile) { profile.runtime = "containerd://2.0.4"; },
       .spec = {{"platform", {{"runtimeClassName", "cgroup-writable"}}}},
       .mend = with_software(
           [](devcluster::Profile& profile) { profile.runtime = "containerd://2.1.4"; })},
      {.name = "AnOpenShiftThatIsTooOld",
       .reason = "UnsupportedPlatform",
       .evidence = "OpenShift 4.6",
       .remedy = "Upgrade the cluster",
       .told = Told::kByCondition,
       .profile = "openshift-4.8",
       .adjust = [](devcluster::Profile& profile) { profile.openshift = "4.6.8"; },
       .mend =
           [](Simulation& simulation) {
             simulation.admin().merge_patch(
                 "/apis/config.openshift.io/v1/clusterversions", "version",
                 {{"status", {{"history", {{{"state", "Completed"}, {"version", "4.8.57"}}}}}}},
                 "status");
           }},
  };
}

}  // namespace

std::vector<FailureRow> platform_rows() {
  std::vector<FailureRow> rows = pool_rows();
  for (FailureRow& row : node_rows()) {
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace swo::test
