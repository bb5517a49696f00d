#include "devcluster/front_door.hpp"

#include <optional>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/http.hpp>

#include "devcluster/client_hello.hpp"
#include "devcluster/front_routes.hpp"
#include "devcluster/http.hpp"
#include "devcluster/loopback.hpp"
#include "devcluster/lower.hpp"

namespace devcluster {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::use_awaitable;
using asio::ip::tcp;
using TlsStream = ssl::stream<tcp::socket>;

constexpr std::size_t kMostHeader = std::size_t{16} * 1024;
constexpr int kThreads = 4;  // a Pod that does not answer holds one up
// A TLS record's type, version and length (RFC 8446 §5.1).
constexpr std::size_t kRecordHeader = 5;
constexpr char kHandshake = 22;

constexpr std::string_view kUnavailable =
    "HTTP/1.0 503 Service Unavailable\r\npragma: no-cache\r\ncache-control: private, max-age=0, "
    "no-cache, "
    "no-store\r\ncontent-type: text/html\r\n\r\n<html><body>Application is not "
    "available</body></html>\n";

// The beginning of a request, and what may have come after it.
struct Beginning {
  std::string text;
  std::string host, path;
};

// `text` has come already.
template <typename Stream>
asio::awaitable<Beginning> read_header(Stream& client, std::string text) {
  co_await asio::async_read_until(client, asio::dynamic_buffer(text, kMostHeader), "\r\n\r\n",
                                  use_awaitable);
  http::request_parser<http::empty_body> parser;
  boost::system::error_code malformed;
  parser.put(asio::buffer(text), malformed);
  const auto host = lower(std::string(parser.get()[http::field::host]));
  Beginning request{std::move(text), host.substr(0, host.find(':')),
                    std::string(parser.get().target())};
  co_return request;
}

// What a TLS client says first, whole.
asio::awaitable<void> complete_record(tcp::socket& client, std::string& text) {
  const auto byte = [&](std::size_t at) {
    return std::size_t{static_cast<unsigned char>(text[at])};
  };
  const auto size = kRecordHeader + (byte(3) << 8U | byte(4));
  if (text.size() < size) {
    co_await asio::async_read(client, asio::dynamic_buffer(text),
                              asio::transfer_exactly(size - text.size()), use_awaitable);
  }
}

}  // namespace

struct FrontDoor::Impl {
  Impl(ApiServer& server, Connect connect_by, const Certificate& own, int wanted)
      : api(server), connect(std::move(connect_by)) {
    accepting.use_certificate_chain(asio::buffer(own.certificate_pem));
    accepting.use_private_key(asio::buffer(own.key_pem), ssl::context::pem);
    door.emplace(wanted, kThreads, [this](tcp::socket client) { return serve(std::move(client)); });
  }

  asio::awaitable<void> serve(tcp::socket client) {
    std::string text;
    co_await asio::async_read(client, asio::dynamic_buffer(text),
                              asio::transfer_at_least(kRecordHeader), use_awaitable);
    if (text[0] == kHandshake) {
      co_await complete_record(client, text);
      co_await serve_tls(std::move(client), text);
    } else {
      co_await serve_plain(std::move(client), text);
    }
  }

  asio::awaitable<void> serve_tls(tcp::socket client, const std::string& hello) {
    const auto target = find_target(api, lower(server_name(hello)));
    if (target && target->termination == "passthrough") {
      co_await lead(std::move(client), target, hello);
      co_return;
    }
    TlsStream secure(std::move(client), accepting);
    co_await secure.async_handshake(ssl::stream_base::server, asio::buffer(hello), use_awaitable);
    const auto request = co_await read_header(secure, "");
    auto asked = find_target(api, request.host);
    if (asked && asked->termination.empty()) asked.reset();
    co_await lead(std::move(secure), asked, request.text);
  }

  asio::awaitable<void> serve_plain(tcp::socket client, const std::string& begun) {
    const auto request = co_await read_header(client, begun);
    auto target = find_target(api, request.host);
    if (target && target->insecure == "Redirect") {
      const auto answer = "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: https://" +
                          request.host + request.path + "\r\ncache-control: no-cache\r\n\r\n";
      co_await asio::async_write(client, asio::buffer(answer), use_awaitable);
      co_return;
    }
    if (target && !target->termination.empty() && target->insecure != "Allow") target.reset();
    if (target) target->termination.clear();
    co_await lead(std::move(client), target, request.text);
  }

  // The connection that begins so, to a Pod of the target.
  template <typename Client>
  asio::awaitable<void> lead(Client client, const std::optional<RouteTarget>& target,
                             const std::string& text) {
    const int connected = target ? connect_target(api, *target, connect) : -1;
    if (connected < 0) {
      // To who speaks TLS to someone else there is nothing to say.
      const bool passthrough = target && target->termination == "passthrough";
      if (!passthrough)
        co_await asio::async_write(client, asio::buffer(kUnavailable), use_awaitable);
      co_return;
    }
    tcp::socket pod(client.get_executor(), tcp::v4(), connected);
    if (target->termination != "reencrypt") {
      co_await asio::async_write(pod, asio::buffer(text), use_awaitable);
      splice(std::move(client), std::move(pod));
      co_return;
    }
    TlsStream secure(std::move(pod), asking);
    // SSL_set_tlsext_host_name() is a macro with a C cast. The text is copied.
    SSL_ctrl(secure.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(target->service.c_str()));
    boost::system::error_code refused;
    co_await secure.async_handshake(ssl::stream_base::client,
                                    asio::redirect_error(use_awaitable, refused));
    if (refused) {
      co_await asio::async_write(client, asio::buffer(kUnavailable), use_awaitable);
      co_return;
    }
    co_await asio::async_write(secure, asio::buffer(text), use_awaitable);
    splice(std::move(client), std::move(secure));
  }

  Api api;
  Connect connect;
  ssl::context accepting{ssl::context::tls_server};
  ssl::context asking{ssl::context::tls_client};
  std::optional<Loopback> door;
};

FrontDoor::FrontDoor(ApiServer& server, Connect connect, const Certificate& own, int port)
    : impl_(std::make_unique<Impl>(server, std::move(connect), own, port)) {}
FrontDoor::~FrontDoor() = default;

int FrontDoor::port() const { return impl_->door->port(); }

}  // namespace devcluster
