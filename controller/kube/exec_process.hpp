// Runs one program to its end and takes its output; for credential plugins.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "kube/result.hpp"

namespace swo::kube {

struct ProgramOutput {
  int exit_code = 0;  // 128 + the signal that ended it
  std::string out;    // at most a megabyte
  std::string err;    // its beginning
};

// Looks `argv[0]` up in PATH when it holds no slash. `extra_environment` ("NAME=value") is added to
// ours and wins. No standard input. Kills the program, with its children, at the limit. Blocks;
// thread-safe. Errors: kConfig.
Result<ProgramOutput> run_program(const std::vector<std::string>& argv,
                                  const std::vector<std::string>& extra_environment,
                                  std::chrono::milliseconds limit);

}  // namespace swo::kube
