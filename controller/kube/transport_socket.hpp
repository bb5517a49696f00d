// A TCP connection, optionally with TLS, whose every wait ends at a deadline or at an interrupt.
//
// The descriptor does not block; waiting is poll() on it and on the interrupts' eventfds. So a
// request costs its system calls and no event loop, thread hop or timer. Used by one thread at a
// time; an Interrupt may be raised from any and must outlive the sockets that watch it. Nothing
// throws.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>

#include <boost/system/error_code.hpp>

#include "kube/result.hpp"
#include "kube/tls.hpp"

struct addrinfo;

namespace swo::kube {

// Ends waits for good, from any thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  void raise();
  bool raised() const { return raised_.load(std::memory_order_acquire); }
  int fd() const { return fd_; }  // readable once raised; -1 if the process has no descriptor left

 private:
  int fd_;
  std::atomic<bool> raised_{false};
};

// What OpenSSL reads from and writes to.
struct Descriptor {
  int fd = -1;
  // The last read took less than there was room for: another before the next poll() would find
  // nothing.
  bool drained = false;
};

class Socket {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Socket(const Interrupt& stop) : stop_(&stop) {}
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }
  void also_stop_at(const Interrupt* interrupt) { close_ = interrupt; }

  // Tries the addresses of `host` in turn. Errors: kUnreachable, kCancelled.
  Status connect(const std::string& host, const std::string& port);
  // Errors: kUnreachable with the reason that the server's certificate is refused, kCancelled.
  Status start_tls(SSL_CTX* context, const std::string& name);
  // True while the peer has neither closed nor sent anything unasked: fit for another request.
  bool fit_for_reuse();

  // The first read after a write waits at once: nothing was read since, so no answer can be there.
  // Wait until at least one byte went through. 0 with `error` set: asio::error::eof (an orderly
  // end), timed_out, operation_aborted (interrupted), or what broke the connection.
  std::size_t read_some(void* data, std::size_t size, boost::system::error_code& error);
  std::size_t write_some(const void* data, std::size_t size, boost::system::error_code& error);

 private:
  bool interrupted() const { return stop_->raised() || (close_ != nullptr && close_->raised()); }
  boost::system::error_code wait(short events);
  boost::system::error_code wait_for_tls(int result);
  boost::system::error_code connect_to(const addrinfo& address);
  Error why(const std::string& doing, const boost::system::error_code& error) const;

  const Interrupt* stop_;
  const Interrupt* close_ = nullptr;
  Clock::time_point deadline_ = Clock::time_point::max();
  Descriptor socket_;
  bool asked_ = false;  // written to since the last read
  SslSession tls_;
};

}  // namespace swo::kube
