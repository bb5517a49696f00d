// The program's command line: run, render, diagnose, version.
#pragma once

namespace swo::cli {

// Exit status: 0 done, 1 failed, 2 the command line or a file it names is wrong.
int main(int argc, char** argv);

}  // namespace swo::cli
