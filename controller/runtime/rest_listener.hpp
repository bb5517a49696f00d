// The operator's own REST endpoints: an HTTP or HTTPS listener on cpprestsdk's http_listener,
// behind a plain function. The only file that includes cpprestsdk here is its source.
//
// Thread-safe. Handlers run on cpprestsdk's thread pool (the program sizes it first:
// crossplat::threadpool::initialize_with_threads), several at a time; what they throw becomes a
// 500.
#pragma once

#include <functional>
#include <memory>
#include <string>

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

  explicit RestListener(Handler handler);
  ~RestListener();
  RestListener(const RestListener&) = delete;
  RestListener& operator=(const RestListener&) = delete;

  // ":8081" binds every address of the Pod, "127.0.0.1:8081" one. kConfig when it cannot be bound,
  // or when the files of `tls` (nullptr: plain HTTP) are no certificate and key that belong
  // together, or OpenSSL knows none of its ciphers.
  kube::Status start(const std::string& address, const TlsFiles* tls = nullptr);
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace swo::runtime
