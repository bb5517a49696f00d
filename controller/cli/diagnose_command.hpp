// `systemd-workload-operator diagnose`: why one workload does not run, and what to do; or what a
// saved log says.
#pragma once

#include <iosfwd>
#include <string>

#include "cli/connection.hpp"
#include "platform/strategy.hpp"

namespace swo::cli {

struct DiagnoseOptions {
  Connection connection;
  std::string name;
  std::string ns;
  std::string log_file;  // judge this instead of a workload
  // As the operator runs.
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
};

// 0: nothing is wrong; 1: something is (told on `out`), or it could not be read (told on `err`); 2:
// bad usage.
int diagnose_command(const DiagnoseOptions& options, std::ostream& out, std::ostream& err);

}  // namespace swo::cli
