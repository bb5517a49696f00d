#include "runtime/rest_listener.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "runtime/log.hpp"
#include "runtime/rest_connection.hpp"

namespace swo::runtime {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

// A handler of the metrics may wait for the API server; another is served meanwhile.
constexpr int kWorkers = 2;
// Before it is tried again to accept where that failed: out of descriptors, most likely.
constexpr std::chrono::milliseconds kPause{100};
constexpr int kInternalError = 500;

kube::Error config_error(std::string message) {
  return kube::make_error(kube::ErrorKind::kConfig, std::move(message));
}

void configure(ssl::context& context, const TlsFiles& tls) {
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                      ssl::context::no_sslv3 | ssl::context::no_compression);
  const TlsSettings settings = tls.settings ? tls.settings() : TlsSettings{};
  int version = settings.min_version == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION;
  SSL_CTX_set_min_proto_version(context.native_handle(), version);
  if (!settings.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context.native_handle(), settings.ciphers.c_str()) != 1) {
    throw std::runtime_error("no cipher of \"" + settings.ciphers + "\" is known to OpenSSL");
  }
  if (!settings.suites.empty() &&
      SSL_CTX_set_ciphersuites(context.native_handle(), settings.suites.c_str()) != 1) {
    throw std::runtime_error("OpenSSL does not know all of \"" + settings.suites + "\"");
  }
  // A key with a passphrase must not make a daemon ask for it at a terminal.
  context.set_password_callback(
      [](std::size_t, ssl::context::password_purpose) { return std::string(); });
  error_code fault;
  context.use_certificate_chain_file(tls.certificate, fault);
  if (fault)
    throw std::runtime_error(tls.certificate + " holds no PEM certificate, or cannot be read");
  context.use_private_key_file(tls.key, ssl::context::pem, fault);
  if (fault) {
    throw std::runtime_error(tls.key + " holds no PEM key of that certificate, or cannot be read");
  }
}

// Every address of the host, of IPv4 and of IPv6, where `host` is empty.
void listen_on(tcp::acceptor& acceptor, const std::string& host, std::uint16_t port) {
  const auto bind = [&acceptor](const tcp::endpoint& where, bool both) {
    acceptor.open(where.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    if (both) acceptor.set_option(asio::ip::v6_only(false));
    acceptor.bind(where);
    acceptor.listen();
  };
  if (!host.empty()) {
    tcp::resolver resolver(acceptor.get_executor());
    bind(resolver.resolve(host, std::to_string(port))->endpoint(), false);
    return;
  }
  try {
    bind({tcp::v6(), port}, true);
  } catch (const boost::system::system_error& fault) {
    if (fault.code() == asio::error::address_in_use) throw;
    // A kernel without IPv6.
    error_code ignored;
    acceptor.close(ignored);
    bind({tcp::v4(), port}, false);
  }
}

// Whatever a handler throws, the thread goes on.
void run(asio::io_context& io) {
  while (!io.stopped()) {
    try {
      io.run();
    } catch (const std::exception& fault) {
      log::error("a REST connection failed", {{"error", fault.what()}});
    }
  }
}

RestResponse answer(const RestListener::Handler& handler, const RestRequest& request) {
  try {
    return handler(request);
  } catch (const std::exception& fault) {
    log::error("a REST endpoint failed", {{"error", fault.what()}});
  } catch (...) {
    log::error("a REST endpoint failed", {});
  }
  return {kInternalError, "text/plain; charset=utf-8", "internal error\n"};
}

}  // namespace

// What listens from start() to stop(). One thread does all that is read and written and holds the
// connections; handlers, which may block, run on others.
class RestListener::State {
 public:
  State(const Handler& handler, const Limits& limits, const TlsFiles* tls)
      : handler_(handler), limits_(limits) {
    if (tls != nullptr) files_ = *tls;
  }
  ~State() {
    io_.stop();
    work_.stop();
    for (std::thread& thread : threads_) thread.join();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start(const std::string& host, std::uint16_t port) {
    if (files_) trial();
    listen_on(acceptor_, host, port);
    accept();
    threads_.emplace_back([this] { run(io_); });
    for (int i = 0; i < kWorkers; ++i) threads_.emplace_back([this] { run(work_); });
  }

 private:
  void trial() const {
    ssl::context context(ssl::context::tls_server);
    configure(context, *files_);
  }

  void accept() {
    acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {
        pause_.expires_after(kPause);
        pause_.async_wait([this](const error_code& stopped) {
          if (!stopped) accept();
        });
        return;
      }
      accept();
      serve(std::move(socket));
    });
  }

  void serve(tcp::socket socket) {
    std::optional<ssl::context> context;
    if (files_) {
      try {
        configure(context.emplace(ssl::context::tls_server), *files_);
      } catch (const std::exception& fault) {
        // The next connection reads everything again.
        log::error("a TLS connection cannot be served",
                   {{"certificate", files_->certificate}, {"error", fault.what()}});
        return;
      }
    }
    if (!make_room()) return;
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto connection = std::make_shared<RestConnection>(
        std::move(socket), std::move(context),
        [this](const std::shared_ptr<RestConnection>& asking, RestRequest request) {
          hand_over(asking, std::move(request));
        },
        limits_.deadline);
    connections_.push_back(connection);
    connection->start();
  }

  // Where there are as many connections as may be, the one that has waited longest for its client
  // makes room: who holds connections open does not keep others out. False where each is being
  // answered.
  bool make_room() {
    std::erase_if(connections_, [](const auto& connection) { return connection.expired(); });
    if (connections_.size() < limits_.connections) return true;
    std::shared_ptr<RestConnection> longest;
    for (const auto& weak : connections_) {
      const auto connection = weak.lock();
      if (!connection || !connection->waiting_since()) continue;
      if (!longest || *connection->waiting_since() < *longest->waiting_since()) {
        longest = connection;
      }
    }
    if (!longest) return false;
    longest->close();
    std::erase_if(connections_, [&](const auto& weak) { return weak.lock() == longest; });
    return true;
  }

  void hand_over(const std::shared_ptr<RestConnection>& connection, RestRequest request) {
    asio::post(work_, [this, connection, request = std::move(request)]() mutable {
      asio::post(io_, [connection, response = answer(handler_, request)]() mutable {
        connection->reply(std::move(response));
      });
    });
  }

  const Handler& handler_;
  const Limits limits_;
  std::optional<TlsFiles> files_;
  asio::io_context io_{1};
  asio::io_context work_{kWorkers};
  asio::executor_work_guard<asio::io_context::executor_type> working_{work_.get_executor()};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer pause_{io_};
  std::vector<std::weak_ptr<RestConnection>> connections_;
  std::vector<std::thread> threads_;
};

RestListener::RestListener(Handler handler, const Limits& limits)
    : handler_(std::move(handler)), limits_(limits) {}

RestListener::~RestListener() = default;

kube::Status RestListener::start(const std::string& address, const TlsFiles* tls) {
  const std::size_t colon = address.rfind(':');
  std::uint16_t port = 0;
  const char* const end = address.data() + address.size();
  const auto parsed = colon == std::string::npos
                          ? std::from_chars_result{end, std::errc::invalid_argument}
                          : std::from_chars(address.data() + colon + 1, end, port);
  if (parsed.ec != std::errc{} || parsed.ptr != end) {
    return config_error("\"" + address +
                        "\" is no address to listen on: write \":8081\" or \"127.0.0.1:8081\"");
  }
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  try {
    auto state = std::make_unique<State>(handler_, limits_, tls);
    state->start(host, port);
    state_ = std::move(state);
  } catch (const std::exception& fault) {
    return config_error("cannot listen on " + address + ": " + fault.what());
  }
  return kube::Ok{};
}

void RestListener::stop() { state_.reset(); }

}  // namespace swo::runtime
