#include "diagnose/diagnose.hpp"

#include <algorithm>
#include <array>

#include "diagnose/causes.hpp"
#include "diagnose/text.hpp"

namespace swo::diagnose {
namespace {

// Most specific first: what the API server refused, then what the kubelet could not do, then what
// the container said before it ended, then what a running one is missing.
constexpr std::array<Cause, 18> kCauses = {
    creation_refused, put_out,        node_lost,         unschedulable,          seed_failed,
    image_trouble,    volume_trouble, container_refused, hidden_by_terminal,     creation_failed,
    out_of_memory,    boot_failed,    no_terminal,       user_namespace_missing, boot_hangs,
    init_ended,       units_failed,   probe_trouble,
};

}  // namespace

bool Case::exited() const {
  return evidence.waiting_reason == "CrashLoopBackOff" || evidence.phase == "Failed" ||
         evidence.phase == "Succeeded" ||
         (!runs() && (!evidence.terminated_reason.empty() || evidence.exit_code.has_value()));
}

bool Case::runs() const {
  return evidence.phase == "Running" && evidence.waiting_reason.empty() &&
         !(evidence.restarts == 0 && evidence.exit_code.has_value());
}

std::string Case::event(std::string_view reason) const {
  for (auto event = evidence.events.rbegin(); event != evidence.events.rend(); ++event) {
    if (event->starts_with(reason) && event->size() > reason.size() &&
        (*event)[reason.size()] == ':') {
      return *event;
    }
  }
  return {};
}

std::vector<std::string> Case::kubelet_texts() const {
  std::vector<std::string> texts;
  for (const std::string* text :
       {&evidence.waiting_message, &evidence.terminated_message, &evidence.pod_message}) {
    if (!text->empty()) {
      texts.push_back(*text);
    }
  }
  for (auto event = evidence.events.rbegin(); event != evidence.events.rend(); ++event) {
    // Failed, FailedMount, FailedCreatePodSandBox, …; the scheduler's is not the kubelet's.
    if (event->starts_with("Failed") && !event->starts_with("FailedScheduling")) {
      texts.push_back(*event);
    }
  }
  return texts;
}

Diagnosis make(std::string_view reason, std::string_view cause, std::string_view seen,
               std::string_view remedy, bool transient) {
  return {.reason = std::string(reason),
          .cause = std::string(cause),
          .evidence = shown(seen),
          .remedy = std::string(remedy),
          .transient = transient};
}

std::optional<Diagnosis> first_match(std::span<const Row> rows,
                                     const std::vector<std::string>& lines) {
  for (const Row& row : rows) {
    for (const std::string& line : lines) {
      if (contains(line, row.text)) {
        return make(row.reason, row.cause, line, row.remedy, row.transient);
      }
    }
  }
  return std::nullopt;
}

std::optional<Diagnosis> newest_match(std::span<const Row> rows,
                                      const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    if (auto diagnosis = first_match(rows, {line})) {
      return diagnosis;
    }
  }
  return std::nullopt;
}

std::string Diagnosis::message() const {
  std::string text = cause + ".";
  if (!evidence.empty()) {
    text += " Seen: “" + evidence + "”.";
  }
  if (!remedy.empty()) {
    text += " To do: " + remedy + ".";
  }
  return text;
}

std::optional<Diagnosis> diagnose(const Evidence& evidence, const platform::Strategy& strategy) {
  Case c{.evidence = evidence,
         .strategy = strategy,
         .log = clean_lines(evidence.log_tail),
         .console = {},
         .probe = probe_report(evidence.events)};
  c.console = read_console(c.log);
  if (auto dropped = user_namespace_dropped(c)) {
    return dropped;  // a matter of safety, not of readiness
  }
  if (evidence.ready) {
    return std::nullopt;
  }
  for (const Cause cause : kCauses) {
    if (auto diagnosis = cause(c)) {
      return diagnosis;
    }
  }
  return on_its_way(c);
}

std::optional<Diagnosis> diagnose_log(std::string_view log) {
  // Of a log alone the end is not known: judged as that of a container that ended, then as one that
  // runs and is not ready.
  Evidence evidence;
  evidence.host_users = false;
  evidence.log_tail = std::string(log);
  evidence.log_known = true;
  const Case c{.evidence = evidence,
               .strategy = {},
               .log = clean_lines(log),
               .console = read_console(clean_lines(log)),
               .probe = std::nullopt};
  if (c.log.empty()) {
    return make("NoTerminal",
                "The log is empty, as it is without a terminal: systemd writes to nothing else",
                "an empty log",
                "give the container a terminal (tty: true), as the operator does; where it has "
                "one, it has not begun to run: see `kubectl describe pod`");
  }
  for (const Cause cause : {boot_failed, units_failed}) {
    if (auto diagnosis = cause(c)) {
      return diagnosis;
    }
  }
  // A saved log may as well hold what the kubelet or the API server said.
  evidence.waiting_reason = "CreateContainerError";
  for (const std::string& line : c.log) {
    evidence.waiting_message = evidence.create_error = line;
    for (const Cause cause : {volume_trouble, container_refused, hidden_by_terminal}) {
      if (auto diagnosis = cause(c)) {
        return diagnosis;
      }
    }
    if (auto diagnosis = creation_refused(c); diagnosis && diagnosis->reason.starts_with("Scc")) {
      return diagnosis;
    }
  }
  return std::nullopt;
}

}  // namespace swo::diagnose
