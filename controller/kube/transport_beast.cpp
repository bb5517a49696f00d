// The default transport: Boost.Beast's HTTP parsers over Socket.
//
// Each thread that sends takes an idle connection or makes one, and gives it back after the answer;
// so there are as many connections as threads that were ever busy at once.
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "kube/transport_common.hpp"
#include "kube/transport_config.hpp"
#include "kube/transport_socket.hpp"

namespace swo::kube {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Clock = Socket::Clock;

// Less than API servers keep them, which is 90 s (apiserver pkg/server/secure_serving.go,
// IdleTimeout): a write on a connection that the server is just closing has an unknown end.
constexpr std::chrono::seconds kMaxIdle{60};
// A bound against leaks only: there are never more idle connections than threads.
constexpr std::size_t kMaxIdleConnections = 64;
// What one read gives at most: a record of TLS. Beast reads as much as its buffer has room for, and
// 512 bytes where it has none.
constexpr std::size_t kBlock = 16UL * 1024;
// The head of a request without the token, generously.
constexpr std::size_t kHeadOfRequest = 1024;

// What Beast's synchronous reads want of a stream (its SyncReadStream concept).
class Readable {
 public:
  explicit Readable(Socket& socket) : socket_(socket) {}
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& error) {
    const asio::mutable_buffer first = *asio::buffer_sequence_begin(buffers);
    return socket_.read_some(first.data(), first.size(), error);
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    error_code error;
    const std::size_t got = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return got;
  }

 private:
  Socket& socket_;
};

// A connection and what of the next bytes has been read already.
struct Link {
  explicit Link(const Interrupt& stop) : socket(stop) { buffer.reserve(kBlock); }
  Socket socket;
  boost::beast::flat_buffer buffer;
  Clock::time_point idle_since;
  bool spent = false;            // a request went out in part only: no other may follow it
  std::uint64_t generation = 0;  // of the TLS material that it was made with
};

// Shared with the streams, which may outlive a call but not the transport's owner.
struct Pool {
  Interrupt stop;
  std::mutex mutex;
  std::vector<std::unique_ptr<Link>> idle;   // guarded by mutex; newest last
  std::atomic<std::uint64_t> generation{0};  // of the TLS material in use

  static bool stale(const Link& link) { return Clock::now() - link.idle_since >= kMaxIdle; }

  std::unique_ptr<Link> take() {
    while (true) {
      std::unique_ptr<Link> link;
      {
        const std::lock_guard lock(mutex);
        if (idle.empty()) return nullptr;
        link = std::move(idle.back());
        idle.pop_back();
      }
      if (!stale(*link) && link->socket.fit_for_reuse()) return link;
    }
  }
  void give_back(std::unique_ptr<Link> link) {
    // Bytes that nobody asked for mean that both ends are out of step.
    if (link->spent || link->buffer.size() != 0) return;
    link->idle_since = Clock::now();
    link->socket.also_stop_at(nullptr);
    const std::lock_guard lock(mutex);
    // The newest are taken first, so those of a peak would stay for ever.
    std::erase_if(idle, [](const auto& other) { return stale(*other); });
    if (link->generation == generation && idle.size() < kMaxIdleConnections) {
      idle.push_back(std::move(link));
    }
  }
  void clear() {
    const std::lock_guard lock(mutex);
    idle.clear();
  }
  void renew() {
    ++generation;
    clear();
  }
};

template <class Message>
HttpResponse head_of(const Message& message) {
  HttpResponse out;
  out.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    out.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  return out;
}

// Reads the head of the answer to `method`. Heads of status 1xx may come before it (RFC 9110
// section 15.2), and each is a whole message to Beast.
template <class Body>
void read_head(Link& link, std::string_view method,
               std::optional<http::response_parser<Body>>& parser, error_code& error) {
  constexpr unsigned kFirstFinal = 200;
  Readable readable(link.socket);
  do {
    parser.emplace();
    parser->header_limit(kMaxHeader);
    parser->body_limit(kMaxBody);
    if (method == "HEAD") parser->skip(true);
    http::read_header(readable, link.buffer, *parser, error);
  } while (!error && parser->get().result_int() < kFirstFinal);
}

// Reads the rest of a message, of a bounded size. Boost 1.74's parser forgets that a Content-Length
// is beyond body_limit() when bytes of the body come with the header, so that is looked at here.
void read_body(Link& link, http::response_parser<http::string_body>& parser, error_code& error) {
  Readable readable(link.socket);
  if (const auto size = parser.content_length(); size && *size > kMaxBody) {
    error = http::error::body_limit;
    return;
  }
  if (!parser.is_done()) http::read(readable, link.buffer, parser, error);
}

bool broke(const error_code& error) {
  return error == http::error::end_of_stream || error == http::error::partial_message ||
         error.category() == boost::system::system_category() || error == asio::error::eof;
}

// The error of an answer that did not come or not whole.
Error failed_read(const HttpRequest& request, const error_code& error) {
  if (error == asio::error::operation_aborted) return cancelled();
  if (error == asio::error::timed_out) {
    return unanswered(request.method,
                      "no answer within " + std::to_string(request.timeout.count()) + " ms");
  }
  if (error == http::error::body_limit || error == http::error::header_limit) {
    return too_large_error();
  }
  if (error == http::error::partial_message && is_read(request.method)) {
    return make_error(ErrorKind::kBadResponse, "the answer ends in its middle");
  }
  if (broke(error)) {
    return unanswered(request.method, "the connection broke before the answer: " + error.message());
  }
  return make_error(ErrorKind::kBadResponse, "the answer is not HTTP: " + error.message());
}

class BeastStream final : public ByteStream {
 public:
  BeastStream(std::shared_ptr<Pool> pool, std::unique_ptr<Link> link,
              http::response_parser<http::empty_body>&& parser)
      : pool_(std::move(pool)), link_(std::move(link)), parser_(std::move(parser)) {
    head_ = head_of(parser_.get());
    parser_.body_limit(boost::none);
    // Not eager(): then a read that has brought something waits for the next chunk as well.
    link_->socket.also_stop_at(&closed_);
  }
  ~BeastStream() override {
    // A watch that the server ended in good order leaves a connection as good as any.
    if (parser_.is_done() && parser_.keep_alive() && !closed_.raised()) {
      pool_->give_back(std::move(link_));
    }
  }

  const HttpResponse& head() const override { return head_; }
  void close() override { closed_.raise(); }

  Read read(std::chrono::milliseconds limit) override {
    link_->socket.set_deadline(Clock::now() + limit);
    while (!closed_.raised()) {
      if (parser_.is_done()) return {Outcome::kEnd, {}, {}};
      auto& body = parser_.get().body();
      body.data = block_.data();
      body.size = block_.size();
      error_code error;
      Readable readable(link_->socket);
      http::read_some(readable, link_->buffer, parser_, error);
      if (const std::size_t got = block_.size() - body.size; got > 0) {
        return {Outcome::kData, std::string(block_.data(), got), {}};
      }
      if (!error || error == http::error::need_buffer) continue;
      if (error == asio::error::timed_out) return {Outcome::kTimeout, {}, {}};
      if (error == asio::error::operation_aborted && closed_.raised()) break;
      return {Outcome::kError, {}, failure(error)};
    }
    return {Outcome::kEnd, {}, {}};
  }

 private:
  static Error failure(const error_code& error) {
    if (error == asio::error::operation_aborted) return cancelled();
    if (broke(error)) {
      return make_error(ErrorKind::kUnreachable, "the stream broke off: " + error.message());
    }
    return make_error(ErrorKind::kBadResponse, "the stream is not HTTP: " + error.message());
  }

  std::shared_ptr<Pool> pool_;
  Interrupt closed_;  // outlives link_, which watches it
  std::unique_ptr<Link> link_;
  http::response_parser<http::buffer_body> parser_;
  HttpResponse head_;
  std::array<char, kBlock> block_{};
};

// An open stream whose body, of a status other than 200, is there already.
class AnsweredStream final : public ByteStream {
 public:
  explicit AnsweredStream(HttpResponse response) : response_(std::move(response)) {}
  const HttpResponse& head() const override { return response_; }
  Read read(std::chrono::milliseconds) override { return {Outcome::kEnd, {}, {}}; }
  void close() override {}

 private:
  HttpResponse response_;
};

class BeastTransport final : public Transport {
 public:
  BeastTransport(TransportConfig config, Endpoint server, std::optional<Endpoint> proxy)
      : config_(std::move(config)), server_(std::move(server)), proxy_(std::move(proxy)) {}

  Status prepare() {
    auto changed = reload_tls();
    if (!changed) return changed.error();
    return Ok{};
  }

  Result<HttpResponse> send(const HttpRequest& request) override {
    if (auto checked = check_request(request); !checked) return checked.error();
    const auto deadline = Clock::now() + request.timeout;
    return with_authorization(
        config_,
        [&](const std::string& authorization) {
          return with_link<HttpResponse>(
              request, authorization, deadline,
              [&](std::unique_ptr<Link> link, error_code& error) -> Result<HttpResponse> {
                return receive(request, std::move(link), error);
              });
        },
        [this] { return tls_changed(); });
  }

  Result<std::unique_ptr<ByteStream>> open(const HttpRequest& request) override {
    if (auto checked = check_request(request); !checked) return checked.error();
    const auto deadline = Clock::now() + request.timeout;
    return with_authorization(
        config_,
        [&](const std::string& authorization) {
          return with_link<std::unique_ptr<ByteStream>>(
              request, authorization, deadline,
              [&](std::unique_ptr<Link> link,
                  error_code& error) -> Result<std::unique_ptr<ByteStream>> {
                return receive_stream(request, std::move(link), error);
              });
        },
        [this] { return tls_changed(); });
  }

  void shutdown() override {
    pool_->stop.raise();
    pool_->clear();
  }

 private:
  // Sends the request over an idle or a new connection and lets `receive` read the answer. An idle
  // connection may turn out closed by the server; then the request goes out once more over a new
  // one, if nothing of it can have been acted on.
  template <class T, class Receive>
  Result<T> with_link(const HttpRequest& request, const std::string& authorization,
                      Clock::time_point deadline, const Receive& receive) {
    const std::string text = serialize(request, authorization);
    auto link = pool_->take();
    if (link) {
      std::size_t sent = 0;
      error_code error;
      link->socket.set_deadline(deadline);
      auto result = send_over<T>(request, text, std::move(link), receive, sent, error);
      const bool stale = error && (error == http::error::end_of_stream ||
                                   error.category() == boost::system::system_category());
      const bool gave_up =
          error == asio::error::timed_out || error == asio::error::operation_aborted;
      if (!stale || gave_up || !(sent == 0 || is_read(request.method))) return result;
    }
    auto fresh = connect(deadline);
    if (!fresh) return fresh.error();
    std::size_t sent = 0;
    error_code error;
    return send_over<T>(request, text, *std::move(fresh), receive, sent, error);
  }

  template <class T, class Receive>
  Result<T> send_over(const HttpRequest& request, const std::string& text,
                      std::unique_ptr<Link> link, const Receive& receive, std::size_t& sent,
                      error_code& error) {
    while (sent < text.size() && !error) {
      sent += link->socket.write_some(text.data() + sent, text.size() - sent, error);
    }
    const bool gave_up = error == asio::error::timed_out || error == asio::error::operation_aborted;
    if (error && (sent == 0 || gave_up)) {
      if (error == asio::error::operation_aborted) return cancelled();
      if (sent != 0) return failed_read(request, error);
      return make_error(ErrorKind::kUnreachable, "send: " + error.message());
    }
    // A server may answer (413, 429) and close before it has read it all: the answer counts.
    link->spent = sent < text.size();
    error = {};
    return receive(std::move(link), error);
  }

  Result<HttpResponse> receive(const HttpRequest& request, std::unique_ptr<Link> link,
                               error_code& error) {
    std::optional<http::response_parser<http::string_body>> parser;
    read_head(*link, request.method, parser, error);
    if (!error) read_body(*link, *parser, error);
    if (error) return failed_read(request, error);
    return finish(*parser, std::move(link));
  }

  HttpResponse finish(http::response_parser<http::string_body>& parser,
                      std::unique_ptr<Link> link) {
    HttpResponse response = head_of(parser.get());
    response.body = std::move(parser.get().body());
    // Who was not known on it would not be the next time either.
    const bool known = response.status != static_cast<int>(http::status::unauthorized);
    if (parser.keep_alive() && known) pool_->give_back(std::move(link));
    return response;
  }

  Result<std::unique_ptr<ByteStream>> receive_stream(const HttpRequest& request,
                                                     std::unique_ptr<Link> link,
                                                     error_code& error) {
    constexpr unsigned kOk = 200;
    std::optional<http::response_parser<http::empty_body>> head;
    read_head(*link, request.method, head, error);
    if (error) return failed_read(request, error);
    if (head->get().result_int() == kOk) {
      return std::unique_ptr<ByteStream>(
          std::make_unique<BeastStream>(pool_, std::move(link), *std::move(head)));
    }
    http::response_parser<http::string_body> parser(*std::move(head));
    read_body(*link, parser, error);
    if (error) return failed_read(request, error);
    return std::unique_ptr<ByteStream>(
        std::make_unique<AnsweredStream>(finish(parser, std::move(link))));
  }

  Result<std::unique_ptr<Link>> connect(Clock::time_point deadline) {
    if (pool_->stop.raised()) return cancelled();
    auto link = std::make_unique<Link>(pool_->stop);
    link->socket.set_deadline(deadline);
    const Endpoint& hop = proxy_ ? *proxy_ : server_;
    if (auto done = link->socket.connect(hop.host, hop.port); !done) return done.error();
    if (!server_.tls) return link;
    if (proxy_) {
      if (auto done = tunnel(*link); !done) return done.error();
    }
    auto changed = reload_tls();
    if (!changed) return changed.error();
    std::shared_ptr<SSL_CTX> context;
    {
      const std::lock_guard lock(tls_mutex_);
      context = tls_context_;
      link->generation = pool_->generation;
    }
    if (auto done = link->socket.start_tls(context.get(), server_name()); !done) {
      return done.error();
    }
    return link;
  }

  // RFC 9110 section 9.3.6.
  Status tunnel(Link& link) {
    constexpr unsigned kOk = 200;
    std::string text =
        "CONNECT " + server_.authority() + " HTTP/1.1\r\nHost: " + server_.authority() + "\r\n";
    if (!proxy_->credentials.empty()) {
      text += "Proxy-Authorization: Basic " + base64(proxy_->credentials) + "\r\n";
    }
    text += "\r\n";
    error_code error;
    for (std::size_t sent = 0; sent < text.size() && !error;) {
      sent += link.socket.write_some(text.data() + sent, text.size() - sent, error);
    }
    http::response_parser<http::empty_body> answer;
    answer.skip(true);
    Readable readable(link.socket);
    if (!error) http::read_header(readable, link.buffer, answer, error);
    if (error == asio::error::operation_aborted) return cancelled();
    const std::string doing = "proxy " + proxy_->authority() + " to " + server_.authority() + ": ";
    if (error) return make_error(ErrorKind::kUnreachable, doing + error.message());
    if (answer.get().result_int() != kOk) {
      return make_error(ErrorKind::kUnreachable,
                        doing + "HTTP " + std::to_string(answer.get().result_int()));
    }
    return Ok{};
  }

  std::string serialize(const HttpRequest& request, const std::string& authorization) const {
    std::string text;
    text.reserve(kHeadOfRequest + authorization.size() + request.target.size() +
                 request.body.size());
    text.append(request.method).append(" ");
    if (proxy_ && !server_.tls) text += "http://" + server_.authority();
    text += server_.prefix + request.target + " HTTP/1.1\r\n";
    const auto add = [&text](std::string_view name, std::string_view value) {
      text.append(name).append(": ").append(value).append("\r\n");
    };
    add("Host", server_.authority());
    add("User-Agent", config_.user_agent);
    if (!authorization.empty()) add("Authorization", authorization);
    if (proxy_ && !server_.tls && !proxy_->credentials.empty()) {
      add("Proxy-Authorization", "Basic " + base64(proxy_->credentials));
    }
    for (const auto& [name, value] : config_.extra_headers) add(name, value);
    for (const auto& [name, value] : request.headers) add(name, value);
    if (!request.body.empty() || !is_read(request.method)) {
      add("Content-Length", std::to_string(request.body.size()));
    }
    text += "\r\n";
    return text += request.body;
  }

  const std::string& server_name() const {
    return config_.tls_server_name.empty() ? server_.host : config_.tls_server_name;
  }

  // Reads the TLS material again where it can change; true if it did, and then a new context is in
  // use and idle connections made under the old one are dropped.
  Result<bool> reload_tls() {
    if (!server_.tls) return false;
    TlsMaterial material = config_.tls;
    if (config_.reread_tls) {
      auto read = config_.reread_tls();
      if (!read) return read.error();
      material = *std::move(read);
    }
    const std::lock_guard lock(tls_mutex_);
    if (tls_context_ && material == tls_material_) return false;
    auto context = make_tls_context(material, server_name(), config_.insecure_skip_tls_verify);
    if (!context) return context.error();
    tls_context_ = std::move(*context);
    tls_material_ = std::move(material);
    pool_->renew();
    return true;
  }
  bool tls_changed() {
    const auto changed = reload_tls();
    return changed && *changed;
  }

  const TransportConfig config_;
  const Endpoint server_;
  const std::optional<Endpoint> proxy_;
  const std::shared_ptr<Pool> pool_ = std::make_shared<Pool>();
  std::mutex tls_mutex_;
  std::shared_ptr<SSL_CTX> tls_context_;  // guarded by tls_mutex_
  TlsMaterial tls_material_;              // guarded by tls_mutex_
};

}  // namespace

Result<std::unique_ptr<Transport>> make_beast_transport(const TransportConfig& config) {
  auto endpoints = endpoints_of(config);
  if (!endpoints) return endpoints.error();
  auto transport = std::make_unique<BeastTransport>(config, std::move(endpoints->server),
                                                    std::move(endpoints->proxy));
  if (auto prepared = transport->prepare(); !prepared) return prepared.error();
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace swo::kube
