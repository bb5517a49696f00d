#include "devcluster/http_server.hpp"

#include <mutex>
#include <optional>
#include <vector>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>

#include "devcluster/http.hpp"
#include "devcluster/loopback.hpp"
#include "devcluster/lower.hpp"
#include "devcluster/remote_command.hpp"

namespace devcluster {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::use_awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint64_t kBodyLimit =
    std::uint64_t{8} * 1024 * 1024;  // above the API's own 3 MiB, so that it says 413
// An open stream looks at the clock this often, for bookmarks and its end.
constexpr std::chrono::seconds kTick{1};

std::vector<std::string> subject_entries(X509* certificate, int nid) {
  std::vector<std::string> out;
  X509_NAME* subject = X509_get_subject_name(certificate);
  for (int at = X509_NAME_get_index_by_NID(subject, nid, -1); at >= 0;
       at = X509_NAME_get_index_by_NID(subject, nid, at)) {
    unsigned char* text = nullptr;
    const int length =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length < 0) continue;
    out.emplace_back(reinterpret_cast<char*>(text), static_cast<std::size_t>(length));
    OPENSSL_free(text);
  }
  return out;
}

struct Peer {
  std::string name;
  std::vector<std::string> groups;
};

Peer peer_of(asio::ssl::stream<tcp::socket>& stream) {
  X509* certificate = SSL_get_peer_certificate(stream.native_handle());
  if (certificate == nullptr) return {};
  const auto names = subject_entries(certificate, NID_commonName);
  Peer out{names.empty() ? "" : names.front(), subject_entries(certificate, NID_organizationName)};
  X509_free(certificate);
  return out;
}

Peer peer_of(tcp::socket& /*stream*/) { return {}; }

// What the server still needs of a connection that serves itself.
class Link {
 public:
  virtual ~Link() = default;
  virtual void close() = 0;   // from any thread
  virtual void unhook() = 0;  // once no thread runs connections any more
};

template <typename Stream>
class Connection : public Link, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  Connection(ApiServer& server, Stream stream) : server_(server), stream_(std::move(stream)) {}

  void close() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] {
      error_code ignored;
      self->socket().close(ignored);
    });
  }

  void unhook() override {
    if (open_) open_->on_ready({});
  }

  asio::awaitable<void> run() {
    try {
      if constexpr (!std::is_same_v<Stream, tcp::socket>) {
        co_await stream_.async_handshake(asio::ssl::stream_base::server, use_awaitable);
      }
      peer_ = peer_of(stream_);
      while (co_await serve_one()) {
      }
      error_code ignored;
      socket().shutdown(tcp::socket::shutdown_send, ignored);
    } catch (const boost::system::system_error&) {
      // The client went away, or spoke no HTTP: either way the connection is over.
    }
    unhook();
    error_code ignored;
    socket().cancel(ignored);
  }

 private:
  tcp::socket& socket() { return beast::get_lowest_layer(stream_); }

  // False when the connection is to be closed.
  asio::awaitable<bool> serve_one() {
    http::request_parser<http::string_body> parser;
    parser.body_limit(kBodyLimit);
    co_await http::async_read(stream_, buffer_, parser, use_awaitable);
    const auto message = parser.release();
    Request request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message)
      request.headers[lower(std::string(field.name_string()))] = std::string(field.value());
    request.body = message.body();
    request.certificate_name = peer_.name;
    request.certificate_groups = peer_.groups;
    Answer answer = server_.handle(request);

    if (answer.delay.count() > 0) {
      asio::steady_timer timer(co_await asio::this_coro::executor, answer.delay);
      co_await timer.async_wait(use_awaitable);
    }
    if (answer.drop) co_return false;
    if (answer.program) {
      const auto command =
          std::make_shared<RemoteCommand<Stream>>(stream_, std::move(answer.program));
      co_await command->run(message, answer.response.headers["sec-websocket-protocol"]);
      co_return false;
    }
    if (answer.stream) {
      co_return co_await send_stream(std::move(answer), message.version(), message.keep_alive());
    }
    co_return co_await send_whole(answer.response, message.version(), message.keep_alive(),
                                  request.method == "HEAD");
  }

  asio::awaitable<bool> send_whole(const Response& response, unsigned version, bool keep_alive,
                                   bool head) {
    http::response<http::string_body> out{static_cast<http::status>(response.status), version};
    for (const auto& [name, value] : response.headers) out.set(name, value);
    out.keep_alive(keep_alive);
    if (!head) out.body() = response.body;
    out.content_length(response.body.size());
    if (head) {
      http::response_serializer<http::string_body> serializer{out};
      co_await http::async_write_header(stream_, serializer, use_awaitable);
    } else {
      co_await http::async_write(stream_, out, use_awaitable);
    }
    co_return keep_alive;
  }

  asio::awaitable<bool> send_stream(Answer answer, unsigned version, bool keep_alive) {
    http::response<http::empty_body> head{static_cast<http::status>(answer.response.status),
                                          version};
    for (const auto& [name, value] : answer.response.headers) head.set(name, value);
    head.chunked(true);
    http::response_serializer<http::empty_body> serializer{head};
    co_await http::async_write_header(stream_, serializer, use_awaitable);

    open_ = std::move(answer.stream);
    open_->on_ready([self = this->shared_from_this()] { self->ring(false); });
    watch_for_close();
    co_await pump();
    open_->on_ready({});
    if (gone_ || open_->broken()) co_return false;
    co_await asio::async_write(stream_, http::make_chunk_last(), use_awaitable);
    // The wait for the client's close; nothing was read, so the connection goes on.
    socket().cancel();
    co_return keep_alive;
  }

  asio::awaitable<void> pump() {
    for (;;) {
      ready_ = false;
      const std::string text = open_->next();
      if (!text.empty()) {
        co_await asio::async_write(stream_, http::make_chunk(asio::buffer(text)), use_awaitable);
        continue;
      }
      if (open_->ended() || gone_) co_return;
      if (ready_) continue;
      bell_.expires_after(kTick);
      error_code cancelled;
      co_await bell_.async_wait(asio::redirect_error(use_awaitable, cancelled));
    }
  }

  // From any thread: the open stream may have something, or its client has gone.
  void ring(bool gone) {
    asio::post(stream_.get_executor(), [self = this->shared_from_this(), gone] {
      self->ready_ = true;
      self->gone_ = self->gone_ || gone;
      self->bell_.cancel();
    });
  }

  // A client that has closed sends nothing more: its socket turns readable with nothing to read.
  void watch_for_close() {
    socket().async_wait(
        tcp::socket::wait_read, [self = this->shared_from_this()](error_code error) {
          if (error) return;
          // The reactor may still tell of the request, which has been read since.
          char byte = 0;
          if (recv(self->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
              (errno == EAGAIN || errno == EWOULDBLOCK)) {
            self->watch_for_close();
          } else {
            self->ring(true);
          }
        });
  }

  ApiServer& server_;
  Stream stream_;
  beast::flat_buffer buffer_;
  Peer peer_;
  std::unique_ptr<devcluster::Stream> open_;
  asio::steady_timer bell_{stream_.get_executor()};
  bool ready_ = false;  // since the bell rang last
  bool gone_ = false;   // the client has closed the connection
};

std::optional<asio::ssl::context> tls_of(const HttpServerOptions& options) {
  if (options.certificate_pem.empty()) return std::nullopt;
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.use_certificate_chain(asio::buffer(options.certificate_pem));
  tls.use_private_key(asio::buffer(options.key_pem), asio::ssl::context::pem);
  if (!options.client_ca_pem.empty()) {
    tls.add_certificate_authority(asio::buffer(options.client_ca_pem));
    tls.set_verify_mode(asio::ssl::verify_peer);
  }
  return tls;
}

}  // namespace

struct HttpServer::Impl {
  Impl(ApiServer& api, HttpServerOptions given)
      : server(api),
        options(std::move(given)),
        tls(tls_of(options)),
        loopback(options.port, options.threads,
                 [this](tcp::socket socket) { return serve(std::move(socket)); }) {}

  ~Impl() {
    loopback.stop();
    // Nobody may wake a stream's coroutine once the loopback is gone.
    for_each_link(&Link::unhook);
  }

  asio::awaitable<void> serve(tcp::socket socket) {
    if (!tls) return run<tcp::socket>(std::move(socket));
    return run<asio::ssl::stream<tcp::socket>>({std::move(socket), *tls});
  }

  template <typename Stream>
  asio::awaitable<void> run(Stream stream) {
    const auto connection = std::make_shared<Connection<Stream>>(server, std::move(stream));
    remember(connection);
    co_await connection->run();
  }

  void remember(const std::shared_ptr<Link>& link) {
    const std::lock_guard lock(mutex);
    std::erase_if(links, [](const auto& weak) { return weak.expired(); });
    links.push_back(link);
  }

  void for_each_link(void (Link::*act)()) {
    const std::lock_guard lock(mutex);
    for (const auto& weak : links) {
      if (const auto link = weak.lock()) ((*link).*act)();
    }
  }

  ApiServer& server;
  HttpServerOptions options;
  std::optional<asio::ssl::context> tls;
  std::mutex mutex;
  std::vector<std::weak_ptr<Link>> links;
  Loopback loopback;
};

HttpServer::HttpServer(ApiServer& server, HttpServerOptions options)
    : impl_(std::make_unique<Impl>(server, std::move(options))) {}
HttpServer::~HttpServer() = default;

void HttpServer::drop_connections() { impl_->for_each_link(&Link::close); }

int HttpServer::port() const { return impl_->loopback.port(); }

std::string HttpServer::url() const {
  return (impl_->tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port());
}

}  // namespace devcluster
