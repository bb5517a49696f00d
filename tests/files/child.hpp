// A program that runs beside a test.
#pragma once

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace swo::test {

// Killed when destroyed. Not thread-safe.
class Child {
 public:
  // What it says goes to `output`, a descriptor, which stays the caller's. The first argument is
  // the program's path; std::runtime_error naming it when it cannot be started.
  Child(std::vector<std::string> arguments, int output) { start(std::move(arguments), output); }
  // … is appended to the file `log`.
  Child(std::vector<std::string> arguments, const std::string& log) {
    const int file =
        open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) {
      throw std::runtime_error("cannot write to " + log + ": " + text_of(errno));
    }
    try {
      start(std::move(arguments), file);
    } catch (...) {
      close(file);
      throw;
    }
    close(file);
  }
  ~Child() {
    if (pid_ > 0) stop(SIGKILL);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Its exit status, or 128 and the signal that ended it.
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int stop(int signal) {
    kill(pid_, signal);
    return wait();
  }
  bool ended() {
    if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
    return pid_ == 0;
  }

 private:
  static std::string text_of(int error) { return std::generic_category().message(error); }

  void start(std::vector<std::string> arguments, int output) {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      pid_ = 0;
      throw std::runtime_error("cannot start " + arguments.front() + ": " + text_of(error));
    }
  }

  pid_t pid_ = 0;
};

}  // namespace swo::test
