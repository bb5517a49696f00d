// What systemd says of itself: on the console, and through the probes' output in the kubelet's
// Events.
//
// The probes' scripts print one line when they fail; its forms are shared with what renders them:
//   systemd is starting; waiting for: A.service B.service
//   systemd is degraded; failed: x.service y.service
//   systemd is running; not active: x.service
// Console forms: systemd src/core/job.c (job_done_messages), src/core/manager.c
// (manager_print_jobs_in_progress), from 239 (descriptions) to 257 (unit names).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/diagnose.hpp"

namespace swo::diagnose {

struct ProbeReport {
  std::string state;  // systemctl is-system-running; "unknown" for what is none of its words
  std::vector<std::string> waiting_for;
  std::vector<std::string> failed;
  std::vector<std::string> not_active;
  bool startup = false;  // the startup probe's; else the readiness probe's
  std::string event;     // as it came
};

// Of the newest such Event.
std::optional<ProbeReport> probe_report(const std::vector<std::string>& events);
// … that names what a boot waits for: the first look at the next boot says nothing yet.
std::optional<ProbeReport> waiting_report(const std::vector<std::string>& events);

struct Console {
  bool seen = false;    // systemd has written something
  bool booted = false;  // reached its target
  bool emergency = false;
  std::vector<std::string> failed;  // in order, without those started since
  std::string waiting_for;
};

// Of the last boot in the log.
Console read_console(const std::vector<std::string>& lines);

// "a", "a and b", "a, b and 3 more".
std::string joined(const std::vector<std::string>& names);

}  // namespace swo::diagnose
