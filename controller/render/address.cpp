// The URL of a workload that is reached at an address of its load balancer, without any Route.
#include <string>

#include "render/render.hpp"

namespace swo::render {
namespace {

constexpr int kHttp = 80;
constexpr int kHttps = 443;

// "http", "https"; empty: another protocol, or nothing says which. The names with a prefix are
// those of KEP-3726 (kubernetes.io/h2c, ws, wss).
std::string scheme_of(const api::Port& port) {
  if (port.protocol != "TCP") {
    return {};
  }
  const std::string& spoken = port.app_protocol;
  if (!spoken.empty()) {
    if (spoken == "https" || spoken == "kubernetes.io/wss") return "https";
    const bool http =
        spoken == "http" || spoken == "kubernetes.io/h2c" || spoken == "kubernetes.io/ws";
    return http ? "http" : "";
  }
  if (port.name.starts_with("https") || port.port == kHttps) return "https";
  return port.name.starts_with("http") || port.port == kHttp ? "http" : "";
}

}  // namespace

std::string url_at(const api::Workload& workload, std::string_view address) {
  for (const api::Port& port : workload.spec.ports) {
    const std::string scheme = scheme_of(port);
    if (scheme.empty()) {
      continue;
    }
    const bool ipv6 = address.find(':') != std::string_view::npos;
    std::string url = scheme + "://" + (ipv6 ? "[" : "") + std::string(address) + (ipv6 ? "]" : "");
    if (port.port != (scheme == "https" ? kHttps : kHttp)) {
      url += ":" + std::to_string(port.port);
    }
    return url;
  }
  return {};
}

}  // namespace swo::render
