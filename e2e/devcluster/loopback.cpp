#include "devcluster/loopback.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace devcluster {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;

Loopback::Loopback(int port, int threads, Serve serve) : serve_(std::move(serve)) {
  const tcp::endpoint where(asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port));
  try {
    acceptor_.open(where.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(where);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("cannot listen on 127.0.0.1:" + std::to_string(port) + ": " +
                             error.code().message());
  }
  asio::co_spawn(io_, accept(), asio::detached);
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { io_.run(); });
  }
}

void Loopback::stop() {
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

asio::awaitable<void> Loopback::accept() {
  for (;;) {
    const auto strand = asio::make_strand(io_);
    tcp::socket socket(strand);
    boost::system::error_code error;
    co_await acceptor_.async_accept(socket, asio::redirect_error(use_awaitable, error));
    if (error) {
      // Out of descriptors, most likely: wait for some to be given back.
      asio::steady_timer pause(io_, std::chrono::milliseconds(50));
      co_await pause.async_wait(use_awaitable);
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    asio::co_spawn(strand, serve_(std::move(socket)), [](const std::exception_ptr&) {});
  }
}

}  // namespace devcluster
