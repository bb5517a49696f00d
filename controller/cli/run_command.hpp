// `systemd-workload-operator run`: the operator as a process.
//
// Stops cleanly on SIGTERM and SIGINT, in this order: workers finish what they are at, Events are
// sent, the lease is given back, connections end. A server that cannot be reached, a missing CRD
// and missing rights are told in one line each and tried again; a broken kubeconfig ends the
// process with 2.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "cli/connection.hpp"
#include "platform/strategy.hpp"
#include "platform/tls_profile.hpp"
#include "runtime/lease.hpp"

namespace swo::cli {

struct RunOptions {
  Connection connection;
  // Empty: all. Also from WATCH_NAMESPACE, separated by commas, as OLM sets it.
  std::vector<std::string> namespaces;
  int workers = 4;
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
  bool machine_config_cleanup = false;
  bool leader_elect = true;
  std::string lease_namespace;  // "" = the Pod's, or the kubeconfig context's
  std::string lease_name = "systemd-workload-operator";
  runtime::LeaseTimes lease;
  std::string health_address = ":8081";
  std::string metrics_address = "127.0.0.1:8080";  // plain HTTP
  std::string metrics_secure_address;              // HTTPS, for whom the cluster lets; "" = nowhere
  std::string metrics_cert_dir;                    // tls.crt and tls.key
  platform::TlsFlags tls;                          // in place of what the cluster asks for
  std::string log_format = "logfmt";               // logfmt | json
  std::string log_level = "info";
};

int run_command(const RunOptions& options, std::ostream& err);

}  // namespace swo::cli
