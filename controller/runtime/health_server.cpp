#include "runtime/health_server.hpp"

#include <utility>

namespace swo::runtime {

HealthServer::HealthServer(const Health& health, std::function<std::string()> metrics)
    : health_(health),
      metrics_(std::move(metrics)),
      listener_([this](const RestRequest& request) { return handle(request); }) {}

RestResponse HealthServer::handle(const RestRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") return {405, "text/plain", "only GET\n"};
  if (request.path == "/metrics" && metrics_) return {200, kMetricsContentType, metrics_()};
  bool verbose = ("&" + request.query).find("&verbose") != std::string::npos;
  auto answer = health_.answer(request.path, verbose);
  return {answer.status, "text/plain; charset=utf-8", std::move(answer.body)};
}

}  // namespace swo::runtime
