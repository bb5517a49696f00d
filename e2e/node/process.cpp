#include "node/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace node {
namespace {

constexpr int kSignalBase = 128;  // as shells report a death by signal

std::system_error failure(const std::string& what, int error = errno) {
  return {error, std::generic_category(), what};
}

// The same process as `pid`, even once the number is reused.
Fd pidfd(pid_t pid) {
  Fd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) throw failure("pidfd_open");
  return fd;
}

class FileActions {
 public:
  explicit FileActions(const std::vector<std::pair<int, int>>& fds) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    int highest = STDERR_FILENO, highest_ours = highest;
    for (const auto& [child, ours] : fds) {
      highest = std::max(highest, child);
      highest_ours = std::max(highest_ours, ours);
    }
    // In two steps, so that no target overwrites a source that is still wanted.
    const int first_parked = std::max(highest, highest_ours) + 1;
    int parked = first_parked;
    for (const auto& [child, ours] : fds)
      posix_spawn_file_actions_adddup2(&actions_, ours, parked++);
    parked = first_parked;
    for (const auto& [child, ours] : fds)
      posix_spawn_file_actions_adddup2(&actions_, parked++, child);
    // Not every library that opens a descriptor has it closed on exec: Boost.Asio has not.
    posix_spawn_file_actions_addclosefrom_np(&actions_, highest + 1);
  }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Own process group, no blocked signals, and the default answer to SIGPIPE, which servers ignore.
class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

// Appends what can be read now; false at the end.
bool drain(int fd, std::string& into) {
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(n));
    } else if (n == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
}

}  // namespace

pid_t spawn(const Spawn& what) {
  std::vector<std::string> argv = what.argv;
  std::vector<std::string> env;
  for (char** e = environ; *e != nullptr; ++e) env.emplace_back(*e);
  for (const auto& [name, value] : what.env) env.push_back(name + "=" + value);
  const FileActions actions(what.fds);
  const Attributes attributes;
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv.at(0).c_str(), actions.get(), attributes.get(),
                                 pointers(argv).data(), pointers(env).data());
  if (error != 0) throw failure("start " + what.argv[0], error);
  return pid;
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw failure("waitpid");
  }
  return WIFSIGNALED(status) ? kSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
}

std::pair<Fd, Fd> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw failure("pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

Finished run(const std::vector<std::string>& argv, std::chrono::milliseconds limit) {
  auto [out, in] = make_pipe();
  fcntl(out.get(), F_SETFL, O_NONBLOCK);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const pid_t child = spawn({.argv = argv, .env = {}, .fds = {{1, in.get()}, {2, in.get()}}});
  in.reset();
  const Fd ended = pidfd(child);
  Finished result;
  std::array<pollfd, 2> waiting{pollfd{ended.get(), POLLIN, 0}, pollfd{out.get(), POLLIN, 0}};
  while ((waiting[0].revents & POLLIN) == 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      result.timed_out = true;
      kill(-child, SIGKILL);
      break;
    }
    if (poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) < 0) continue;
    if (waiting[1].revents != 0 && !drain(out.get(), result.output)) waiting[1].fd = -1;
  }
  result.exit_code = wait_for(child);
  drain(out.get(), result.output);
  return result;
}

std::string run_or_throw(const std::vector<std::string>& argv) {
  Finished done = run(argv);
  if (done.exit_code == 0) return std::move(done.output);
  std::string line;
  for (const std::string& word : argv) line += word + " ";
  throw std::runtime_error(line + "failed (" + std::to_string(done.exit_code) +
                           "): " + done.output);
}

}  // namespace node
