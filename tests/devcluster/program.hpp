// The devcluster program, run beside a test that needs the real one.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "files/child.hpp"

namespace devcluster {

// Runs it with its output in a pipe; ends it when destroyed.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), path());
    int ends[2] = {};
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    output_ = fdopen(ends[0], "r");
    child_.emplace(std::move(arguments), ends[1]);
    close(ends[1]);
  }
  ~Program() {
    child_.reset();
    if (output_ != nullptr) std::fclose(output_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  static std::string path() { return SWO_BINARY_DIR "/e2e/devcluster"; }

  // Output up to and with the line that has `text`, or its end.
  std::string read_until(const std::string& text) {
    std::string all;
    char line[4096];
    while (output_ != nullptr && std::fgets(line, sizeof line, output_) != nullptr) {
      all += line;
      if (!text.empty() && std::string(line).find(text) != std::string::npos) break;
    }
    return all;
  }
  int stop(int signal) { return child_->stop(signal); }
  int wait() { return child_->wait(); }

 private:
  std::optional<swo::test::Child> child_;
  FILE* output_ = nullptr;
};

}  // namespace devcluster
