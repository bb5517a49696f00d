#include "runtime/rest_listener.hpp"

#include <array>
#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

#include <boost/asio/ssl/context.hpp>
#include <cpprest/http_listener.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "runtime/log.hpp"

namespace swo::runtime {
namespace {

namespace http = web::http;
namespace ssl = boost::asio::ssl;
using http::experimental::listener::http_listener;
using http::experimental::listener::http_listener_config;

// cpprestsdk's threads end after the handlers of exit(), of which OpenSSL's would take away what
// they still use, and leave behind what it keeps for each. Said before its first use, or it is too
// late (OPENSSL_init_crypto(3)).
[[maybe_unused]] const int kOpensslOutlivesThreads =
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);

kube::Error config_error(std::string message) {
  return {kube::ErrorKind::kConfig, 0, "", std::move(message), std::nullopt, {}};
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
  boost::system::error_code fault;
  context.use_certificate_chain_file(tls.certificate, fault);
  if (fault)
    throw std::runtime_error(tls.certificate + " holds no PEM certificate, or cannot be read");
  context.use_private_key_file(tls.key, ssl::context::pem, fault);
  if (fault) {
    throw std::runtime_error(tls.key + " holds no PEM key of that certificate, or cannot be read");
  }
}

// cpprestsdk cuts its listeners' addresses at the first colon, so "[::]" cannot be said. In a Pod
// that has an IPv6 address only, the Pod's own name (kubelet puts it in /etc/hosts) says the same.
std::string name_of_ipv6_only_host() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.data(), nullptr, &hints, &found) != 0) return {};
  bool only_ipv6 = found != nullptr;
  for (addrinfo* at = found; at != nullptr; at = at->ai_next) {
    only_ipv6 = only_ipv6 && at->ai_family == AF_INET6;
  }
  freeaddrinfo(found);
  return only_ipv6 ? std::string(name.data()) : std::string{};
}

RestRequest request_of(const http::http_request& message) {
  RestRequest request;
  request.method = message.method();
  request.path = web::uri::decode(message.relative_uri().path());
  request.query = message.relative_uri().query();
  message.headers().match(http::header_names::authorization, request.authorization);
  return request;
}

void answer(const http::http_request& message, const RestListener::Handler& handler) {
  RestResponse response;
  try {
    response = handler(request_of(message));
  } catch (const std::exception& fault) {
    log::error("a REST endpoint failed", {{"error", fault.what()}});
    response = {500, "text/plain; charset=utf-8", "internal error\n"};
  }
  http::http_response reply(static_cast<http::status_code>(response.status));
  reply.set_body(std::move(response.body), response.content_type);
  // A client that has gone away is no fault of ours.
  message.reply(reply).then([](const pplx::task<void>& sent) {
    try {
      sent.get();
    } catch (const std::exception& fault) {
      log::debug("an answer could not be sent", {{"error", fault.what()}});
    }
  });
}

}  // namespace

struct RestListener::State {
  Handler handler;
  std::vector<std::unique_ptr<http_listener>> listeners;

  void open(const std::string& host, const std::string& port, const TlsFiles* tls) {
    http_listener_config config;
    config.set_timeout(utility::seconds(30));
    if (tls != nullptr) {
      config.set_ssl_context_callback([files = *tls](ssl::context& context) {
        try {
          configure(context, files);
        } catch (const std::exception& fault) {
          // Without a certificate the handshake fails, and the next connection reads everything
          // again.
          log::error("a TLS connection cannot be served",
                     {{"certificate", files.certificate}, {"error", fault.what()}});
        }
      });
    }
    web::uri address((tls != nullptr ? "https://" : "http://") + host + ":" + port + "/");
    auto listener = std::make_unique<http_listener>(address, config);
    listener->support([this](const http::http_request& message) { answer(message, handler); });
    listener->open().get();
    listeners.push_back(std::move(listener));
  }
};

RestListener::RestListener(Handler handler) : state_(std::make_unique<State>()) {
  state_->handler = std::move(handler);
}

RestListener::~RestListener() { stop(); }

kube::Status RestListener::start(const std::string& address, const TlsFiles* tls) {
  std::size_t colon = address.rfind(':');
  if (colon == std::string::npos ||
      address.find_first_not_of("0123456789", colon + 1) != std::string::npos ||
      colon + 1 == address.size()) {
    return config_error("\"" + address +
                        "\" is no address to listen on: write \":8081\" or \"127.0.0.1:8081\"");
  }
  std::string host = address.substr(0, colon);
  std::string port = address.substr(colon + 1);
  try {
    if (tls != nullptr) {
      ssl::context trial(ssl::context::tls_server);
      configure(trial, *tls);
    }
    std::string ipv6_name = host.empty() ? name_of_ipv6_only_host() : std::string{};
    if (!ipv6_name.empty()) state_->open(ipv6_name, port, tls);
    state_->open(host.empty() ? "0.0.0.0" : host, port, tls);
  } catch (const std::exception& fault) {
    stop();
    return config_error("cannot listen on " + address + ": " + fault.what());
  }
  return kube::Ok{};
}

void RestListener::stop() {
  for (auto& listener : state_->listeners) {
    try {
      listener->close().get();
    } catch (const std::exception& fault) {
      log::debug("a listener did not close", {{"error", fault.what()}});
    }
  }
  state_->listeners.clear();
}

}  // namespace swo::runtime
