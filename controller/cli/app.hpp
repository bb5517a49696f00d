// The program's command line: run, render, diagnose, version; or, by the name that it is called by,
// the plugin's (cli/plugin.hpp).
#pragma once

namespace swo::cli {

// Exit status: 0 done, 1 failed, 2 the command line or a file it names is wrong.
int main(int argc, char** argv);

}  // namespace swo::cli
