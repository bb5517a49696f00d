// What the transports' contract tests share: the kinds of transport, and a server to point one at.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "http_peer.hpp"
#include "kube/transport_config.hpp"

namespace swo::kube::test {

struct Kind {
  const char* name;
  Result<std::unique_ptr<Transport>> (*make)(const TransportConfig&);
  bool tls;
};

inline void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}  // NOLINT: gtest's name

inline std::string name_of(const testing::TestParamInfo<Kind>& info) { return info.param.name; }

class ContractTest : public testing::TestWithParam<Kind> {
 protected:
  static const Authority& authority() {
    static const Authority kAuthority("test CA");
    return kAuthority;
  }
  static const Identity& identity() {
    static const Identity kIdentity = authority().issue("server", "IP:127.0.0.1,DNS:api.test");
    return kIdentity;
  }
  static std::unique_ptr<Server> serve(Server::Script script) {
    Server::Tls tls;
    if (GetParam().tls) tls.identity = identity();
    return std::make_unique<Server>(std::move(script), tls);
  }
  static TransportConfig config_for(const Server& server) {
    TransportConfig config;
    config.server = std::string(GetParam().tls ? "https" : "http") +
                    "://127.0.0.1:" + std::to_string(server.port());
    config.tls.ca = authority().certificate();
    return config;
  }
  static std::unique_ptr<Transport> transport_of(const TransportConfig& config) {
    auto transport = GetParam().make(config);
    if (!transport) throw std::runtime_error(transport.error().message);
    return *std::move(transport);
  }
  static std::unique_ptr<Transport> transport_to(const Server& server) {
    return transport_of(config_for(server));
  }
  static HttpRequest get(std::string target = "/version") {
    HttpRequest request;
    request.target = std::move(target);
    request.timeout = std::chrono::seconds(10);
    return request;
  }
  static HttpRequest post(std::string body = "{}") {
    HttpRequest request = get("/api/v1/namespaces/default/pods");
    request.method = "POST";
    request.headers = {{"Content-Type", "application/json"}};
    request.body = std::move(body);
    return request;
  }
};

}  // namespace swo::kube::test
