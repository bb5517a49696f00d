// A command as a person would type it. Blocks until it ends.
#pragma once

#include <cstdio>
#include <string>

#include <sys/wait.h>

namespace swo::test {

struct Output {
  int exit = -1;     // -1: it could not be started, or was killed
  std::string text;  // standard output and error
};

inline Output sh(const std::string& command) {
  Output output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  for (std::size_t size = 0; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.text.append(buffer, size);
  }
  const int status = pclose(pipe);
  output.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

}  // namespace swo::test
