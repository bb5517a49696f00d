#include "cli/connection.hpp"

#include <algorithm>

#include "kube/client_config.hpp"

namespace swo::cli {

std::string without_credentials(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", start), url.size());
  const std::size_t at_sign = url.substr(0, end).rfind('@');
  return at_sign == std::string::npos || at_sign < start
             ? url
             : url.substr(0, start) + url.substr(at_sign + 1);
}

kube::Result<Connected> connect(const Connection& connection) {
  kube::ConfigOptions options;
  options.kubeconfig = connection.kubeconfig;
  options.context = connection.context;
  const auto config = kube::load_client_config(options);
  if (!config) {
    return config.error();
  }
  auto transport = connection.transport == "cpprest"
                       ? kube::make_cpprest_transport(config->transport)
                       : kube::make_beast_transport(config->transport);
  if (!transport) {
    return transport.error();
  }
  Connected connected;
  connected.transport = *std::move(transport);
  connected.server = without_credentials(config->transport.server);
  connected.ns = config->ns;
  connected.origin = config->origin;
  return connected;
}

}  // namespace swo::cli
