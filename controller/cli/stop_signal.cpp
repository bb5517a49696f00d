#include "cli/stop_signal.hpp"

#include <csignal>
#include <ctime>

namespace swo::cli {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void block_stop_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // NOLINTNEXTLINE(performance-no-int-to-ptr,cppcoreguidelines-pro-type-cstyle-cast): SIG_IGN is a
  // macro
  std::signal(SIGPIPE, SIG_IGN);
}

std::string wait_for_stop(std::chrono::milliseconds limit) {
  const sigset_t set = stop_signals();
  const timespec wait{limit.count() / 1000, (limit.count() % 1000) * 1'000'000};
  switch (sigtimedwait(&set, nullptr, &wait)) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    default:
      return "";
  }
}

}  // namespace swo::cli
