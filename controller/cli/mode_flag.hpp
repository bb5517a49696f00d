// --machine-config, as each command has it.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "platform/strategy.hpp"

namespace swo::cli {

// Apply, Preview or Off into `mode`.
CLI::Option* add_mode(CLI::App& command, const std::string& name, platform::MachineConfigMode& mode,
                      const std::string& help);

}  // namespace swo::cli
