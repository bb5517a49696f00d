// The API server on a loopback socket: HTTP/1.1 with keep-alive, watches as chunked streams whose
// lines are flushed at once, optionally TLS with client certificates.
//
// Asynchronous: an open watch costs a coroutine and no thread. Binds 127.0.0.1 only. The destructor
// closes every connection. The ApiServer must outlive it. Several fronts may share one ApiServer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "devcluster/api_server.hpp"

namespace devcluster {

struct HttpServerOptions {
  int port = 0;  // 0 = any free one; see port()
  int threads = 2;
  // PEM texts. With a certificate (chain) and its key it speaks TLS; with a CA it also takes client
  // certificates: common name = user, organisations = groups.
  std::string certificate_pem, key_pem, client_ca_pem;
};

class HttpServer {
 public:
  // std::runtime_error naming the port, or what OpenSSL has against the certificate.
  HttpServer(ApiServer& server, HttpServerOptions options = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  std::string url() const;  // http(s)://127.0.0.1:PORT
  // Closes every open connection, as a restart would; new ones are taken.
  void drop_connections();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace devcluster
