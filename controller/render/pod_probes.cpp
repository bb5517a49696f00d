#include "render/pod_probes.hpp"

#include <algorithm>
#include <string>

namespace swo::render {
namespace {

// Most systems boot in a second or two, and are looked at again this soon.
constexpr int kStartupPeriodSeconds = 2;
// systemctl answers in milliseconds, but a booting machine with a fraction of a core may not.
constexpr int kTimeoutSeconds = 10;
// Three readings before an instance loses its traffic: a unit that restarts is not active for a
// moment.
constexpr int kReadinessFailures = 3;

// The scripts are POSIX sh with builtins only: an image that boots systemd has systemctl, but need
// not have sed or awk. systemctl logs to stderr at the level that SYSTEMD_LOG_LEVEL of the
// container's environment says, and colours its output when SYSTEMD_COLORS says so: neither may
// reach the line printed.
constexpr std::string_view kPrologue =
    "exec 2>/dev/null\n"
    "export SYSTEMD_COLORS=0\n";

constexpr std::string_view kReadState = "state=$(systemctl is-system-running)\n";

// The map of the node's own namespace, which maps every id to itself (user_namespaces(7)).
constexpr std::string_view kNeedsUserNamespace =
    "read -r inside outside ids </proc/self/uid_map\n"
    "if [ \"$inside $outside $ids\" = '0 0 4294967295' ]; then\n"
    "  echo 'no user namespace: root here is root of the node'\n"
    "  exit 1\n"
    "fi\n";

// Takes the name of what `units` lists, and `units`, which may be empty.
std::string report(std::string_view what) {
  return "printf 'systemd is %s%s\\n' \"${state:-unknown}\" \"${units:+; " + std::string(what) +
         ":$units}\"\n"
         "exit 1\n";
}

// list-jobs prints JOB UNIT TYPE STATE. A waiting job waits for a running one: the running ones are
// the cause; the others are named only when nothing runs.
constexpr std::string_view kReadJobs =
    "units=$(systemctl list-jobs --no-legend --no-pager --full | {\n"
    "  running= waiting=\n"
    "  while read -r job unit type status; do\n"
    "    case $status in\n"
    "      (running*) running=\"$running $unit\" ;;\n"
    "      (*) waiting=\"$waiting $unit\" ;;\n"
    "    esac\n"
    "  done\n"
    "  printf %s \"${running:-$waiting}\"\n"
    "})\n";

// list-units prints UNIT LOAD ACTIVE SUB DESCRIPTION; old versions put a bullet before it even with
// --plain, and a unit's name always has a dot.
constexpr std::string_view kReadFailed =
    "units=$(systemctl list-units --state=failed --no-legend --no-pager --full --plain | {\n"
    "  while read -r unit rest; do\n"
    "    case $unit in (*.*) ;; (*) unit=${rest%% *} ;; esac\n"
    "    printf ' %s' \"$unit\"\n"
    "  done\n"
    "})\n";

// is-active prints one state for each unit asked for, in their order, and exits 0 if any is active.
// What it did not answer for is not active.
constexpr std::string_view kReadActive =
    "units=\n"
    "for active in $(systemctl is-active -- \"$@\"); do\n"
    "  [ $# -gt 0 ] || break\n"
    "  case $active in (active|reloading|refreshing) ;; (*) units=\"$units $1\" ;; esac\n"
    "  shift\n"
    "done\n"
    "units=\"$units${*:+ $*}\"\n"
    "[ -n \"$units\" ] || exit 0\n";

Json exec_probe(const std::string& script, int period, int failures) {
  return {{"exec", {{"command", {"/bin/sh", "-c", script}}}},
          {"periodSeconds", period},
          {"timeoutSeconds", kTimeoutSeconds},
          {"failureThreshold", failures},
          {"successThreshold", 1}};
}

}  // namespace

std::string shell_quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

Json startup_probe(const api::ReadinessSpec& readiness, ProveUserNamespace prove) {
  std::string script(kPrologue);
  if (prove == ProveUserNamespace::kYes) {
    script += kNeedsUserNamespace;
  }
  script += kReadState;
  script += "case $state in (running|degraded) exit 0 ;; esac\n";
  script += kReadJobs;
  script += report("waiting for");
  const int failures =
      (std::max(readiness.startup_timeout_seconds, 1) - 1) / kStartupPeriodSeconds + 1;
  return exec_probe(script, kStartupPeriodSeconds, failures);
}

Json readiness_probe(const api::ReadinessSpec& readiness) {
  std::string script(kPrologue);
  if (readiness.units.empty()) {
    script += kReadState;
    script += "case $state in (";
    script += readiness.accept_degraded ? "running|degraded" : "running";
    script += ") exit 0 ;; esac\n";
    script += kReadFailed;
    script += report("failed");
  } else {
    script += "set --";
    for (const std::string& unit : readiness.units) {
      script += " " + shell_quote(unit);
    }
    script += "\n";
    script += kReadActive;
    script += kReadState;
    script += report("not active");
  }
  return exec_probe(script, readiness.period_seconds, kReadinessFailures);
}

}  // namespace swo::render
