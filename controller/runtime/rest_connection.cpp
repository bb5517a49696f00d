#include "runtime/rest_connection.hpp"

#include <charconv>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace swo::runtime {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int kBadRequest = 400;
constexpr int kContentTooLarge = 413;
constexpr int kHeaderTooLarge = 431;

// Nothing where a '%' is not followed by two hexadecimal digits (RFC 3986 section 2.1).
std::optional<std::string> decoded(std::string_view path) {
  constexpr int kDigits = 2;
  constexpr int kHexadecimal = 16;
  std::string out;
  out.reserve(path.size());
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] != '%') {
      out += path[at];
      continue;
    }
    const std::string_view digits = path.substr(at + 1, kDigits);
    unsigned char byte = 0;
    const auto [end, fault] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, kHexadecimal);
    if (fault != std::errc{} || end - digits.data() != kDigits) return std::nullopt;
    out += static_cast<char>(byte);
    at += kDigits;
  }
  return out;
}

bool is_http(const error_code& error) {
  return error.category() == make_error_code(http::error::end_of_stream).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace

RestConnection::RestConnection(Socket socket, std::optional<asio::ssl::context> tls, Answer answer,
                               std::chrono::milliseconds deadline)
    : socket_(std::move(socket)),
      context_(std::move(tls)),
      answer_(std::move(answer)),
      deadline_(deadline),
      timer_(socket_.get_executor()),
      buffer_(2 * kMaxHead) {
  if (context_) tls_.emplace(socket_, *context_);
}

template <class Use>
void RestConnection::with_stream(const Use& use) {
  if (tls_) {
    use(*tls_);
  } else {
    use(socket_);
  }
}

void RestConnection::start() {
  if (!tls_) {
    read();
    return;
  }
  wait_for_client();
  tls_->async_handshake(asio::ssl::stream_base::server,
                        [self = shared_from_this()](const error_code& error) {
                          if (error) {
                            self->close();
                          } else {
                            self->read();
                          }
                        });
}

void RestConnection::close() {
  error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
}

std::optional<RestConnection::Clock::time_point> RestConnection::waiting_since() const {
  return answering_ ? std::nullopt : std::optional(since_);
}

void RestConnection::wait_for_client() {
  since_ = Clock::now();
  timer_.expires_after(deadline_);
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    // It may have been set anew when its end was on its way already.
    if (self && !error && self->timer_.expiry() <= Clock::now()) self->close();
  });
}

void RestConnection::read() {
  wait_for_client();
  parser_.emplace();
  parser_->header_limit(kMaxHead);
  with_stream([this](auto& stream) {
    http::async_read_header(
        stream, buffer_, *parser_,
        [self = shared_from_this()](const error_code& error, std::size_t) { self->take(error); });
  });
}

void RestConnection::take(const error_code& error) {
  keep_alive_ = false;
  head_ = false;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    refuse(kHeaderTooLarge, "the head of the request is too large\n");
  } else if (error == http::error::body_limit || (!error && !parser_->is_done())) {
    refuse(kContentTooLarge, "no request has a body here\n");
  } else if (error && is_http(error)) {
    refuse(kBadRequest, "this is no request of HTTP/1.1\n");
  } else if (error) {
    close();
  } else {
    const auto& message = parser_->get();
    const std::string_view target(message.target().data(), message.target().size());
    const std::size_t mark = target.find('?');
    auto path = decoded(target.substr(0, mark));
    if (!path) {
      refuse(kBadRequest, "the path is not encoded as RFC 3986 has it\n");
      return;
    }
    keep_alive_ = parser_->keep_alive();
    head_ = message.method() == http::verb::head;
    answering_ = true;
    answer_(shared_from_this(),
            {std::string(message.method_string()), *std::move(path),
             std::string(mark == std::string_view::npos ? "" : target.substr(mark + 1)),
             std::string(message[http::field::authorization])});
  }
}

void RestConnection::refuse(int status, const char* why) {
  write({status, "text/plain; charset=utf-8", why});
}

void RestConnection::reply(RestResponse response) {
  answering_ = false;
  if (socket_.is_open()) write(std::move(response));
}

void RestConnection::write(RestResponse response) {
  wait_for_client();
  response_ = {};
  response_.result(static_cast<unsigned>(response.status));
  response_.set(http::field::content_type, response.content_type);
  response_.keep_alive(keep_alive_);
  response_.content_length(response.body.size());
  if (!head_) response_.body() = std::move(response.body);
  with_stream([this](auto& stream) {
    http::async_write(stream, response_,
                      [self = shared_from_this()](const error_code& error, std::size_t) {
                        if (error) {
                          self->close();
                        } else if (self->keep_alive_) {
                          self->read();
                        } else {
                          self->finish();
                        }
                      });
  });
}

void RestConnection::finish() {
  if (!tls_) {
    drain();
    return;
  }
  tls_->async_shutdown([self = shared_from_this()](const error_code&) { self->drain(); });
}

// To close over what was not read would reset the connection, and the client might not see its
// answer.
void RestConnection::drain() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  socket_.async_read_some(asio::buffer(unread_),
                          [self = shared_from_this()](const error_code& error, std::size_t) {
                            if (error) {
                              self->close();
                            } else {
                              self->drain();
                            }
                          });
}

}  // namespace swo::runtime
