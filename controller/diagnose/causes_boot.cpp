// Texts: systemd src/core/main.c, manager.c, cgroup.c, src/shared/mount-setup.c, as met on real
// nodes with systemd 246 – 257.

#include <algorithm>
#include <array>

#include "diagnose/causes.hpp"
#include "diagnose/text.hpp"

namespace swo::diagnose {
namespace {

constexpr std::string_view kInitScope = "/init.scope control group: ";
constexpr int kFirstSignalExit =
    128;  // a shell's way to say "by signal", taken over by the runtimes
constexpr int kSigKill = 9;

constexpr std::array kBootTexts = {
    Row{"Failed to mount API filesystems", "NoRuntimeMounts",
        "systemd may not mount its own /run and /tmp, and the runtime has not: it does so only for "
        "an init it recognises",
        "set spec.init.command to a path that ends in systemd or contains /sbin/init, without a "
        "shell in front; on containerd the operator mounts them"},
    Row{"Failed to mount tmpfs", "NoRuntimeMounts",
        "systemd may not mount its own /run and /tmp, and the runtime has not: it does so only for "
        "an init it recognises",
        "set spec.init.command to a path that ends in systemd or contains /sbin/init, without a "
        "shell in front; on containerd the operator mounts them"},
    Row{"Failed to mount cgroup", "CgroupsV1",
        "The node is on cgroups v1, which cannot be delegated",
        "let the operator set the node (--machine-config=Apply), or boot it with "
        "systemd.unified_cgroup_hierarchy=1"},
    Row{"Missing /etc/machine-id and /etc", "MachineIdReadOnly",
        "The root filesystem is read-only and has no machine id",
        "put an emptyDir on /etc/machine-id, or leave the root filesystem writable"},
    Row{"Trying to run as user instance", "NotPid1",
        "systemd was not started as PID 1 and uid 0, so it took itself for a user's",
        "start it as spec.init.command, without a shell in front, as uid 0"},
    Row{"Failed to load default target", "TargetMissing",
        "The image has no such target as systemd is to boot",
        "correct spec.init.target, or set a default target in the image"},
    Row{"Failed to isolate default target", "TargetMissing",
        "The target that systemd is to boot cannot be started",
        "correct spec.init.target, or set a default target in the image"},
    Row{"Failed to allocate manager object", "ManagerFailed",
        "systemd could not set itself up in this container",
        "see the lines before it in the log, with spec.init.logLevel: debug"},
    Row{"Freezing execution", "InitFailed", "systemd gave up at boot",
        "see the lines before it in the log, with spec.init.logLevel: debug"},
    Row{"Exiting PID 1", "InitFailed", "systemd gave up at boot",
        "see the lines before it in the log, with spec.init.logLevel: debug"},
};

bool recognised_as_init(const std::vector<std::string>& command) {
  if (command.empty()) {
    return true;  // the image's own, not known here
  }
  const std::string& first = command.front();
  return contains(first, "/sbin/init") || first == "systemd" || first.ends_with("/systemd");
}

Diagnosis not_delegated(const Case& c, const std::string& line) {
  const Evidence& e = c.evidence;
  if (e.run_as_user_set && e.run_as_user != 0) {
    return make(
        "InitNotRoot",
        "systemd runs as uid " + std::to_string(e.run_as_user) + ", which does not own its cgroup" +
            (e.scc.empty() ? "" : " (the Pod was taken by SCC " + e.scc + ")"),
        line,
        "let nothing set another runAsUser (an SCC of one's own, a webhook): the operator's "
        "Pods run as uid 0 of a user namespace; delete the Pod then");
  }
  if (e.node != nullptr && e.node->runtime == platform::Runtime::kCrio &&
      e.node->runtime_version == platform::Version{1, 35, 0}) {
    return make("CrioCgroupFault",
                "CRI-O 1.35.0 does not hand the cgroup over to a Pod's user namespace", line,
                "update CRI-O to 1.35.1 or later");
  }
  const bool by_annotation = c.strategy.user_namespace == platform::UserNamespaceVia::kAnnotation;
  if (!by_annotation && e.host_users != false) {
    return make("CgroupNotDelegated",
                "The container has no user namespace, so root in it does not own its cgroup", line,
                "let hostUsers: false reach the Pod (spec.platform.userNamespace)");
  }
  return make(
      "CgroupNotDelegated",
      "The container's root does not own its cgroup: no user namespace, a runtime that does "
      "not hand it over (runc before 1.1, CRI-O 1.35.0), or an SELinux type other than "
      "container_init_t" +
          (e.scc.empty() ? std::string() : " (SCC " + e.scc + ")"),
      line,
      "check that the Pod is in a user namespace, that runc is ≥ 1.1 or crun is used, and that "
      "the operator's SCC or seLinuxOptions gives the type container_init_t");
}

Diagnosis read_only_cgroup(const Case& c, const std::string& line) {
  const bool containerd =
      c.strategy.runtime_mounts ||
      (c.evidence.node != nullptr && c.evidence.node->runtime == platform::Runtime::kContainerd);
  if (containerd) {
    return make("CgroupReadOnly", "containerd mounts /sys/fs/cgroup read-only", line,
                "name a RuntimeClass in spec.platform.runtimeClassName whose handler has "
                "cgroup_writable = true (containerd ≥ 2.1)");
  }
  const std::string how =
      recognised_as_init(c.evidence.command)
          ? "the runtime did not recognise the command as an init"
          : "the runtime does not recognise “" + c.evidence.command.front() + "” as an init";
  return make(
      "CgroupReadOnly", "/sys/fs/cgroup is mounted read-only: " + how, line,
      "set spec.init.command to [/sbin/init] or the path of systemd, without a shell in front; "
      "on containerd name a RuntimeClass with cgroup_writable = true");
}

// `Failed to create PATH/init.scope control group: WHY`. On v1 there is no cgroup namespace for the
// container, so PATH is the node's own: /kubepods.slice/….
std::optional<Diagnosis> init_scope(const Case& c) {
  for (const std::string& line : c.log) {
    const std::size_t scope = line.find(kInitScope);
    const std::size_t start = line.find("Failed to create /");
    if (scope == std::string::npos || start == std::string::npos) {
      continue;
    }
    const bool nodes_path = start + std::string_view("Failed to create ").size() < scope;
    const std::string_view why = std::string_view(line).substr(scope + kInitScope.size());
    if (why.starts_with("Read-only file system")) {
      return read_only_cgroup(c, line);
    }
    if (nodes_path) {
      return make("CgroupsV1",
                  "The node is on cgroups v1, which cannot be delegated to a container", line,
                  "let the operator set the node (--machine-config=Apply; cgroupMode v2 or kernel "
                  "arguments), or boot it with systemd.unified_cgroup_hierarchy=1");
    }
    return not_delegated(c, line);
  }
  return std::nullopt;
}

std::string last_line(const Case& c) { return c.log.empty() ? std::string() : c.log.back(); }

std::string exit_text(const Evidence& e) {
  std::string text = e.exit_code ? "exit code " + std::to_string(*e.exit_code) : "no exit code";
  if (e.exit_signal && *e.exit_signal != 0) {
    text += ", signal " + std::to_string(*e.exit_signal);
  }
  return text;
}

}  // namespace

std::optional<Diagnosis> out_of_memory(const Case& c) {
  if (c.evidence.terminated_reason != "OOMKilled") {
    return std::nullopt;
  }
  return make("OutOfMemory", "The instance used more memory than its limit and was killed",
              "OOMKilled, " + exit_text(c.evidence), "raise spec.resources.limits.memory");
}

std::optional<Diagnosis> boot_failed(const Case& c) {
  // Such lines end the boot, though not always the container ("Freezing execution").
  if (c.console.booted) {
    return std::nullopt;
  }
  if (auto diagnosis = init_scope(c)) {
    return diagnosis;
  }
  return first_match(kBootTexts, c.log);
}

std::optional<Diagnosis> no_terminal(const Case& c) {
  if (!c.exited() || !c.evidence.log_known || !c.log.empty() || c.evidence.tty) {
    return std::nullopt;
  }
  return make(
      "NoTerminal", "systemd ends and its log is empty: without a terminal it writes nothing",
      exit_text(c.evidence),
      "give the container a terminal (tty: true), as the operator does: look for a webhook that "
      "takes it away, and delete the Pod then");
}

std::optional<Diagnosis> init_ended(const Case& c) {
  const Evidence& e = c.evidence;
  if (!c.exited()) {
    return std::nullopt;
  }
  if (!e.exit_code) {
    return make("InitEnded", "The instance's init ended; its exit code is not known yet",
                last_line(c), "see the log of the last run: `kubectl logs --previous`", true);
  }
  const std::string seen = exit_text(e) + (c.log.empty() ? "" : ": " + last_line(c));
  if (*e.exit_code == 0) {
    return make("PoweredOff",
                "The instance was powered off or rebooted from the inside; it is started again",
                seen, "nothing, if that was on purpose", true);
  }
  if (*e.exit_code == kFirstSignalExit + kSigKill) {
    return make(
        "Killed",
        "The instance was killed: it did not stop within its grace period, failed its startup "
        "probe, or the node ran out of memory",
        seen,
        "raise spec.terminationGracePeriodSeconds or spec.readiness.startupTimeoutSeconds, "
        "whichever its Events name");
  }
  return make(
      "InitExited", "The instance's init ended by itself", seen,
      "see the log of the last run (`kubectl logs --previous`), with spec.init.logLevel: debug");
}

}  // namespace swo::diagnose
