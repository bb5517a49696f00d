// The second transport: cpprestsdk's http_client, its known faults kept away from the caller.
//
//  * Its timeout is per receive, 30 s by default, and would end a quiet watch: it is set out of the
//    way, and the deadlines of transport.hpp are kept here, by cancelling.
//  * A read of a stream that timed out stays queued inside (microsoft/cpprestsdk #1603): it is kept
//    and waited for again, never doubled.
//  * It sends any request again when an idle connection turns out closed, a POST too. It cannot
//  when
//    the body cannot be rewound, so writes carry such bodies.
//  * After that refusal, and after other errors, its pool may hold a connection that was never
//    connected: the client, with its pool, is replaced.
//  * It trusts the system's CAs beside ours, and hides why a handshake failed: tls.hpp sets both
//    right.
//  * It takes an interim answer (status 1xx) for the answer, and leaves that to the next request:
//    it is an error. Nothing that we send asks for one.
//  * It follows redirects, Authorization header and all: switched off.
//  * It may crash at exit while requests are in flight (#1480, #1482): the destructor waits for
//    them.
//
// This is the only file that includes cpprest: compiling its headers takes most of a minute.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>

#include <cpprest/containerstream.h>
#include <cpprest/http_client.h>
#include <cpprest/producerconsumerstream.h>
#include <pplx/threadpool.h>

#include "kube/tls.hpp"
#include "kube/transport_common.hpp"
#include "kube/transport_config.hpp"

namespace swo::kube {
namespace {

namespace rest = web::http;
using Clock = std::chrono::steady_clock;

// Longer than any deadline of ours: these end first.
constexpr std::chrono::hours kLibraryTimeout{24};
// How long the destructor waits for what is in flight; cancelled requests end in milliseconds.
constexpr std::chrono::seconds kDrainLimit{5};

// Why the newest handshake was refused. Shared with OpenSSL's callbacks through the client's
// config.
struct HandshakeLog {
  std::mutex mutex;
  long verify_error = X509_V_OK;  // guarded by mutex
  std::string config_error;       // guarded by mutex; "" = none
};

// Counts what the library has in flight and wakes who waits for it or for the end.
struct Flights {
  std::mutex mutex;
  std::condition_variable changed;
  std::set<class Exchange*> open;  // guarded by mutex
  int in_flight = 0;               // guarded by mutex: begun, and not completed by the library
  bool stopped = false;            // guarded by mutex
};

// One request, from its start until the library is done with it. Its continuations hold it.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  explicit Exchange(std::shared_ptr<Flights> flights) : flights_(std::move(flights)) {}
  // Cancelled from the start when the transport is shut down.
  static std::shared_ptr<Exchange> make(const std::shared_ptr<Flights>& flights) {
    auto exchange = std::make_shared<Exchange>(flights);
    const std::lock_guard lock(flights->mutex);
    flights->open.insert(exchange.get());
    if (flights->stopped) exchange->cancel();
    return exchange;
  }
  ~Exchange() {
    const std::lock_guard lock(flights_->mutex);
    flights_->open.erase(this);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  pplx::cancellation_token token() const { return source_.get_token(); }
  void cancel() {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;  // first: what the library then reports is of no more interest
      changed_.notify_all();
    }
    source_.cancel();
  }

  // Brackets what the library does on its own threads; `set` stores the outcome.
  void begin() {
    const std::lock_guard lock(flights_->mutex);
    ++flights_->in_flight;
  }
  template <class Set>
  void complete(const Set& set) {
    {
      const std::lock_guard lock(mutex_);
      set();
      ready_ = true;
      changed_.notify_all();
    }
    const std::lock_guard lock(flights_->mutex);
    --flights_->in_flight;
    flights_->changed.notify_all();
  }
  enum class Waited { kReady, kCancelled, kTimeout };
  // Waits for complete(); after kReady the next wait is for the next complete().
  Waited wait_until(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [this] { return ready_ || cancelled_; });
    if (cancelled_) return Waited::kCancelled;
    if (!ready_) return Waited::kTimeout;
    ready_ = false;
    return Waited::kReady;
  }

  // Bytes received by the library less those taken from it stay under kMaxBody.
  void received(std::uint64_t total) const {
    if (total - std::min<std::uint64_t>(total, taken.load()) > kMaxBody) {
      throw std::length_error("the answer is too large");
    }
  }
  std::atomic<std::uint64_t> taken{0};

  // Set in complete(), read after Waited::kReady.
  rest::http_response response;
  std::string failure;  // "" = none
  int byte = 0;

 private:
  const std::shared_ptr<Flights> flights_;
  pplx::cancellation_token_source source_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;      // guarded by mutex_
  bool cancelled_ = false;  // guarded by mutex_
};

std::string text_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "unknown exception";
  }
}

HttpResponse head_of(const rest::http_response& response) {
  HttpResponse out;
  out.status = response.status_code();
  for (const auto& [name, value] : response.headers()) {
    std::string lower = name;
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    out.headers.emplace_back(std::move(lower), value);
  }
  return out;
}

class CpprestStream final : public ByteStream {
 public:
  CpprestStream(std::shared_ptr<Exchange> exchange, HttpResponse head)
      : exchange_(std::move(exchange)), head_(std::move(head)) {
    if (constexpr int kOk = 200; head_.status == kOk) {
      buffer_ = exchange_->response.body().streambuf();
    }
  }
  ~CpprestStream() override { exchange_->cancel(); }

  const HttpResponse& head() const override { return head_; }
  void close() override {
    closed_ = true;
    exchange_->cancel();
  }

  Read read(std::chrono::milliseconds limit) override {
    if (!buffer_ || ended_) return {Outcome::kEnd, {}, {}};
    if (!reading_) ask_for_a_byte();
    reading_ = true;
    switch (exchange_->wait_until(Clock::now() + limit)) {
      case Exchange::Waited::kTimeout:
        return {Outcome::kTimeout, {}, {}};
      case Exchange::Waited::kCancelled:
        if (closed_) return {Outcome::kEnd, {}, {}};
        return {Outcome::kError, {}, cancelled()};
      case Exchange::Waited::kReady:
        break;
    }
    reading_ = false;
    if (!exchange_->failure.empty()) {
      ended_ = true;
      return {Outcome::kError,
              {},
              make_error(ErrorKind::kUnreachable, "the stream broke off: " + exchange_->failure)};
    }
    if (exchange_->byte == std::char_traits<char>::eof()) {
      ended_ = true;
      return {Outcome::kEnd, {}, {}};
    }
    // The first byte came through the queue of reads; what else is there is taken at once.
    std::string data(1, static_cast<char>(exchange_->byte));
    std::uint8_t* block = nullptr;
    std::size_t size = 0;
    while (buffer_.acquire(block, size) && size != 0) {
      data.append(reinterpret_cast<const char*>(block), size);
      buffer_.release(block, size);
    }
    exchange_->taken += data.size();
    return {Outcome::kData, std::move(data), {}};
  }

 private:
  void ask_for_a_byte() {
    exchange_->begin();
    buffer_.bumpc().then([exchange = exchange_](const pplx::task<int>& task) {
      int byte = 0;
      std::string failure;
      try {
        byte = task.get();
      } catch (...) {
        failure = text_of(std::current_exception());
      }
      exchange->complete([&] {
        exchange->byte = byte;
        exchange->failure = failure;
      });
    });
  }

  const std::shared_ptr<Exchange> exchange_;
  const HttpResponse head_;
  concurrency::streams::streambuf<std::uint8_t> buffer_;
  bool reading_ = false;  // a byte is asked for and has not come
  bool ended_ = false;
  std::atomic<bool> closed_{false};
};

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(TransportConfig config, Endpoint server, std::optional<Endpoint> proxy)
      : config_(std::move(config)), server_(std::move(server)), proxy_(std::move(proxy)) {}

  ~CpprestTransport() override {
    shutdown();
    client_.reset();
    std::unique_lock lock(flights_->mutex);
    flights_->changed.wait_for(lock, kDrainLimit, [this] { return flights_->in_flight == 0; });
  }

  Status prepare() {
    auto material = current_material();
    if (!material) return material.error();
    if (server_.tls) {
      auto context = make_tls_context(*material, server_name(), config_.insecure_skip_tls_verify);
      if (!context) return context.error();
    }
    material_ = *std::move(material);
    renew_client();
    return Ok{};
  }

  Result<HttpResponse> send(const HttpRequest& request) override {
    if (auto checked = check_request(request); !checked) return checked.error();
    const auto deadline = Clock::now() + request.timeout;
    return with_authorization(
        config_,
        [&](const std::string& authorization) -> Result<HttpResponse> {
          return exchange_whole(request, authorization, deadline);
        },
        [this] { return tls_changed(); });
  }

  Result<std::unique_ptr<ByteStream>> open(const HttpRequest& request) override {
    if (auto checked = check_request(request); !checked) return checked.error();
    const auto deadline = Clock::now() + request.timeout;
    return with_authorization(
        config_,
        [&](const std::string& authorization) -> Result<std::unique_ptr<ByteStream>> {
          return exchange_head(request, authorization, deadline);
        },
        [this] { return tls_changed(); });
  }

  void shutdown() override {
    std::vector<std::shared_ptr<Exchange>> open;
    {
      const std::lock_guard lock(flights_->mutex);
      flights_->stopped = true;
      for (Exchange* exchange : flights_->open) {
        if (auto held = exchange->weak_from_this().lock()) open.push_back(std::move(held));
      }
    }
    for (const auto& exchange : open) exchange->cancel();
  }

 private:
  Result<HttpResponse> exchange_whole(const HttpRequest& request, const std::string& authorization,
                                      Clock::time_point deadline) {
    const auto exchange = Exchange::make(flights_);
    concurrency::streams::container_buffer<std::vector<std::uint8_t>> body;
    auto message = message_of(request, authorization, *exchange);
    if (!message) return message.error();
    message->set_response_stream(body.create_ostream());
    start(*message, exchange, true);
    if (auto answered = await(request, *exchange, deadline); !answered) return answered.error();
    HttpResponse response = head_of(exchange->response);
    const auto& bytes = body.collection();
    response.body.assign(bytes.begin(), bytes.end());
    return response;
  }

  Result<std::unique_ptr<ByteStream>> exchange_head(const HttpRequest& request,
                                                    const std::string& authorization,
                                                    Clock::time_point deadline) {
    constexpr int kOk = 200;
    const auto exchange = Exchange::make(flights_);
    auto message = message_of(request, authorization, *exchange);
    if (!message) return message.error();
    start(*message, exchange, false);
    if (auto answered = await(request, *exchange, deadline); !answered) return answered.error();
    HttpResponse head = head_of(exchange->response);
    if (head.status != kOk) {
      auto text = std::make_shared<std::string>();
      exchange->begin();
      exchange->response.extract_utf8string(true).then(
          [exchange, text](const pplx::task<std::string>& task) {
            std::string failure;
            try {
              *text = task.get();
            } catch (...) {
              failure = text_of(std::current_exception());
            }
            exchange->complete([&] { exchange->failure = failure; });
          });
      if (auto whole = await(request, *exchange, deadline); !whole) return whole.error();
      head.body = std::move(*text);
    }
    return std::unique_ptr<ByteStream>(std::make_unique<CpprestStream>(exchange, std::move(head)));
  }

  Result<rest::http_request> message_of(const HttpRequest& request,
                                        const std::string& authorization, Exchange& exchange) {
    try {
      rest::http_request message(request.method);
      message.set_request_uri(web::uri(request.target));
      std::string content_type = "application/octet-stream";
      message.headers().add("User-Agent", config_.user_agent);
      if (!authorization.empty()) message.headers().add("Authorization", authorization);
      for (const auto& [name, value] : config_.extra_headers) message.headers().add(name, value);
      for (const auto& [name, value] : request.headers) {
        if (name == "Content-Type") {
          content_type = value;
        } else {
          message.headers().add(name, value);
        }
      }
      if (!is_read(request.method)) {
        concurrency::streams::producer_consumer_buffer<std::uint8_t> body;
        body.putn_nocopy(reinterpret_cast<const std::uint8_t*>(request.body.data()),
                         request.body.size())
            .wait();
        body.close(std::ios_base::out).wait();
        message.set_body(body.create_istream(), request.body.size(), content_type);
      }
      message.set_progress_handler(
          [weak = exchange.weak_from_this()](rest::message_direction::direction direction,
                                             utility::size64_t total) {
            const auto held = weak.lock();
            if (held && direction == rest::message_direction::download) held->received(total);
          });
      return message;
    } catch (const std::exception& error) {
      return make_error(ErrorKind::kInvalid,
                        std::string("the request cannot be built: ") + error.what());
    }
  }

  void start(const rest::http_request& message, const std::shared_ptr<Exchange>& exchange,
             bool whole) {
    exchange->begin();
    current_client()
        ->request(message, exchange->token())
        .then([whole](const rest::http_response& response) {
          return whole ? response.content_ready() : pplx::task_from_result(response);
        })
        .then([exchange](const pplx::task<rest::http_response>& task) {
          std::string failure;
          rest::http_response response;
          try {
            response = task.get();
          } catch (...) {
            failure = text_of(std::current_exception());
          }
          exchange->complete([&] {
            exchange->response = response;
            exchange->failure = failure;
          });
        });
  }

  // Waits for what was started. After an error the library's pool is not trusted any more.
  Status await(const HttpRequest& request, Exchange& exchange, Clock::time_point deadline) {
    switch (exchange.wait_until(deadline)) {
      case Exchange::Waited::kReady:
        break;
      case Exchange::Waited::kCancelled:
        return cancelled();
      case Exchange::Waited::kTimeout:
        exchange.cancel();
        return unanswered(request.method,
                          "no answer within " + std::to_string(request.timeout.count()) + " ms");
    }
    constexpr int kFirstFinal = 200;
    const bool interim = exchange.failure.empty() && exchange.response.status_code() < kFirstFinal;
    if (exchange.failure.empty() && !interim) return Ok{};
    renew_client();
    return failed(request, interim ? "an interim answer came first" : exchange.failure);
  }

  Error failed(const HttpRequest& request, const std::string& what) {
    const auto says = [&what](std::string_view text) {
      return what.find(text) != std::string::npos;
    };
    {
      const std::lock_guard lock(handshakes_->mutex);
      if (!handshakes_->config_error.empty()) {
        return make_error(ErrorKind::kConfig, std::exchange(handshakes_->config_error, {}));
      }
      if (says("SSL handshake") && handshakes_->verify_error != X509_V_OK) {
        return make_error(
            ErrorKind::kUnreachable,
            "TLS handshake with " + server_name() + ": " +
                explain_verify_error(std::exchange(handshakes_->verify_error, X509_V_OK),
                                     server_name()));
      }
    }
    // The library's texts are the only thing that tells how far a request got.
    if (says("resolv") || says("connect to any") || says("SSL handshake") || says("proxy")) {
      return make_error(ErrorKind::kUnreachable, "connect to " + server_.authority() + ": " + what);
    }
    if (says("too large")) return too_large_error();
    if (says("Invalid HTTP status line") || says("Invalid chunked")) {
      return make_error(ErrorKind::kBadResponse, what);
    }
    if (is_read(request.method) && (says("response body") || says("chunk"))) {
      return make_error(ErrorKind::kBadResponse, "the answer ends in its middle: " + what);
    }
    return unanswered(request.method, "the connection broke before the answer: " + what);
  }

  std::shared_ptr<rest::client::http_client> current_client() {
    const std::lock_guard lock(mutex_);
    return client_;
  }

  void renew_client() {
    rest::client::http_client_config options;
    options.set_timeout(kLibraryTimeout);
    options.set_max_redirects(0);
    options.set_validate_certificates(!config_.insecure_skip_tls_verify);
    if (proxy_) {
      web::web_proxy proxy{web::uri("http://" + proxy_->authority())};
      if (const auto& user = proxy_->credentials; !user.empty()) {
        const std::size_t colon = std::min(user.find(':'), user.size());
        proxy.set_credentials(
            {user.substr(0, colon), colon < user.size() ? user.substr(colon + 1) : ""});
      }
      options.set_proxy(proxy);
    }
    if (server_.tls) {
      options.set_tlsext_sni_enabled(false);  // it would announce IP addresses, and not our name
      if (!proxy_) {
        options.set_nativehandle_options(
            [name = server_name()](rest::client::native_handle stream) {
              using Stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;
              announce_name(static_cast<Stream*>(stream)->native_handle(), name);
            });
      } else {
        // Behind a proxy the handle is the bare socket still: it announces the server's host.
        options.set_tlsext_sni_enabled(!is_ip_address(server_.host));
      }
      options.set_ssl_context_callback([this_config = config_, name = server_name(),
                                        log = handshakes_](boost::asio::ssl::context& context) {
        set_up(context, this_config, name, log);
      });
    }
    const std::string scheme = server_.tls ? "https://" : "http://";
    auto client = std::make_shared<rest::client::http_client>(
        web::uri(scheme + server_.authority() + server_.prefix), options);
    const std::lock_guard lock(mutex_);
    client_ = std::move(client);
  }

  // Called by the library for each new connection, so material that has changed is in use from then
  // on.
  static void set_up(boost::asio::ssl::context& context, const TransportConfig& config,
                     const std::string& name, const std::shared_ptr<HandshakeLog>& log) {
    const auto fail = [&log](const std::string& message) {
      const std::lock_guard lock(log->mutex);
      log->config_error = message;
      throw std::runtime_error(message);
    };
    const auto material = config.reread_tls ? config.reread_tls() : Result(config.tls);
    if (!material) fail(material.error().message);
    const auto set =
        configure_tls(context.native_handle(), *material, name, config.insecure_skip_tls_verify);
    if (!set) fail(set.error().message);
    if (config.insecure_skip_tls_verify) return;
    // In place of the library's own check of the name, which knows no tls-server-name, and to learn
    // why a certificate is refused. The log lives as long as the client, and so as its connections.
    SSL_CTX_set_cert_verify_callback(context.native_handle(), &verify, log.get());
  }

  static int verify(X509_STORE_CTX* store, void* argument) {
    X509_STORE_CTX_set_verify_cb(store, [](int valid, X509_STORE_CTX*) { return valid; });
    const int valid = X509_verify_cert(store);
    if (valid != 1) {
      auto* log = static_cast<HandshakeLog*>(argument);
      const std::lock_guard lock(log->mutex);
      log->verify_error = X509_STORE_CTX_get_error(store);
    }
    return valid;
  }

  const std::string& server_name() const {
    return config_.tls_server_name.empty() ? server_.host : config_.tls_server_name;
  }

  Result<TlsMaterial> current_material() const {
    if (config_.reread_tls) return config_.reread_tls();
    return config_.tls;
  }
  bool tls_changed() {
    auto material = current_material();
    if (!material) return false;
    {
      const std::lock_guard lock(mutex_);
      if (*material == material_) return false;
      material_ = *std::move(material);
    }
    renew_client();
    return true;
  }

  const TransportConfig config_;
  const Endpoint server_;
  const std::optional<Endpoint> proxy_;
  const std::shared_ptr<Flights> flights_ = std::make_shared<Flights>();
  const std::shared_ptr<HandshakeLog> handshakes_ = std::make_shared<HandshakeLog>();
  std::mutex mutex_;
  std::shared_ptr<rest::client::http_client> client_;  // guarded by mutex_
  TlsMaterial material_;                               // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<Transport>> make_cpprest_transport(const TransportConfig& config) {
  auto endpoints = endpoints_of(config);
  if (!endpoints) return endpoints.error();
  std::set<std::string> names;
  for (const auto& [name, value] : config.extra_headers) {
    if (names.insert(name).second) continue;
    // The library would join the values with a comma, into one group of a strange name.
    return make_error(ErrorKind::kConfig, "cpprestsdk cannot send the header " + name +
                                              " twice: use the default transport for this");
  }
  auto transport = std::make_unique<CpprestTransport>(config, std::move(endpoints->server),
                                                      std::move(endpoints->proxy));
  try {
    if (auto prepared = transport->prepare(); !prepared) return prepared.error();
  } catch (const std::exception& error) {
    return make_error(ErrorKind::kConfig, std::string("cluster.server: ") + error.what());
  }
  return std::unique_ptr<Transport>(std::move(transport));
}

bool initialize_cpprest_threads(std::size_t threads) {
  OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
  try {
    crossplat::threadpool::initialize_with_threads(threads);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace swo::kube
