#include "kube/exec_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kube/transport_common.hpp"

namespace swo::kube {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxOut = 1024UL * 1024;
constexpr std::size_t kMaxErr = 4096;

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) ends = {-1, -1};
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(std::size_t end) {
    if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
  }
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_with(const std::vector<std::string>& extra) {
  std::vector<std::string> out = extra;
  for (char** it = environ; *it != nullptr; ++it) {
    const std::string_view entry = *it;
    const std::string_view name = entry.substr(0, entry.find('=') + 1);
    const bool replaced = std::any_of(extra.begin(), extra.end(),
                                      [&](const std::string& e) { return e.starts_with(name); });
    if (!replaced) out.emplace_back(entry);
  }
  return out;
}

// Takes in what is there; false at the end. What goes beyond `most` is read and dropped.
bool take(int fd, std::string& into, std::size_t most) {
  std::array<char, 4096> block{};
  const auto got = ::read(fd, block.data(), block.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  into.append(block.data(),
              std::min(static_cast<std::size_t>(got), most - std::min(most, into.size())));
  return true;
}

// Reads both pipes until they end. False at the deadline.
bool read_all(Pipe& out, Pipe& err, ProgramOutput& into, Clock::time_point deadline) {
  while (out.ends[0] >= 0 || err.ends[0] >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    std::array<pollfd, 2> fds{pollfd{out.ends[0], POLLIN, 0}, pollfd{err.ends[0], POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) <= 0) continue;
    if (fds[0].revents != 0 && !take(out.ends[0], into.out, kMaxOut)) out.close_end(0);
    if (fds[1].revents != 0 && !take(err.ends[0], into.err, kMaxErr)) err.close_end(0);
  }
  return true;
}

// Waits for the end of a program that has closed its outputs already. False at the deadline.
bool ended(pid_t child, Clock::time_point deadline) {
  // glibc 2.36 declares pidfd_open() without extern "C".
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  if (fd < 0) return true;  // a kernel before 5.3: waitpid() then waits without limit
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd waited{fd, POLLIN, 0};
  const int ready = ::poll(&waited, 1, std::max(0, static_cast<int>(left.count())));
  ::close(fd);
  return ready != 0;
}

}  // namespace

Result<ProgramOutput> run_program(const std::vector<std::string>& argv,
                                  const std::vector<std::string>& extra_environment,
                                  std::chrono::milliseconds limit) {
  const auto fail = [&](const std::string& why) {
    return make_error(ErrorKind::kConfig, argv.front() + ": " + why);
  };
  Pipe out;
  Pipe err;
  if (out.ends[0] < 0 || err.ends[0] < 0) return fail(std::generic_category().message(errno));
  posix_spawn_file_actions_t files{};
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err.ends[1], STDERR_FILENO);
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  // A group of its own, to be killed as a whole; and the signals as a program expects them.
  sigset_t none{};
  sigemptyset(&none);
  sigset_t defaults{};
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> arguments = argv;
  std::vector<std::string> environment = environment_with(extra_environment);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, argv.front().c_str(), &files, &attributes,
                                    pointers_to(arguments).data(), pointers_to(environment).data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return fail(std::generic_category().message(failed));
  out.close_end(1);
  err.close_end(1);
  ProgramOutput result;
  const auto deadline = Clock::now() + limit;
  const bool in_time = read_all(out, err, result, deadline) && ended(child, deadline);
  if (!in_time) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) return fail("no result within " + std::to_string(limit.count()) + " ms");
  constexpr int kSignalBase = 128;
  result.exit_code = WIFSIGNALED(status) ? kSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace swo::kube
