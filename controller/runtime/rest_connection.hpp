// One connection of a RestListener, plain or TLS: the head of a request is read, answered, and so
// on with the next until the client leaves, asks for more than is allowed, or is too slow.
//
// No request has a body here, so none is read: one that announces a body is answered 413 and the
// connection closed. Every wait for the client is bounded by one deadline: a handshake, a whole
// head, an answer taken. All calls are for the I/O thread alone, where nothing blocks; it lives as
// long as an operation of its own is under way.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "runtime/rest_listener.hpp"

namespace swo::runtime {

class RestConnection : public std::enable_shared_from_this<RestConnection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Clock = std::chrono::steady_clock;
  // Has a request answered anywhere, by reply() on the I/O thread, once.
  using Answer = std::function<void(const std::shared_ptr<RestConnection>&, RestRequest)>;

  // A token of a ServiceAccount is one to two thousand bytes, all else of a head a few hundred.
  static constexpr std::size_t kMaxHead = 8UL * 1024;

  RestConnection(Socket socket, std::optional<boost::asio::ssl::context> tls, Answer answer,
                 std::chrono::milliseconds deadline);

  void start();
  void reply(RestResponse response);
  void close();

  // Since when it waits for its client; nothing while its request is being answered.
  std::optional<Clock::time_point> waiting_since() const;

 private:
  template <class Use>
  void with_stream(const Use& use);
  void wait_for_client();
  void read();
  void take(const boost::system::error_code& error);
  void refuse(int status, const char* why);
  void write(RestResponse response);
  void finish();
  void drain();

  Socket socket_;
  std::optional<boost::asio::ssl::context> context_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  const Answer answer_;
  const std::chrono::milliseconds deadline_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::empty_body>> parser_;
  boost::beast::http::response<boost::beast::http::string_body> response_;
  std::array<char, 1024> unread_{};
  Clock::time_point since_{};
  bool answering_ = false;
  bool keep_alive_ = false;
  bool head_ = false;  // of the answer, the head alone
};

}  // namespace swo::runtime
