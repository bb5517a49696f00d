#include "devcluster/front_channel.hpp"

#include <array>

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace devcluster {
namespace {

constexpr std::size_t kChunk = std::size_t{16} * 1024;
// As the router's default (haproxy: timeout server).
constexpr int kIdleSeconds = 30;
constexpr std::size_t kRecordHeader = 5;  // type, version, length (RFC 8446 §5.1)
constexpr unsigned char kHandshake = 22;

}  // namespace

Channel::Channel(int socket) : socket_(socket) {
  const timeval idle{kIdleSeconds, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle));
}

Channel::~Channel() {
  tls_.reset();
  close(socket_);
}

SSL* Channel::start_tls(SSL_CTX* context) {
  tls_.reset(SSL_new(context));
  SSL_set_fd(tls_.get(), socket_);
  return tls_.get();
}

bool Channel::accept_tls(SSL_CTX* context) { return SSL_accept(start_tls(context)) == 1; }

bool Channel::connect_tls(SSL_CTX* context, const std::string& name) {
  SSL* const tls = start_tls(context);
  // SSL_set_tlsext_host_name() is a macro with a C cast. The text is copied.
  SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(name.c_str()));
  return SSL_connect(tls) == 1;
}

std::size_t Channel::read(char* into, std::size_t size) {
  const ssize_t got =
      tls_ ? SSL_read(tls_.get(), into, static_cast<int>(size)) : recv(socket_, into, size, 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

bool Channel::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = tls_ ? SSL_write(tls_.get(), text.data(), static_cast<int>(text.size()))
                             : send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

std::string Channel::first_record() const {
  std::array<unsigned char, kRecordHeader> header{};
  const auto peek = [this](void* into, std::size_t size) {
    return recv(socket_, into, size, MSG_PEEK | MSG_WAITALL) == static_cast<ssize_t>(size);
  };
  if (!peek(header.data(), 1) || header[0] != kHandshake || !peek(header.data(), header.size())) {
    return {};
  }
  std::string record(kRecordHeader + (std::size_t{header[3]} << 8U | header[4]), '\0');
  return peek(record.data(), record.size()) ? record : std::string();
}

void splice(Channel& client, Channel& pod) {
  std::array<char, kChunk> buffer{};
  const std::array<Channel*, 2> ends{&client, &pod};
  while (true) {
    std::array<pollfd, 2> ready{{{client.socket(), POLLIN, 0}, {pod.socket(), POLLIN, 0}}};
    const bool waits = !client.holds() && !pod.holds();
    if (poll(ready.data(), ready.size(), waits ? kIdleSeconds * 1000 : 0) <= 0 && waits) return;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ready[i].revents == 0 && !ends[i]->holds()) continue;
      const std::size_t got = ends[i]->read(buffer.data(), buffer.size());
      if (got == 0 || !ends[1 - i]->write({buffer.data(), got})) return;
    }
  }
}

}  // namespace devcluster
