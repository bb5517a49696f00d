// What both programs say of a command line that they cannot use. Stateless.
#pragma once

#include <ostream>

#include <CLI/CLI.hpp>

namespace swo::cli {

// Prints the help that was asked for, or what is wrong and how it is right. The exit status: 0 for
// help, 2 for bad usage.
int end_of_parsing(const CLI::App& app, const CLI::ParseError& error, std::ostream& out,
                   std::ostream& err);

}  // namespace swo::cli
