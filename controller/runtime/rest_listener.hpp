// The operator's own REST endpoints: an HTTP or HTTPS listener on Boost.Beast behind a plain
// function. Whoever reaches the Pod reaches it, so a client is trusted with nothing: heads of 8 KiB
// (431), no bodies (413), a deadline for each wait, and so many connections, of which the one that
// has been silent longest makes room for a new one (rest_connection.hpp).
//
// cpprestsdk's http_listener is not used for it: a chunk of the length "-1" ends its process, it
// keeps bodies of any length, and waits for ever.
//
// Not for several threads at once. Handlers run on two threads of the listener's own, so they may
// block; what they throw becomes a 500.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "kube/result.hpp"

namespace swo::runtime {

struct RestRequest {
  std::string method;
  std::string path;           // decoded
  std::string query;          // after the '?'
  std::string authorization;  // the header's value
};

struct RestResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
};

// What is negotiated. Names are OpenSSL's, separated by colons; "" = OpenSSL's default.
struct TlsSettings {
  std::string min_version = "1.2";  // 1.2 or 1.3
  std::string ciphers = {};         // of TLS 1.2
  std::string suites = {};          // of TLS 1.3
  bool operator==(const TlsSettings&) const = default;
};

// Files and settings are read anew for every connection, so that a renewed certificate, or settings
// that change, need no restart.
struct TlsFiles {
  std::string certificate;                          // PEM, with the chain
  std::string key;                                  // PEM
  std::function<TlsSettings()> settings = nullptr;  // asked on any thread; empty: the defaults
};

class RestListener {
 public:
  using Handler = std::function<RestResponse(const RestRequest&)>;

  struct Limits {
    // For a handshake, for the head of a request, from its answer to the next head, and for an
    // answer to be taken. The kubelet gives a probe a second, Prometheus a scrape ten.
    std::chrono::milliseconds deadline = std::chrono::seconds(10);
    // The kubelet and a few Prometheus need one each.
    std::size_t connections = 32;
  };

  explicit RestListener(Handler handler) : RestListener(std::move(handler), Limits{}) {}
  RestListener(Handler handler, const Limits& limits);
  ~RestListener();
  RestListener(const RestListener&) = delete;
  RestListener& operator=(const RestListener&) = delete;

  // ":8081" binds every address of the Pod, "127.0.0.1:8081" one. kConfig when it cannot be bound,
  // or when the files of `tls` (nullptr: plain HTTP) are no certificate and key that belong
  // together, or OpenSSL knows none of its ciphers.
  kube::Status start(const std::string& address, const TlsFiles* tls = nullptr);
  // Waits for handlers that are running; what was not answered is cut off.
  void stop();

 private:
  class State;
  const Handler handler_;
  const Limits limits_;
  std::unique_ptr<State> state_;
};

}  // namespace swo::runtime
