// The container runs, and systemd does not boot in it; or it boots, and is not well.
#include "failure_rows.hpp"

namespace swo::test {
namespace {

const char* const init_scope = "Failed to create /init.scope control group: ";
const Json shell_in_front = {{"init", {{"command", {"sh", "-c", "exec /sbin/init"}}}}};
const Json without_shell = {{"init", {{"command", {"/sbin/init"}}}}};

void keeps_cgroups(devcluster::Profile& profile) { profile.chowns_cgroup = false; }
void gives_cgroups(devcluster::Profile& profile) { profile.chowns_cgroup = true; }

// The row of a line that the stand-in's systemd writes because it is told to.
FailureRow last_words(std::string name, std::string reason, const std::string& line,
                      std::string remedy) {
  return {.name = std::move(name),
          .reason = std::move(reason),
          .evidence = line,
          .remedy = std::move(remedy),
          .spec = faulty("boot: " + line),
          .mend = without_fault()};
}

FailureRow said_by_probe(std::string name, std::string reason, const std::string& words,
                         std::string remedy) {
  return {.name = std::move(name),
          .reason = std::move(reason),
          .evidence = words,
          .remedy = std::move(remedy),
          .spec = faulty("probe: " + words),
          .mend = without_fault()};
}

std::vector<FailureRow> cgroup_rows() {
  return {
      {.name = "ANodeOnCgroupsV1ThatNothingTellsOf",
       .reason = "CgroupsV1",
       .evidence = "Failed to create /kubepods.slice/",
       .remedy = "systemd.unified_cgroup_hierarchy=1",
       .profile = "kubernetes-1.33",
       .hinder = on_every_worker([](devcluster::Machine& machine) { machine.cgroups = 1; }),
       .mend = both(on_every_worker([](devcluster::Machine& machine) { machine.cgroups = 2; }),
                    with_software([](devcluster::Profile&) {}))},
      {.name = "ARuntimeThatKeepsTheCgroup",
       .reason = "CgroupNotDelegated",
       .evidence = std::string(init_scope) + "Permission denied",
       .remedy = "runc is ≥ 1.1",
       .profile = "kubernetes-1.33",
       .adjust = keeps_cgroups,
       .mend = with_software(gives_cgroups)},
      {.name = "ConstraintsWithoutTheSelinuxType",
       .reason = "CgroupNotDelegated",
       .evidence = "(SCC mine)",
       .remedy = "the type container_init_t",
       .adjust = [](devcluster::Profile& profile) { profile.labels_init = false; },
       .spec = {{"platform", {{"securityContextConstraints", "mine"}}}},
       .hinder = own_scc(""),
       .mend = respec({{"platform", {{"securityContextConstraints", nullptr}}}})},
      {.name = "ABootThatFailsWhereAWebhookTookTheTerminal",
       .reason = "NoTerminal",
       .evidence = "exit code 255",
       .remedy = "look for a webhook",
       .profile = "kubernetes-1.33",
       .adjust = keeps_cgroups,
       .hinder = webhook([](Json& pod) { pod["spec"]["containers"][0].erase("tty"); }),
       .mend = both(with_software(gives_cgroups), webhook_gone())},
      {.name = "ACrioThatPassesOverTheAnnotation",
       .reason = "UserNamespaceMissing",
       .evidence = "root here is root of the node",
       .remedy = "allowed_annotations",
       .profile = "kubernetes-1.33",
       .spec = {{"platform", {{"userNamespace", "Annotation"}}}},
       .mend = respec({{"platform", {{"userNamespace", "Auto"}}}})},
      {.name = "ACrioThatDoesNotHandTheCgroupOver",
       .reason = "CrioCgroupFault",
       .evidence = std::string(init_scope) + "Permission denied",
       .remedy = "update CRI-O to 1.35.1",
       .profile = "kubernetes-1.33",
       .adjust =
           [](devcluster::Profile& profile) {
             keeps_cgroups(profile);
             profile.runtime = "cri-o://1.35.0";
           },
       .mend = with_software([](devcluster::Profile& profile) {
         gives_cgroups(profile);
         profile.runtime = "cri-o://1.35.1";
       })},
      {.name = "AContainerdThatMountsCgroupsReadOnly",
       .reason = "CgroupReadOnly",
       .evidence = std::string(init_scope) + "Read-only file system",
       .remedy = "spec.platform.runtimeClassName",
       .profile = "kubernetes-1.33-containerd",
       .mend = respec({{"platform", {{"runtimeClassName", "cgroup-writable"}}}})},
      {.name = "AShellInFrontWithItsOwnTmpfs",
       .reason = "CgroupReadOnly",
       .evidence = std::string(init_scope) + "Read-only file system",
       .remedy = "without a shell in front",
       .spec = {{"init", shell_in_front["init"]},
                {"volumes", {{{"name", "run"}, {"emptyDir", {{"medium", "Memory"}}}}}},
                {"volumeMounts", {{{"name", "run"}, {"mountPath", "/run"}}}}},
       .mend = respec(without_shell)},
      {.name = "AUserThatIsNotRoot",
       .reason = "InitNotRoot",
       .evidence = "the Pod was taken by SCC restricted-v3",
       .remedy = "delete the Pod",
       .hinder = webhook([](Json& pod) {
         pod["metadata"]["annotations"].erase("openshift.io/required-scc");
         pod["spec"]["securityContext"] = {{"runAsUser", 1000}};
         pod["spec"]["containers"][0].erase("securityContext");
       }),
       .mend = webhook_gone()},
  };
}

std::vector<FailureRow> early_rows() {
  return {
      {.name = "AShellInFront",
       .reason = "NoRuntimeMounts",
       .evidence = "Failed to mount API filesystems",
       .remedy = "without a shell in front",
       .spec = shell_in_front,
       .mend = respec(without_shell)},
      last_words("AnInitThatIsNotPid1", "NotPid1",
                 "Trying to run as user instance, but the system "
                 "has not been booted with systemd.",
                 "start it as spec.init.command"),
      last_words("AReadOnlyMachineId", "MachineIdReadOnly",
                 "Missing /etc/machine-id and /etc is mounted read-only.",
                 "emptyDir on /etc/machine-id"),
      last_words("ATargetThatIsNotThere", "TargetMissing", "Failed to load default target.",
                 "correct spec.init.target"),
      last_words("AManagerThatCannotBeMade", "ManagerFailed",
                 "Failed to allocate manager object: Function not implemented",
                 "spec.init.logLevel: debug"),
      last_words("AnInitThatGivesUp", "InitFailed", "Freezing execution.",
                 "spec.init.logLevel: debug"),
  };
}

std::vector<FailureRow> end_rows() {
  const auto image = [](const char* name, const char* reason, const char* tag, const char* evidence,
                        const char* remedy) {
    return FailureRow{.name = name,
                      .reason = reason,
                      .evidence = evidence,
                      .remedy = remedy,
                      .spec = {{"image", std::string("v1-") + tag}},
                      .mend = respec({{"image", "v1"}})};
  };
  FailureRow hangs = image("ABootThatDoesNotEnd", "BootTimedOut", "hang",
                           "waiting for: nginx.service", "spec.init.maskUnits");
  hangs.spec["readiness"] = {{"startupTimeoutSeconds", 60}};
  return {
      hangs,
      image("MoreMemoryThanItsLimit", "OutOfMemory", "oom", "OOMKilled",
            "raise spec.resources.limits.memory"),
      image("AnInitThatIsKilled", "Killed", "exit137", "exit code 137",
            "spec.terminationGracePeriodSeconds"),
      image("AnInitThatExits", "InitExited", "exit7", "exit code 7", "kubectl logs --previous"),
      image("AnInitThatPowersOff", "PoweredOff", "exit0", "exit code 0",
            "nothing, if that was on purpose"),
  };
}

}  // namespace

std::vector<FailureRow> boot_rows() {
  std::vector<FailureRow> rows = cgroup_rows();
  for (const auto& some : {early_rows(), end_rows()}) {
    rows.insert(rows.end(), some.begin(), some.end());
  }
  return rows;
}

std::vector<FailureRow> running_rows() {
  return {
      {.name = "AUnitThatFails",
       .reason = "UnitsFailed",
       .evidence = "systemd is degraded; failed: nginx.service",
       .remedy = "spec.readiness.acceptDegraded: true",
       .spec = {{"image", "v1-degraded"}},
       .mend = respec({{"image", "v1"}})},
      {.name = "UnitsThatLackACapability",
       .reason = "UnitsFailed",
       .evidence = "systemd is degraded; failed: dbus.service nginx.service",
       .remedy = "systemctl status",
       .spec = {{"platform", {{"capabilities", {{"drop", {"ALL"}}}}}}},
       .mend = respec({{"platform", {{"capabilities", nullptr}}}})},
      {.name = "UnitsOnAReadOnlyRoot",
       .reason = "UnitsFailed",
       .evidence = "systemd is degraded; failed: nginx.service systemd-logind.service",
       .remedy = "systemctl status",
       .hinder = webhook([](Json& pod) {
         pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = true;
       }),
       .mend = webhook_gone()},
      {.name = "AUnitThatIsNotActive",
       .reason = "UnitsNotActive",
       .evidence = "not active: nginx.service",
       .remedy = "systemctl status",
       .spec = {{"image", "v1-degraded"}, {"readiness", {{"units", {"nginx.service"}}}}},
       .mend = respec({{"image", "v1"}})},
      said_by_probe("AnImageWithoutTheProbesProgram", "ProbeMissing",
                    "exec: \"sh\": executable file not found in $PATH", "sh and systemctl"),
      said_by_probe("AProbeWithoutAnAnswer", "ProbeTimedOut", "command timed out: 5s", "more CPU"),
      said_by_probe("AProbeThatFailsForAReasonNobodyKnows", "ProbeFailed",
                    "the unit file tells a joke", "see the log of the instance"),
  };
}

}  // namespace swo::test
