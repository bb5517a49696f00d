#include "cli/app.hpp"

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <system_error>

#include <CLI/CLI.hpp>

#include "cli/diagnose_command.hpp"
#include "cli/exit_status.hpp"
#include "cli/mode_flag.hpp"
#include "cli/paint.hpp"
#include "cli/plugin.hpp"
#include "cli/render_command.hpp"
#include "cli/run_command.hpp"
#include "cli/usage.hpp"

namespace swo::cli {
namespace {

const std::map<std::string, platform::MachineConfigMode> kModes = {
    {"Apply", platform::MachineConfigMode::kApply},
    {"Preview", platform::MachineConfigMode::kPreview},
    {"Off", platform::MachineConfigMode::kOff}};

}  // namespace

// By its names alone: a transformer of CLI11 would show, and take, the numbers behind them too.
CLI::Option* add_mode(CLI::App& command, const std::string& name, platform::MachineConfigMode& mode,
                      const std::string& help) {
  return command
      .add_option_function<std::string>(
          name, [&mode](const std::string& chosen) { mode = kModes.at(chosen); }, help)
      ->transform(CLI::IsMember(&kModes, CLI::ignore_case))
      ->default_str("Apply");
}

namespace {

void add_connection(CLI::App& command, Connection& connection) {
  command.add_option(
      "--kubeconfig", connection.kubeconfig,
      "File that says where the API server is (default: $KUBECONFIG, then in-cluster, "
      "then ~/.kube/config)");
  command.add_option("--context", connection.context,
                     "Context of the kubeconfig (default: its current)");
  command.add_option("--transport", connection.transport, "HTTP client: beast or cpprest")
      ->check(CLI::IsMember({"beast", "cpprest"}))
      ->capture_default_str();
}

void add_seconds(CLI::App& command, const std::string& name, std::chrono::milliseconds& value,
                 const std::string& help) {
  command
      .add_option_function<int>(
          name, [&value](int seconds) { value = std::chrono::seconds(seconds); },
          help + " in seconds (default " + std::to_string(value.count() / 1000) + ")")
      ->check(CLI::PositiveNumber);
}

// What an administrator may want otherwise is a variable as well, --log-level LOG_LEVEL: OLM's
// Subscription sets variables (spec.config.env), and no arguments.
CLI::App* add_run(CLI::App& app, RunOptions& options) {
  CLI::App* run = app.add_subcommand("run", "Reconcile the cluster's SystemdWorkloads");
  // With a callback of its own CLI11 looks at its variables only when it is the command.
  run->parse_complete_callback([] {});
  add_connection(*run, options.connection);
  run->add_option("--watch-namespace", options.namespaces,
                  "Namespaces to serve, separated by commas (default: all)")
      ->delimiter(',')
      ->envname("WATCH_NAMESPACE");
  run->add_option("--workers", options.workers, "Workloads reconciled at the same time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str()
      ->envname("WORKERS");
  add_mode(*run, "--machine-config", options.machine_config,
           "Whether MachineConfigs are written (Apply), shown in the status (Preview), or neither "
           "(Off); writing one reboots the nodes of its pool")
      ->envname("MACHINE_CONFIG");
  run->add_flag("--machine-config-cleanup", options.machine_config_cleanup,
                "Delete a MachineConfig that no workload needs any more; this reboots nodes, too")
      ->check(CLI::IsMember({"true", "false"}))
      ->envname("MACHINE_CONFIG_CLEANUP");
  run->add_flag(
      "--leader-elect,!--no-leader-elect", options.leader_elect,
      "Write only while holding the Lease, so that several replicas can run (default: true)");
  run->add_option("--leader-elect-namespace", options.lease_namespace,
                  "Namespace of the Lease (default: the Pod's own)")
      ->envname("POD_NAMESPACE");
  run->add_option("--leader-elect-name", options.lease_name, "Name of the Lease")
      ->capture_default_str();
  add_seconds(*run, "--leader-elect-lease-duration", options.lease.lease_duration,
              "How long a lease counts that is not renewed");
  add_seconds(*run, "--leader-elect-renew-deadline", options.lease.renew_deadline,
              "How long a leader tries to renew before it gives up");
  add_seconds(*run, "--leader-elect-retry-period", options.lease.retry_period,
              "How often the lease is renewed or asked for");
  run->add_option("--health-address", options.health_address,
                  "Where /healthz, /livez and /readyz are served; empty: nowhere")
      ->capture_default_str();
  run->add_option("--metrics-address", options.metrics_address,
                  "Where /metrics is served as plain HTTP; empty: nowhere")
      ->capture_default_str();
  run->add_option("--metrics-secure-address", options.metrics_secure_address,
                  "Where /metrics is served as HTTPS to those who may \"get\" it (TokenReview, "
                  "SubjectAccessReview), such as :8443; empty: nowhere");
  run->add_option("--metrics-cert-dir", options.metrics_cert_dir,
                  "Folder of tls.crt and tls.key, waited for and read anew when renewed");
  run->add_option("--tls-min-version", options.tls.min_version,
                  "Least version of TLS that is served, in place of the cluster's profile: "
                  "VersionTLS12 or VersionTLS13")
      ->check(CLI::IsMember({"VersionTLS12", "VersionTLS13"}))
      ->envname("TLS_MIN_VERSION");
  run->add_option("--tls-cipher-suites", options.tls.ciphers,
                  "Cipher suites that are served, separated by commas, in place of the cluster's "
                  "profile; by IANA's names or OpenSSL's")
      ->delimiter(',')
      ->envname("TLS_CIPHER_SUITES");
  run->add_option("--log-format", options.log_format, "logfmt or json")
      ->check(CLI::IsMember({"logfmt", "json"}))
      ->capture_default_str()
      ->envname("LOG_FORMAT");
  run->add_option("--log-level", options.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str()
      ->envname("LOG_LEVEL");
  return run;
}

CLI::App* add_render(CLI::App& app, RenderOptions& options) {
  CLI::App* render = app.add_subcommand(
      "render",
      "Print what would be applied for a workload, without a cluster, for kubectl apply -f -");
  render->add_option("-f,--filename", options.file, "Manifest; - is standard input")
      ->capture_default_str();
  render->add_option("--cluster", options.cluster, "Generation of the platform")
      ->check(CLI::IsMember(platform::well_known_generations()))
      ->capture_default_str();
  render->add_option("-n,--namespace", options.ns, "Namespace of documents that name none");
  add_mode(*render, "--machine-config", options.machine_config,
           "What the operator does about the nodes");
  render->add_flag("--explain", options.explain, "Say why, as comments on top");
  return render;
}

CLI::App* add_diagnose(CLI::App& app, DiagnoseOptions& options) {
  CLI::App* diagnose = app.add_subcommand(
      "diagnose", "Tell the whole story of one workload: platform, objects, instances, what to do");
  add_connection(*diagnose, options.connection);
  diagnose->add_option("name", options.name, "SystemdWorkload");
  diagnose->add_option("-n,--namespace", options.ns, "Its namespace (default: the context's)");
  add_mode(*diagnose, "--machine-config", options.machine_config, "As the operator runs");
  diagnose->add_option("--log", options.log_file,
                       "Judge a saved console log instead, without a cluster; - is standard input");
  return diagnose;
}

int dispatch(int argc, char** argv) {
  const std::string name = std::filesystem::path(argc > 0 ? argv[0] : "").filename();
  if (name == kPluginName) {
    return plugin_main(argc, argv, std::cout, std::cerr);
  }
  if (name == kCompletionName) {
    return plugin_complete(argc, argv, std::cout);
  }
  CLI::App app(
      "Runs unmodified systemd applications in unprivileged containers on OpenShift and Kubernetes",
      "systemd-workload-operator");
  app.require_subcommand(1);
  RunOptions run_options;
  RenderOptions render_options;
  DiagnoseOptions diagnose_options;
  const CLI::App* run = add_run(app, run_options);
  const CLI::App* render = add_render(app, render_options);
  const CLI::App* diagnose = add_diagnose(app, diagnose_options);
  const CLI::App* version = app.add_subcommand("version", "Print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return end_of_parsing(app, error, std::cout, std::cerr);
  }
  if (run->parsed()) {
    return run_command(run_options, std::cerr);
  }
  if (render->parsed()) {
    return render_command(render_options, std::cout, std::cerr);
  }
  if (diagnose->parsed()) {
    return diagnose_command(diagnose_options, std::cout, std::cerr);
  }
  if (version->parsed()) {
    std::cout << "systemd-workload-operator " << SWO_VERSION << '\n';
  }
  return kDone;
}

}  // namespace

int end_of_output(int status, std::ostream& out, std::ostream& err) {
  errno = 0;
  if (out.flush()) {
    return status;
  }
  err << "the output could not be written"
      << (errno != 0 ? ": " + std::generic_category().message(errno) : "") << '\n';
  return status == kDone ? kFailed : status;
}

int main(int argc, char** argv) {
  try {
    return end_of_output(dispatch(argc, argv), std::cout, std::cerr);
  } catch (const std::exception& error) {
    std::cerr << "stopped by a fault of this program: " << printable(error.what()) << '\n';
    return kFailed;
  }
}

}  // namespace swo::cli
