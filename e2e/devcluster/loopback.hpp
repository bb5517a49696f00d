// A port on 127.0.0.1, and the threads that serve who connects to it.
//
// A connection is a coroutine on a strand of its own: however many there are, they take no more
// threads. Those that are left are dropped with the Loopback.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <thread>
#include <utility>  // which Boost 1.74's awaitable.hpp lacks
#include <vector>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>

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

// Two connections made one: what comes from either side goes to the other, until one has ended.
// The streams are TCP sockets, or TLS over one, of the same strand.
template <typename From, typename To>
boost::asio::awaitable<void> pass_on(From& from, To& to) {
  constexpr std::size_t kChunk = std::size_t{16} * 1024;
  std::array<char, kChunk> part{};
  try {
    for (;;) {
      const auto got =
          co_await from.async_read_some(boost::asio::buffer(part), boost::asio::use_awaitable);
      co_await boost::asio::async_write(to, boost::asio::buffer(part, got),
                                        boost::asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {
    // One of them has ended.
  }
  boost::system::error_code ignored;
  boost::beast::get_lowest_layer(from).close(ignored);
  boost::beast::get_lowest_layer(to).close(ignored);
}

template <typename Client, typename Pod>
void splice(Client client, Pod pod) {
  const auto ends = std::make_shared<std::pair<Client, Pod>>(std::move(client), std::move(pod));
  const auto strand = ends->first.get_executor();
  const auto keep = [ends](const std::exception_ptr&) {};
  boost::asio::co_spawn(strand, pass_on(ends->first, ends->second), keep);
  boost::asio::co_spawn(strand, pass_on(ends->second, ends->first), keep);
}

}  // namespace devcluster
