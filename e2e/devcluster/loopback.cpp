#include "devcluster/loopback.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace devcluster {
namespace {

constexpr int kAcceptPoll = 100;  // milliseconds

}  // namespace

Connections::~Connections() {
  while (open_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(kAcceptPoll / 10));
}

void Connections::begin(int socket, std::function<void(int)> serve) {
  if (open_ >= kMost) {
    close(socket);
    return;
  }
  ++open_;
  std::thread([this, socket, serve = std::move(serve)] {
    try {
      serve(socket);
    } catch (const std::exception&) {
      // An object of unexpected shape leads nowhere.
    }
    --open_;
  }).detach();
}

Loopback::Loopback(int port, Connections& connections, std::function<void(int)> serve)
    : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  if (bind(listener_, any, size) != 0 || listen(listener_, Connections::kMost) != 0 ||
      getsockname(listener_, any, &size) != 0) {
    const std::string why = std::strerror(errno);
    close(listener_);
    throw std::runtime_error("cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + why);
  }
  port_ = ntohs(address.sin_port);
  thread_ =
      std::jthread([this, &connections, serve = std::move(serve)](const std::stop_token& stop) {
        accept_all(stop, connections, serve);
      });
}

Loopback::~Loopback() {
  thread_ = {};
  close(listener_);
}

void Loopback::accept_all(const std::stop_token& stop, Connections& connections,
                          const std::function<void(int)>& serve) const {
  // OpenSSL writes without MSG_NOSIGNAL. The connections' threads inherit this.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  while (!stop.stop_requested()) {
    pollfd end{listener_, POLLIN, 0};
    if (poll(&end, 1, kAcceptPoll) <= 0) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) connections.begin(client, serve);
  }
}

}  // namespace devcluster
