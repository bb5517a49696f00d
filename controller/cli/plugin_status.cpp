#include "cli/plugin_status.hpp"

#include <algorithm>
#include <chrono>

#include <boost/algorithm/string/join.hpp>

namespace swo::cli {
namespace {

using Row = std::vector<Cell>;

bool in(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

const api::Condition* condition(const api::Status& status, std::string_view type) {
  const auto found = std::find_if(status.conditions.begin(), status.conditions.end(),
                                  [&](const api::Condition& c) { return c.type == type; });
  return found == status.conditions.end() ? nullptr : &*found;
}

bool holds(const api::Status& status, std::string_view type) {
  const api::Condition* found = condition(status, type);
  return found != nullptr && found->status == "True";
}

// A state that is wanted, one that passes, or one that somebody has to end.
Colour colour_of(const api::Status& status) {
  const api::Condition* ready = condition(status, "Ready");
  if (ready == nullptr) {
    return Colour::kWait;
  }
  if (ready->status == "True" || in(ready->reason, {"Hibernated", "Paused", "ScaledToZero"})) {
    return Colour::kGood;
  }
  return holds(status, "Degraded") || ready->reason == "InvalidSpec" ? Colour::kBad : Colour::kWait;
}

Colour colour_of_systemd(const std::string& state) {
  if (state == "running") {
    return Colour::kGood;
  }
  return in(state, {"degraded", "maintenance", "offline"}) ? Colour::kBad : Colour::kWait;
}

// Degraded is bad when it is true, the others when they are not.
Colour colour_of_condition(const api::Condition& condition) {
  if (condition.status == "Unknown") {
    return Colour::kWait;
  }
  const bool truth = condition.status == "True";
  if (condition.type == "Degraded") {
    return truth ? Colour::kBad : Colour::kGood;
  }
  if (condition.type == "Progressing") {
    return truth ? Colour::kWait : Colour::kNone;
  }
  return truth ? Colour::kGood : Colour::kBad;
}

Row heading(std::initializer_list<std::string_view> names) {
  Row row;
  for (const std::string_view name : names) {
    row.push_back({std::string(name), Colour::kFaint});
  }
  return row;
}

Cell said(const std::string& text, Colour colour = Colour::kNone) {
  return {text.empty() ? "-" : printable(text), colour};
}

std::string wishes_text(const api::Spec& spec) {
  std::string text = std::to_string(spec.replicas) + " wanted";
  text += spec.hibernate ? ", hibernating" : "";
  text += spec.paused ? ", paused: no change is acted upon" : "";
  return text;
}

std::string instances_text(const api::Workload& workload, const Paint& paint) {
  const api::Status& status = workload.status;
  const Colour trouble = holds(status, "Degraded") ? Colour::kBad : Colour::kWait;
  std::string text;
  std::vector<Row> rows = {
      heading({"INSTANCE", "READY", "PHASE", "SYSTEMD", "RESTARTS", "NODE", "UPDATED"})};
  for (const api::InstanceStatus& instance : status.instances) {
    const bool current = instance.revision == status.update_revision;
    rows.push_back({said(instance.name),
                    instance.ready ? Cell{"yes", Colour::kGood} : Cell{"no", trouble},
                    said(instance.phase),
                    said(instance.systemd_state, colour_of_systemd(instance.systemd_state)),
                    {std::to_string(instance.restarts)},
                    said(instance.node),
                    {current ? "yes" : "no"}});
  }
  text += "\n" + paint.table(rows, "  ");
  for (const api::InstanceStatus& instance : status.instances) {
    for (const std::string& unit : instance.failed_units) {
      text += "  " + printable(instance.name) + ": " +
              paint({"unit " + printable(unit) + " has failed", Colour::kBad}) + '\n';
    }
    if (!instance.last_exit.empty()) {
      text += "  " + printable(instance.name) + ": its last run ended with " +
              printable(instance.last_exit) + '\n';
    }
    if (!instance.diagnosis.empty()) {
      text += "  " + printable(instance.name) + ": " +
              paint({printable(instance.diagnosis), trouble}) + '\n';
    }
  }
  return text;
}

std::string conditions_text(const api::Status& status, runtime::WallTime now, const Paint& paint) {
  std::vector<Row> rows = {heading({"CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"})};
  for (const api::Condition& condition : status.conditions) {
    rows.push_back({said(condition.type),
                    said(condition.status, colour_of_condition(condition)),
                    {age_text(condition.last_transition_time, now)},
                    said(condition.reason),
                    said(condition.message)});
  }
  return "\n" + paint.table(rows, "  ");
}

}  // namespace

std::string platform_text(const api::PlatformStatus& platform) {
  std::string text = platform.generation;
  if (!platform.cgroups.empty()) {
    text += ", cgroups " + platform.cgroups;
  }
  if (!platform.user_namespaces.empty()) {
    text += ", user namespaces by " + platform.user_namespaces;
  }
  return text;
}

std::string age_text(const std::string& since, runtime::WallTime now) {
  const auto start = runtime::parse_rfc3339(since);
  if (!start) {
    return "";
  }
  using std::chrono::seconds;
  const auto passed =
      std::max<std::int64_t>(0, std::chrono::duration_cast<seconds>(now - *start).count());
  struct Unit {
    std::int64_t seconds;
    char letter;
  };
  for (const Unit unit : {Unit{86'400, 'd'}, Unit{3600, 'h'}, Unit{60, 'm'}}) {
    // k8s.io/apimachinery's HumanDuration goes on to the next unit at twice its size.
    if (passed >= 2 * unit.seconds) {
      return std::to_string(passed / unit.seconds) + unit.letter;
    }
  }
  return std::to_string(passed) + 's';
}

bool is_well(const api::Workload& workload) { return colour_of(workload.status) == Colour::kGood; }

std::string status_text(const api::Workload& workload, runtime::WallTime now, const Paint& paint) {
  const api::Status& status = workload.status;
  const auto name = [](std::string text) { return Cell{std::move(text), Colour::kFaint}; };
  std::vector<Row> rows = {
      {name("Status"),
       said(status.phase.empty() ? "Unknown: no operator has seen it yet" : status.phase,
            colour_of(status))},
      {name("Instances"),
       {(status.ready.empty() ? "0/" + std::to_string(workload.spec.replicas)
                              : printable(status.ready)) +
        " ready, " + std::to_string(status.updated_replicas) + " up to date; " +
        wishes_text(workload.spec)}},
      {name("Image"), said(workload.spec.image)}};
  if (!status.url.empty()) {
    rows.push_back({name("URL"), said(status.url)});
  }
  if (!status.addresses.empty()) {
    rows.push_back({name("Addresses"), said(boost::algorithm::join(status.addresses, ", "))});
  }
  if (!status.platform.generation.empty()) {
    rows.push_back({name("Platform"), said(platform_text(status.platform))});
  }
  rows.push_back({name("Age"), said(age_text(workload.creation_timestamp, now))});

  std::string text =
      paint({"SystemdWorkload " + workload.ns + "/" + workload.name, Colour::kBold}) + '\n' +
      paint.table(rows, "  ");
  if (status.observed_generation != 0 && status.observed_generation != workload.generation) {
    text +=
        paint({"  This is of an earlier version of the spec: the operator has not seen the "
               "latest change yet.\n",
               Colour::kWait});
  }
  if (!status.instances.empty()) {
    text += instances_text(workload, paint);
  }
  if (!status.conditions.empty()) {
    text += conditions_text(status, now, paint);
  }
  return text;
}

std::string list_text(const std::vector<api::Workload>& workloads, bool all, runtime::WallTime now,
                      const Paint& paint) {
  std::vector<Row> rows = {heading({"NAME", "READY", "STATUS", "SYSTEMD", "URL", "AGE"})};
  for (const api::Workload& workload : workloads) {
    const api::Status& status = workload.status;
    rows.push_back({said(workload.name), said(status.ready), said(status.phase, colour_of(status)),
                    said(status.systemd, colour_of_systemd(status.systemd)), said(status.url),
                    said(age_text(workload.creation_timestamp, now))});
  }
  if (all) {
    rows.front().insert(rows.front().begin(), {"NAMESPACE", Colour::kFaint});
    for (std::size_t i = 0; i < workloads.size(); ++i) {
      rows[i + 1].insert(rows[i + 1].begin(), said(workloads[i].ns));
    }
  }
  return paint.table(rows, "");
}

}  // namespace swo::cli
