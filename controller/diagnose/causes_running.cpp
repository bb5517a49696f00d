// Texts: kubelet pkg/kubelet/prober, and the probe scripts' own line (console.hpp).

#include <algorithm>

#include "diagnose/causes.hpp"
#include "diagnose/text.hpp"

namespace swo::diagnose {
namespace {

constexpr std::string_view kLookInside =
    "see `kubectl exec POD -- systemctl status UNIT` and `journalctl -u UNIT`";

std::string waiting_for(const Case& c, const std::optional<ProbeReport>& report) {
  if (report && !report->waiting_for.empty()) {
    return joined(report->waiting_for);
  }
  return c.console.waiting_for;
}

}  // namespace

std::optional<Diagnosis> user_namespace_missing(const Case& c) {
  const std::string event = c.event("Unhealthy");
  if (!contains(event, "no user namespace: ")) {
    return std::nullopt;
  }
  return make("UserNamespaceMissing",
              "The container has no user namespace, so root in it is root of the node: the "
              "instance is kept from becoming ready",
              event,
              "CRI-O passed over the annotation io.kubernetes.cri-o.userns-mode: add it to "
              "allowed_annotations of the node's runtime, or let the operator do so "
              "(--machine-config=Apply on OpenShift); delete the Pod then");
}

std::optional<Diagnosis> boot_hangs(const Case& c) {
  if (c.console.emergency && !c.console.booted) {
    return make(
        "EmergencyMode", "systemd has gone into emergency mode, because the boot failed",
        "You are in emergency mode",
        "see which unit failed (often local-fs.target: /etc/fstab of the image must be empty)");
  }
  // The kubelet kills the container once the startup probe has failed for the whole timeout.
  const std::string killing = c.event("Killing");
  if (!contains(killing, "failed startup probe") || (c.runs() && c.evidence.restarts == 0)) {
    return std::nullopt;
  }
  const auto report = waiting_report(c.evidence.events);
  const std::string unit = waiting_for(c, report);
  return make("BootTimedOut",
              unit.empty() ? std::string("The boot did not end within "
                                         "spec.readiness.startupTimeoutSeconds")
                           : "The boot did not end within spec.readiness.startupTimeoutSeconds: it "
                             "waits for " +
                                 unit,
              report ? report->event : killing,
              "make that unit start, mask it with spec.init.maskUnits, or raise the timeout");
}

std::optional<Diagnosis> units_failed(const Case& c) {
  if (c.probe && !c.probe->not_active.empty()) {
    return make(
        "UnitsNotActive",
        "Units that spec.readiness.units names are not active: " + joined(c.probe->not_active),
        c.probe->event, kLookInside);
  }
  const bool degraded = c.probe && c.probe->state == "degraded";
  const auto& units = c.probe && !c.probe->failed.empty() ? c.probe->failed : c.console.failed;
  if (!degraded && (units.empty() || !c.console.booted)) {
    return std::nullopt;
  }
  std::string seen = c.probe ? c.probe->event : std::string();
  for (const std::string& line : c.log) {
    if (seen.empty() && !units.empty() && contains(line, units.front())) {
      seen = line;
    }
  }
  return make("UnitsFailed",
              units.empty() ? std::string("systemd is degraded: some unit has failed")
                            : "systemd is degraded: failed " + joined(units),
              seen,
              std::string(kLookInside) +
                  "; mask what a container does not need with spec.init.maskUnits, or set "
                  "spec.readiness.acceptDegraded: true");
}

std::optional<Diagnosis> probe_trouble(const Case& c) {
  if (!c.runs()) {
    return std::nullopt;
  }
  for (const char* reason : {"Unhealthy", "ProbeError", "ProbeWarning"}) {
    const std::string event = c.event(reason);
    if (event.empty() || contains(event, "systemd is ")) {
      continue;
    }
    if (contains(event, "executable file not found") || contains(event, "no such file")) {
      return make("ProbeMissing", "The image lacks a program that the probe runs", event,
                  "the image needs sh and systemctl");
    }
    if (contains(event, "timed out") || contains(event, "deadline exceeded")) {
      return make(
          "ProbeTimedOut", "The probe had no answer from systemd in time", event,
          "give the instance more CPU (spec.resources), or look for what keeps systemd busy", true);
    }
    return make("ProbeFailed", "The probe fails", event, "see the log of the instance", true);
  }
  return std::nullopt;
}

std::optional<Diagnosis> on_its_way(const Case& c) {
  const Evidence& e = c.evidence;
  if (c.runs()) {
    const std::string unit = waiting_for(c, c.probe);
    return make("Starting",
                unit.empty() ? std::string("systemd is booting")
                             : "systemd is booting and waits for " + unit,
                c.probe ? c.probe->event : "", "", true);
  }
  if (e.seeding) {
    return make("SeedingStorage", "New claims are being given what the image has at their paths",
                "", "", true);
  }
  if (e.waiting_reason == "ContainerCreating" || e.waiting_reason == "PodInitializing") {
    return make("ContainerCreating", "The node pulls the image and makes the container", "", "",
                true);
  }
  if (!e.waiting_reason.empty()) {
    return make(e.waiting_reason, "The kubelet waits", e.waiting_message,
                "see `kubectl describe pod`");
  }
  if (e.phase == "Unknown") {
    return make("PodUnknown", "The node has not said how the instance is", e.pod_message,
                "see whether the node is up");
  }
  if (e.phase == "Pending") {
    return make("Pending", "The Pod is being placed on a node", "", "", true);
  }
  return std::nullopt;
}

}  // namespace swo::diagnose
