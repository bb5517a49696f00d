#include "kube/transport_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include <boost/asio/error.hpp>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kube/transport_common.hpp"

namespace swo::kube {
namespace {

using boost::system::error_code;
namespace errors = boost::asio::error;

// One address gets this long, so that a dead one leaves time for the next (and for an answer).
constexpr std::chrono::seconds kConnectLimit{10};

error_code last_error() { return {errno, boost::system::system_category()}; }

// OpenSSL writes with write(2), which raises SIGPIPE on a closed connection; a library must not
// change the process's signals for that. So it gets a BIO of its own over send(2) and recv(2).
int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const int fd = static_cast<const Descriptor*>(BIO_get_data(bio))->fd;
  const auto sent = ::send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto& socket = *static_cast<Descriptor*>(BIO_get_data(bio));
  if (socket.drained) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto got = ::recv(socket.fd, data, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  socket.drained = got > 0 && got < size;
  return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

const BIO_METHOD* socket_bio() {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "swo socket");
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
  }();
  return made;
}

}  // namespace

Interrupt::Interrupt() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Interrupt::~Interrupt() {
  if (fd_ >= 0) ::close(fd_);
}

void Interrupt::raise() {
  raised_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  // Cannot fail but on a counter that is full, and that is readable too.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

Socket::~Socket() {
  if (socket_.fd >= 0) ::close(socket_.fd);
}

error_code Socket::wait(short events) {
  std::array<pollfd, 3> fds{pollfd{socket_.fd, events, 0}, pollfd{stop_->fd(), POLLIN, 0},
                            pollfd{close_ != nullptr ? close_->fd() : -1, POLLIN, 0}};
  while (!interrupted()) {
    int limit = -1;
    if (deadline_ != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
      // Before poll(): a peer that trickles bytes has some ready each time.
      if (left.count() <= 0) return errors::timed_out;
      limit =
          static_cast<int>(std::min<std::int64_t>(left.count(), std::numeric_limits<int>::max()));
    }
    const int ready = ::poll(fds.data(), fds.size(), limit);
    if (ready < 0 && errno != EINTR) return last_error();
    // Errors and hang-ups show at the next read or write.
    if (ready > 0 && fds[0].revents != 0 && !interrupted()) {
      if (events == POLLIN) socket_.drained = false;
      return {};
    }
  }
  return errors::operation_aborted;
}

error_code Socket::connect_to(const addrinfo& address) {
  if (socket_.fd >= 0) ::close(socket_.fd);
  socket_.fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_.fd < 0) return last_error();
  const int on = 1;
  ::setsockopt(socket_.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket_.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (::connect(socket_.fd, address.ai_addr, address.ai_addrlen) == 0) return {};
  if (errno != EINPROGRESS) return last_error();
  if (const auto error = wait(POLLOUT)) return error;
  int outcome = 0;
  socklen_t size = sizeof outcome;
  ::getsockopt(socket_.fd, SOL_SOCKET, SO_ERROR, &outcome, &size);
  return {outcome, boost::system::system_category()};
}

Error Socket::why(const std::string& doing, const error_code& error) const {
  if (error == errors::operation_aborted) return cancelled();
  const std::string reason = error == errors::timed_out ? "no answer in time" : error.message();
  return make_error(ErrorKind::kUnreachable, doing + ": " + reason);
}

Status Socket::connect(const std::string& host, const std::string& port) {
  const std::string doing = "connect to " + host + " port " + port;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  // Has no deadline but the resolver's own (resolv.conf: 5 s, twice, per server).
  if (const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); failed != 0) {
    return make_error(ErrorKind::kUnreachable, doing + ": " + ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  const auto whole = deadline_;
  error_code error = errors::host_not_found;
  for (const addrinfo* it = found; it != nullptr && error; it = it->ai_next) {
    deadline_ = std::min(whole, Clock::now() + kConnectLimit);
    error = connect_to(*it);
    if (error == errors::operation_aborted || Clock::now() >= whole) break;
  }
  deadline_ = whole;
  if (error) return why(doing, error);
  return Ok{};
}

Status Socket::start_tls(SSL_CTX* context, const std::string& name) {
  tls_.reset(SSL_new(context));
  BIO* bio = BIO_new(socket_bio());
  if (!tls_ || bio == nullptr) {
    BIO_free(bio);
    return make_error(ErrorKind::kUnreachable, "TLS: " + take_openssl_error());
  }
  BIO_set_data(bio, &socket_);  // stays: a Socket does not move
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_.get(), bio, bio);  // takes it
  announce_name(tls_.get(), name);
  while (true) {
    ERR_clear_error();
    const int result = SSL_connect(tls_.get());
    if (result == 1) return Ok{};
    const auto error = wait_for_tls(result);
    if (!error) continue;
    const std::string doing = "TLS handshake with " + name;
    const long verify = SSL_get_verify_result(tls_.get());
    if (verify != X509_V_OK && SSL_CTX_get_verify_mode(context) != SSL_VERIFY_NONE) {
      ERR_clear_error();
      return make_error(ErrorKind::kUnreachable, doing + ": " + explain_verify_error(verify, name));
    }
    if (ERR_peek_last_error() != 0) {
      return make_error(ErrorKind::kUnreachable, doing + ": " + take_openssl_error());
    }
    return why(doing, error);
  }
}

// After an SSL_… call gave `result` ≤ 0: waits for what it wants, or tells what ended the
// connection.
error_code Socket::wait_for_tls(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return wait(POLLIN);
    case SSL_ERROR_WANT_WRITE:
      return wait(POLLOUT);
    case SSL_ERROR_ZERO_RETURN:
      return errors::eof;
    case SSL_ERROR_SYSCALL:
      return errno != 0 ? last_error() : error_code(errors::connection_reset);
    default:
      // A peer that leaves without close_notify is as good as closed: HTTP's own framing tells
      // whether the message was whole.
      if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return errors::eof;
      }
      return errors::connection_aborted;
  }
}

bool Socket::fit_for_reuse() {
  char byte = 0;
  if (!tls_) {
    return ::recv(socket_.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }
  ERR_clear_error();
  socket_.drained = false;
  // Takes in what TLS itself has sent meanwhile (session tickets); any byte of data is one too
  // many.
  const int result = SSL_peek(tls_.get(), &byte, 1);
  const bool quiet = result <= 0 && SSL_get_error(tls_.get(), result) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return quiet;
}

std::size_t Socket::read_some(void* data, std::size_t size, error_code& error) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  error = interrupted() ? error_code(errors::operation_aborted) : error_code();
  if (std::exchange(asked_, false) && !error) error = wait(POLLIN);
  // Without time to wait, what has come since is still to be had.
  if (socket_.drained && Clock::now() >= deadline_) socket_.drained = false;
  while (!error) {
    if (tls_) {
      ERR_clear_error();
      errno = 0;
      const int got = SSL_read(tls_.get(), data, static_cast<int>(std::min(size, kMost)));
      if (got > 0) return static_cast<std::size_t>(got);
      error = wait_for_tls(got);
      continue;
    }
    const auto got = ::recv(socket_.fd, data, size, 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) {
      error = errors::eof;
    } else if (errno == EAGAIN) {
      error = wait(POLLIN);
    } else if (errno != EINTR) {
      error = last_error();
    }
  }
  ERR_clear_error();
  return 0;
}

std::size_t Socket::write_some(const void* data, std::size_t size, error_code& error) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  error = interrupted() ? error_code(errors::operation_aborted) : error_code();
  asked_ = true;
  while (!error) {
    if (tls_) {
      ERR_clear_error();
      errno = 0;
      const int put = SSL_write(tls_.get(), data, static_cast<int>(std::min(size, kMost)));
      if (put > 0) return static_cast<std::size_t>(put);
      error = wait_for_tls(put);
      continue;
    }
    const auto put = ::send(socket_.fd, data, size, MSG_NOSIGNAL);
    if (put >= 0) return static_cast<std::size_t>(put);
    if (errno == EAGAIN) {
      error = wait(POLLOUT);
    } else if (errno != EINTR) {
      error = last_error();
    }
  }
  ERR_clear_error();
  return 0;
}

}  // namespace swo::kube
