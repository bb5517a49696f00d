// A port on 127.0.0.1, and the threads that serve who connects to it.
//
// A connection is a coroutine on a strand of its own: however many there are, they take no more
// threads. Those that are left are dropped with the Loopback.
#pragma once

#include <functional>
#include <thread>
#include <utility>  // which Boost 1.74's awaitable.hpp lacks
#include <vector>

#include <boost/asio.hpp>

namespace devcluster {

class Loopback {
 public:
  // One connection, until it is over; what it throws ends that connection alone.
  using Serve = std::function<boost::asio::awaitable<void>(boost::asio::ip::tcp::socket)>;

  // std::runtime_error naming the port when it cannot be had; 0 takes a free one.
  Loopback(int port, int threads, Serve serve);
  ~Loopback() { stop(); }
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;

  int port() const { return port_; }
  // From then on nobody is served.
  void stop();

 private:
  boost::asio::awaitable<void> accept();

  const Serve serve_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_{io_};
  int port_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace devcluster
