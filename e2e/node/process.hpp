// Child processes by posix_spawn: safe in a program with many threads, and what a child inherits is
// only what is named here. Thread-safe: no state is shared between calls.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "node/fd.hpp"

namespace node {

struct Spawn {
  std::vector<std::string> argv;                         // argv[0] is looked up in PATH
  std::vector<std::pair<std::string, std::string>> env;  // added to ours
  // The child's descriptor ← ours. 0 is /dev/null and 1 and 2 are shared with us unless named.
  std::vector<std::pair<int, int>> fds;
};

// Starts the program in a process group of its own. Throws std::system_error when it cannot be
// started.
pid_t spawn(const Spawn& what);

// Waits for our child and returns its exit code, 128 + N when signal N ended it.
int wait_for(pid_t child);

// A pipe, both ends closed on exec: {read, write}.
std::pair<Fd, Fd> make_pipe();

struct Finished {
  int exit_code = 0;
  std::string output;  // stdout and stderr
  bool timed_out = false;
};

// Runs to the end, or kills the whole process group when `limit` is over. Output of background
// processes that outlive the program is not waited for.
Finished run(const std::vector<std::string>& argv,
             std::chrono::milliseconds limit = std::chrono::minutes(2));

// run(), but anything else than exit code 0 is thrown as std::runtime_error with what the program
// said.
std::string run_or_throw(const std::vector<std::string>& argv);

}  // namespace node
