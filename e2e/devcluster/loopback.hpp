// Ports on 127.0.0.1 that lead somewhere: what accepts connections, and the threads that serve
// them.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace devcluster {

// One thread per connection, at most kMost at a time. Waits at its end for those that are left, so
// it must go after whatever begins them and before what they use. Thread-safe.
class Connections {
 public:
  static constexpr int kMost = 64;
  Connections() = default;
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // Runs `serve` with the socket, which it takes; closes the socket when there are too many.
  void begin(int socket, std::function<void(int socket)> serve);

 private:
  std::atomic<int> open_{0};
};

// Accepts connections until it is destroyed; those that it began go on.
class Loopback {
 public:
  // std::runtime_error when the port cannot be had; 0 takes a free one.
  Loopback(int port, Connections& connections, std::function<void(int socket)> serve);
  ~Loopback();
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;

  int port() const { return port_; }

 private:
  void accept_all(const std::stop_token& stop, Connections& connections,
                  const std::function<void(int)>& serve) const;

  int listener_ = -1;
  int port_ = 0;
  std::jthread thread_;
};

}  // namespace devcluster
