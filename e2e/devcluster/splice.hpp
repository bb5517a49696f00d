// Two connections made one: what comes from either side goes to the other, until one has ended.
// The streams are TCP sockets, or TLS over one, of the same strand.
#pragma once

#include <array>
#include <memory>
#include <utility>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>

namespace devcluster {

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
