#include "diagnose/console.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

#include "diagnose/text.hpp"

namespace swo::diagnose {
namespace {

std::optional<std::string_view> after(std::string_view text, std::string_view part) {
  const std::size_t at = text.find(part);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  return text.substr(at + part.size());
}

// systemd.unit(5).
bool is_unit_name(std::string_view name) {
  constexpr std::size_t kLongest = 255;
  constexpr std::array<std::string_view, 11> kSuffixes = {
      ".service", ".socket", ".target", ".mount", ".automount", ".timer",
      ".path",    ".device", ".swap",   ".scope", ".slice"};
  if (name.size() > kLongest) {
    return false;
  }
  const bool valid = std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || contains(":-_.\\@", {&c, 1});
  });
  return valid && std::ranges::any_of(kSuffixes, [&](std::string_view suffix) {
           return name.size() > suffix.size() && name.ends_with(suffix);
         });
}

// "nginx.service - The nginx HTTP server." → nginx.service; "The nginx HTTP server." → itself.
std::string unit_of(std::string_view text) {
  const std::string_view first = text.substr(0, text.find(' '));
  std::string_view name = first;
  while (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  if (is_unit_name(name)) {
    return std::string(name);
  }
  while (text.ends_with('.')) {
    text.remove_suffix(1);
  }
  return shown(text);
}

// systemctl(1), is-system-running. The image prints it, so anything else may come in its place.
std::string state_of(std::string_view word) {
  constexpr std::array<std::string_view, 8> kStates = {"initializing", "starting",    "running",
                                                       "degraded",     "maintenance", "stopping",
                                                       "offline",      "unknown"};
  const bool known = word.empty() || std::ranges::find(kStates, word) != kStates.end();
  return known ? std::string(word) : "unknown";
}

// The units in a probe's list; anything else there is not shown.
std::vector<std::string> unit_list(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> out;
  for (std::string word; in >> word;) {
    while (word.ends_with('.') || word.ends_with(',') || word.ends_with(')')) {
      word.pop_back();  // what the kubelet or an event's aggregation puts after it
    }
    if (is_unit_name(word)) {
      out.push_back(word);
    }
  }
  return out;
}

void add(std::vector<std::string>& names, std::string name) {
  if (std::ranges::find(names, name) == names.end()) {
    names.push_back(std::move(name));
  }
}

std::optional<ProbeReport> parse_report(const std::string& event) {
  std::string line;
  for (const std::string& part : clean_lines(event)) {
    if (line.empty() && contains(part, "probe failed: systemd is ")) {
      line = part;
    }
  }
  const auto said = after(line, "probe failed: systemd is ");
  if (!said) {
    return std::nullopt;
  }
  ProbeReport report;
  report.event = line;
  report.startup = contains(line, "Startup probe failed");
  std::string_view rest = *said;
  const std::size_t semicolon = rest.find(';');
  report.state = state_of(rest.substr(0, rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz")));
  if (semicolon != std::string_view::npos) {
    rest.remove_prefix(semicolon + 1);
    if (const auto list = after(rest, "waiting for:")) {
      report.waiting_for = unit_list(*list);
    } else if (const auto failed = after(rest, "failed:")) {
      report.failed = unit_list(*failed);
    } else if (const auto inactive = after(rest, "not active:")) {
      report.not_active = unit_list(*inactive);
    }
  }
  return report;
}

bool starts_boot(std::string_view line) {
  return line.starts_with("Welcome to ") || contains(line, " running in system mode");
}

bool ends_boot(std::string_view line) {
  if (contains(line, "Startup finished in ")) {
    return true;
  }
  const auto target = after(line, "Reached target ");
  if (!target) {
    return false;
  }
  constexpr std::array<std::string_view, 4> kTargets = {"multi-user.target", "graphical.target",
                                                        "Multi-User System", "Graphical Interface"};
  return std::ranges::any_of(kTargets,
                             [&](std::string_view name) { return target->starts_with(name); });
}

// "[ ***  ] A start job is running for X (12s / 1min 30s)", "[ ***  ] Job x.service/start running
// (12s"
std::string job_in_progress(std::string_view line) {
  if (const auto job = after(line, "start job is running for ")) {
    return unit_of(job->substr(0, job->rfind(" (")));
  }
  if (const auto job = after(line, "] Job ")) {
    return unit_of(job->substr(0, job->find("/start running")));
  }
  return {};
}

void read_failure(std::string_view line, Console& console, bool& names_by_hint) {
  if (const auto failed = after(line, "Failed to start ");
      failed && !failed->starts_with("up manager")) {
    const std::string unit = unit_of(*failed);
    names_by_hint = !is_unit_name(unit);
    add(console.failed, unit);
  } else if (const auto mount = after(line, "[FAILED] Failed to mount ")) {
    add(console.failed, unit_of(*mount));
  } else if (const auto status = after(line, "See 'systemctl status ")) {
    // Before 250 the failure itself has only a description; this line has the name.
    const std::string_view name = status->substr(0, status->find('\''));
    if (names_by_hint && !console.failed.empty() && is_unit_name(name)) {
      console.failed.back() = std::string(name);
    }
    names_by_hint = false;
  } else if (const auto result = line.find(": Failed with result '"); result != std::string::npos) {
    const std::string_view before = line.substr(0, result);
    const std::string_view name = before.substr(before.find_last_of(' ') + 1);
    if (is_unit_name(name)) {
      add(console.failed, std::string(name));
    }
  }
}

// The newest report that says what is wanted.
template <class Wanted>
std::optional<ProbeReport> newest_report(const std::vector<std::string>& events, Wanted wanted) {
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (auto report = parse_report(*event); report && wanted(*report)) {
      return report;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProbeReport> probe_report(const std::vector<std::string>& events) {
  return newest_report(events, [](const ProbeReport&) { return true; });
}

std::optional<ProbeReport> waiting_report(const std::vector<std::string>& events) {
  return newest_report(events, [](const ProbeReport& one) { return !one.waiting_for.empty(); });
}

Console read_console(const std::vector<std::string>& lines) {
  Console console;
  bool names_by_hint = false;
  for (const std::string& line : lines) {
    if (starts_boot(line)) {
      console = {};
      names_by_hint = false;
    }
    console.seen = console.seen || starts_boot(line) || contains(line, "systemd[1]: ") ||
                   contains(line, "[  OK  ]") || contains(line, "[FAILED]");
    if (const auto started = after(line, "Started ")) {
      std::erase(console.failed, unit_of(*started));
    }
    console.emergency = console.emergency || contains(line, "You are in emergency mode") ||
                        contains(line, "Reached target emergency.target");
    read_failure(line, console, names_by_hint);
    if (std::string job = job_in_progress(line); !job.empty()) {
      console.waiting_for = std::move(job);
      console.seen = true;
    }
    if (ends_boot(line)) {
      console.booted = true;
    }
  }
  if (console.booted) {
    console.waiting_for.clear();
  }
  return console;
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 4;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    const bool last = i + 1 == names.size() && i > 0;
    out += (i == 0 ? "" : last ? " and " : ", ") + names[i];
  }
  if (names.size() > kShown) {
    out += " and " + std::to_string(names.size() - kShown) + " more";
  }
  return out;
}

SystemdState systemd_state(const Evidence& evidence) {
  const Console console = read_console(clean_lines(evidence.log_tail));
  const bool running = evidence.phase == "Running" && evidence.waiting_reason.empty();
  if (!running) {
    return {};
  }
  if (evidence.ready && evidence.ready_means_running) {
    return {.state = "running"};
  }
  // Once ready, what a probe had to complain of is over.
  if (const auto report = evidence.ready ? std::nullopt : probe_report(evidence.events)) {
    SystemdState state{.state = report->state, .failed_units = report->failed};
    state.waiting_for = report->waiting_for.empty() ? "" : joined(report->waiting_for);
    if (state.failed_units.empty() && state.state == "degraded") {
      state.failed_units = console.failed;
    }
    return state;
  }
  if (console.booted || evidence.ready) {
    return {.state = console.failed.empty() ? "running" : "degraded",
            .failed_units = console.failed};
  }
  return {.state = console.seen ? "starting" : "",
          .failed_units = console.failed,
          .waiting_for = console.waiting_for};
}

}  // namespace swo::diagnose
