// The endpoints that kubelet and Prometheus ask: /healthz, /livez, /readyz and, where it is given,
// /metrics.
//
// Plain HTTP. Metrics over HTTPS with authorisation are metrics_server.hpp's.
#pragma once

#include <functional>
#include <string>

#include "runtime/health.hpp"
#include "runtime/rest_listener.hpp"

namespace swo::runtime {

class HealthServer {
 public:
  // `metrics` gives the text of /metrics; empty: 404. `health` must outlive the server.
  HealthServer(const Health& health, std::function<std::string()> metrics);

  kube::Status start(const std::string& address) { return listener_.start(address); }
  void stop() { listener_.stop(); }
  // What is answered, without a network.
  RestResponse handle(const RestRequest& request) const;

 private:
  const Health& health_;
  std::function<std::string()> metrics_;
  RestListener listener_;
};

// Prometheus' text exposition format.
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace swo::runtime
