#include "node/exec.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/process.hpp"

namespace node {
namespace {

void close_on_exec(int fd) { fcntl(fd, F_SETFD, FD_CLOEXEC); }

}  // namespace

RunningExec::RunningExec(const std::vector<std::string>& line, const ExecRequest& request,
                         std::function<void()> clean_up)
    : clean_up_(std::move(clean_up)), tty_(request.tty) {
  Spawn what{.argv = line, .env = {}, .fds = {}};
  Fd theirs_in;
  Fd theirs_out;
  Fd theirs_err;
  if (request.tty) {
    int master = -1;
    int slave = -1;
    if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) {
      throw std::system_error(errno, std::generic_category(), "openpty");
    }
    close_on_exec(master);
    close_on_exec(slave);
    output_ = Fd(master);
    theirs_out = Fd(slave);
    if (request.input) input_ = Fd(fcntl(master, F_DUPFD_CLOEXEC, 0));
    what.fds = {{0, slave}, {1, slave}, {2, slave}};
  } else {
    std::tie(output_, theirs_out) = make_pipe();
    std::tie(errors_, theirs_err) = make_pipe();
    what.fds = {{1, theirs_out.get()}, {2, theirs_err.get()}};
    if (request.input) {
      std::tie(theirs_in, input_) = make_pipe();
      what.fds.emplace_back(0, theirs_in.get());
    }
  }
  pid_ = spawn(what);
  pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
}

RunningExec::~RunningExec() {
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    wait();
  }
}

void RunningExec::resize(int rows, int columns) const {
  if (!tty_) return;
  winsize size{};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  ioctl(output_.get(), TIOCSWINSZ, &size);
  kill(-pid_, SIGWINCH);  // crun hands the new size on; it is not its controlling terminal
}

int RunningExec::wait() {
  const int code = wait_for(std::exchange(pid_, 0));
  clean_up_();
  return code;
}

}  // namespace node
