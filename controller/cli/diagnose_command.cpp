#include "cli/diagnose_command.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "api/json_read.hpp"
#include "cli/exit_status.hpp"
#include "diagnose/diagnose.hpp"
#include "kube/client.hpp"
#include "platform/collector.hpp"
#include "reconcile/observe.hpp"
#include "reconcile/plan.hpp"
#include "reconcile/types.hpp"
#include "reconcile/world.hpp"

namespace swo::cli {
namespace {

constexpr int kWell = 0;
constexpr int kTrouble = 1;
// A list that failed is not tried for ever.
constexpr int kListAttempts = 5;

int judge_log(const std::string& file, std::ostream& out, std::ostream& err) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    if (!opened || std::filesystem::is_directory(file)) {
      err << "--log: cannot read \"" << file
          << "\": give a file that exists, or - for standard input\n";
      return kBadUsage;
    }
  }
  std::istream& stream = file == "-" ? std::cin : opened;
  const std::string log{std::istreambuf_iterator<char>(stream), {}};
  const auto diagnosis = diagnose::diagnose_log(log);
  if (!diagnosis) {
    out << "nothing in this log is known to keep systemd from running\n";
    return kWell;
  }
  out << diagnosis->reason << "\n  cause     " << diagnosis->cause << "\n  seen      "
      << diagnosis->evidence << "\n  to do     " << diagnosis->remedy << '\n';
  return kTrouble;
}

void tell_platform(const platform::Facts& facts, const platform::Strategy& strategy,
                   std::ostream& out) {
  out << "Platform: " << facts.generation() << ", " << facts.nodes.size() << " nodes\n";
  for (const platform::Reason& reason : strategy.reasons) {
    out << "  " << reason.topic << ": " << reason.text << '\n';
  }
  for (const platform::Blocker& blocker : platform::every_blocker(strategy)) {
    out << "  ! " << blocker.reason << ": " << blocker.message << '\n';
  }
  for (const platform::Blocker& warning : strategy.warnings) {
    out << "  ? " << warning.reason << ": " << warning.message << '\n';
  }
}

void tell_status(const api::Status& status, std::ostream& out) {
  out << "Conditions:\n";
  for (const api::Condition& condition : status.conditions) {
    out << "  " << condition.type << "=" << condition.status << " " << condition.reason << ": "
        << condition.message << '\n';
  }
  out << "Instances: " << status.ready << " ready\n";
  for (const api::InstanceStatus& instance : status.instances) {
    out << "  " << instance.name << " on "
        << (instance.node.empty() ? "no node yet" : instance.node) << ": " << instance.phase
        << (instance.systemd_state.empty() ? "" : ", systemd " + instance.systemd_state)
        << (instance.restarts > 0 ? ", restarts " + std::to_string(instance.restarts) : "")
        << (instance.last_exit.empty() ? "" : ", last " + instance.last_exit) << '\n';
    for (const std::string& unit : instance.failed_units) {
      out << "    failed unit: " << unit << '\n';
    }
    if (!instance.diagnosis.empty()) {
      out << "    " << instance.diagnosis << '\n';
    }
  }
}

// What the operator alone knows, because it has tried: a Pod that is refused, a MachineConfig that
// someone has edited. Of the spec as it is now.
void tell_last_word(const api::Workload& workload, const api::Status& seen, std::ostream& out) {
  std::string told_already;
  for (const api::Condition& told : workload.status.conditions) {
    const auto same = std::find_if(
        seen.conditions.begin(), seen.conditions.end(), [&](const api::Condition& condition) {
          return condition.type == told.type && condition.reason == told.reason;
        });
    const bool bad = told.status == (told.type == "Degraded" ? "True" : "False");
    // Ready and Degraded often say the same.
    if (bad && same == seen.conditions.end() && told.type != "Progressing" &&
        told.observed_generation == workload.generation && told.message != told_already) {
      out << (told_already.empty() ? "The operator has met:\n" : "") << "  " << told.type << "="
          << told.status << " " << told.reason << ": " << told.message << '\n';
      told_already = told.message;
    }
  }
}

// The pieces of the view that this workload's story needs, read once.
std::optional<std::string> fill(reconcile::World& world) {
  for (int attempt = 0; attempt < kListAttempts && !world.synced(); ++attempt) {
    world.step_all(std::chrono::steady_clock::now());
  }
  for (const kube::InformerBase* informer : world.informers()) {
    if (!informer->synced()) {
      const auto error = informer->last_error();
      return std::string(informer->type().plural) +
             (error ? ": " + error->message : std::string(" could not be listed"));
    }
  }
  return std::nullopt;
}

int tell_story(platform::MachineConfigMode mode, const std::string& ns, const std::string& name,
               kube::Client& client, std::ostream& out, std::ostream& err) {
  const auto facts = platform::collect_once(client);
  if (!facts) {
    err << facts.error().message << '\n';
    return kTrouble;
  }
  reconcile::WorldOptions options;
  options.namespaces = {ns};
  options.kinds = {.route = facts->has_route,
                   .http_route = facts->has_gateway,
                   .scc = facts->has_scc,
                   .machine_config = facts->has_machine_config};
  reconcile::World world(client, options);
  if (const auto fault = fill(world)) {
    err << *fault << '\n';
    return kTrouble;
  }
  const auto found = world.workloads.store().get({ns, name});
  if (found == nullptr) {
    err << "there is no SystemdWorkload \"" << name << "\" in namespace \"" << ns << "\"\n";
    return kTrouble;
  }
  const auto parsed = reconcile::workload_of(*found);
  if (const auto* fault = std::get_if<api::FieldError>(&parsed)) {
    out << "InvalidSpec: " << fault->message() << '\n';
    return kTrouble;
  }
  const api::Workload& workload = std::get<api::Workload>(parsed);
  const platform::Strategy strategy = platform::decide(workload, *facts, mode);
  const auto now = std::chrono::system_clock::now();
  reconcile::Observer observer(world, client);
  const reconcile::Observed observed = observer.observe(workload, *facts, strategy, now);
  const reconcile::Memory nothing;
  const reconcile::Plan plan =
      reconcile::plan({workload, observed, nothing, *facts, strategy, now});

  out << "SystemdWorkload " << ns << "/" << name << ": " << plan.status.phase
      << (plan.status.url.empty() ? "" : ", " + plan.status.url) << '\n';
  tell_platform(*facts, strategy, out);
  tell_status(plan.status, out);
  tell_last_word(workload, plan.status, out);
  if (!plan.actions.empty()) {
    out << "The operator has still to:\n";
    for (const reconcile::Action& action : plan.actions) {
      out << "  " << action.describe() << '\n';
    }
  }
  return plan.status.phase == "Running" ? kWell : kTrouble;
}

}  // namespace

int diagnose_command(const DiagnoseOptions& options, std::ostream& out, std::ostream& err) {
  if (!options.log_file.empty()) {
    return judge_log(options.log_file, out, err);
  }
  if (options.name.empty()) {
    err << "name a SystemdWorkload, or a log with --log FILE\n";
    return kBadUsage;
  }
  auto connected = connect(options.connection);
  if (!connected) {
    err << connected.error().message << '\n';
    return kBadUsage;
  }
  kube::Client client(*connected->transport);
  return tell_story(options.machine_config, options.ns.empty() ? connected->ns : options.ns,
                    options.name, client, out, err);
}

}  // namespace swo::cli
