// The program's command line: run, render, diagnose, version; or, by the name that it is called by,
// the plugin's (cli/plugin.hpp).
#pragma once

#include <iosfwd>

namespace swo::cli {

// Exit status: 0 done, 1 failed, 2 the command line or a file it names is wrong.
int main(int argc, char** argv);

// What a command ends with that has ended with `status` and has printed to `out`: not 0 where that
// could not be written, which is told on `err`.
int end_of_output(int status, std::ostream& out, std::ostream& err);

}  // namespace swo::cli
