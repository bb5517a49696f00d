#include "cli/plugin.hpp"

#include <iostream>
#include <span>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "api/json_read.hpp"
#include "cli/connection.hpp"
#include "cli/diagnose_command.hpp"
#include "cli/exit_status.hpp"
#include "cli/mode_flag.hpp"
#include "cli/paint.hpp"
#include "cli/plugin_commands.hpp"
#include "cli/plugin_completion.hpp"
#include "cli/usage.hpp"
#include "kube/projection.hpp"
#include "reconcile/types.hpp"

namespace swo::cli {
namespace {

// Cobra's ShellCompDirectiveNoFileComp: files are never meant.
constexpr const char* kNoFiles = ":4";

struct Options {
  Connection connection;
  std::string ns;
  std::string name;
  bool all_namespaces = false;
  LogRequest log;
  bool journal = false;
  std::string unit;
  std::string shell = "bash";
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
};

CLI::App* add_named(CLI::App& app, const std::string& command, Options& options,
                    const std::string& help) {
  CLI::App* made = app.add_subcommand(command, help);
  made->add_option("name", options.name, "SystemdWorkload")->required();
  return made;
}

void add_logs(CLI::App& app, Options& options) {
  CLI::App* logs = add_named(app, "logs", options, "Print the console or journal of an instance");
  logs->add_option("-i,--instance", options.log.instance, "Ordinal or name (default: 0)");
  logs->add_option("--tail", options.log.tail, "Lines at the end; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  logs->add_flag("-f,--follow", options.log.follow, "Go on printing what comes");
  auto* previous =
      logs->add_flag("-p,--previous", options.log.previous, "Of the run before the last restart");
  auto* journal = logs->add_flag("-j,--journal", options.journal,
                                 "The journal inside the instance, by kubectl exec; needs an "
                                 "instance that runs, and the right to exec");
  auto* unit = logs->add_option("-u,--unit", options.unit, "Of this unit's journal alone");
  previous->excludes(journal)->excludes(unit);
}

void add_commands(CLI::App& app, Options& options) {
  add_named(app, "status", options, "Show one workload with its instances and conditions");
  app.add_subcommand("list", "Show the workloads of a namespace")
      ->add_flag("-A,--all-namespaces", options.all_namespaces, "Of every namespace");
  CLI::App* diagnose = add_named(app, "diagnose", options, "Tell the whole story, and what to do");
  add_mode(*diagnose, "--machine-config", options.machine_config, "As the operator runs");
  add_logs(app, options);
  add_named(app, "restart", options, "Restart the instances, one after the other");
  add_named(app, "pause", options, "Leave everything as it is, whatever changes");
  add_named(app, "resume", options, "End the pause");
  add_named(app, "hibernate", options, "Shut the instances down; storage, Service and Route stay");
  add_named(app, "wake", options, "Start the instances of a hibernating workload");
  app.add_subcommand("completion", "Print a completion script")
      ->add_option("shell", options.shell, "bash")
      ->check(CLI::IsMember({"bash"}))
      ->capture_default_str();
  app.add_subcommand("version", "Print the version");
}

// kubectl takes this process's place, with its terminal and its exit status.
int run_journal(const Options& options, const std::string& ns, std::ostream& err) {
  JournalRequest request;
  request.ns = ns;
  request.unit = options.unit;
  request.follow = options.log.follow;
  request.tail = options.log.tail;
  if (!options.connection.context.empty()) {
    request.connection.insert(request.connection.end(), {"--context", options.connection.context});
  }
  if (!options.connection.kubeconfig.empty()) {
    request.connection.insert(request.connection.end(),
                              {"--kubeconfig", options.connection.kubeconfig});
  }
  const auto instance = instance_name(options.name, options.log.instance, err);
  if (!instance) {
    return kBadUsage;
  }
  request.instance = *instance;
  std::vector<std::string> command = journal_command(request);
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (std::string& word : command) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  err << "kubectl could not be started: is it in the PATH?\n";
  return kFailed;
}

int run(const std::string& command, Options& options, std::ostream& out, std::ostream& err) {
  if (command == "completion") {
    out << bash_completion();
    return kDone;
  }
  if (command == "version") {
    out << kPluginName << ' ' << SWO_VERSION << '\n';
    return kDone;
  }
  if (command == "diagnose") {
    DiagnoseOptions diagnose;
    diagnose.connection = options.connection;
    diagnose.name = options.name;
    diagnose.ns = options.ns;
    diagnose.machine_config = options.machine_config;
    return diagnose_command(diagnose, out, err);
  }
  const auto connected = connect(options.connection);
  if (!connected) {
    err << printable(connected.error().message) << '\n';
    return kBadUsage;
  }
  const std::string ns = options.ns.empty() ? connected->ns : options.ns;
  if (command == "logs" && (options.journal || !options.unit.empty())) {
    return run_journal(options, ns, err);
  }
  kube::Client client(*connected->transport);
  const PluginContext context{
      client, ns, out, err, Paint(wants_colour(STDOUT_FILENO)), isatty(STDOUT_FILENO) == 1};
  if (command == "status") {
    return plugin_status(context, options.name);
  }
  if (command == "list") {
    return plugin_list(context, options.all_namespaces);
  }
  if (command == "logs") {
    options.log.name = options.name;
    return plugin_logs(context, options.log);
  }
  return plugin_change(context, options.name,
                       command == "restart"     ? Change::kRestart
                       : command == "pause"     ? Change::kPause
                       : command == "resume"    ? Change::kResume
                       : command == "hibernate" ? Change::kHibernate
                                                : Change::kWake);
}

// For a completion: whatever goes wrong, nothing is offered.
std::vector<std::string> workload_names(const NamesWanted& wanted) {
  std::vector<std::string> names;
  const auto connected =
      connect({.kubeconfig = wanted.kubeconfig, .context = wanted.context, .transport = "beast"});
  if (!connected) {
    return names;
  }
  kube::Client client(*connected->transport);
  const auto page = client.list_page(reconcile::types::kWorkload,
                                     wanted.ns.empty() ? connected->ns : wanted.ns, {});
  if (page) {
    // NOLINTNEXTLINE(bugprone-unused-return-value): what could be read is offered
    static_cast<void>(kube::project_list(*page, kube::FieldMask({}), [&](Json&& item) {
      names.push_back(text(at(item, "metadata", "name")));
    }));
  }
  return names;
}

}  // namespace

int plugin_complete(int argc, char** argv, std::ostream& out) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  const std::vector<std::string> words(arguments.begin() + 1, arguments.end());
  for (const std::string& word : complete(words, workload_names)) {
    out << word << '\n';
  }
  out << kNoFiles << '\n';
  return kDone;
}

int plugin_main(int argc, char** argv, std::ostream& out, std::ostream& err) {
  if (argc > 1 && std::string_view(argv[1]) == "__complete") {
    return plugin_complete(argc - 1, argv + 1, out);
  }
  CLI::App app("Shows and steers SystemdWorkloads", "kubectl sdw");
  app.require_subcommand(1);
  app.fallthrough();  // flags may stand before and after the subcommand
  app.footer(
      "Examples:\n"
      "  kubectl sdw list -A\n"
      "  kubectl sdw status nginx -n demo\n"
      "  kubectl sdw logs nginx --unit nginx.service --follow\n"
      "Exit status: 0 done, and of status and diagnose: the workload is well; 1 not; 2 bad "
      "usage.\n"
      "Colours: on a terminal, unless NO_COLOR is set.");
  Options options;
  app.add_option("-n,--namespace", options.ns, "Namespace (default: the context's)");
  app.add_option("--context", options.connection.context,
                 "Context of the kubeconfig (default: its current)");
  app.add_option("--kubeconfig", options.connection.kubeconfig,
                 "File that says where the API server is (default: $KUBECONFIG, ~/.kube/config)");
  add_commands(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return end_of_parsing(app, error, out, err);
  }
  return run(app.get_subcommands().front()->get_name(), options, out, err);
}

}  // namespace swo::cli
