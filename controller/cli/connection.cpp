#include "cli/connection.hpp"

#include "kube/client_config.hpp"

namespace swo::cli {

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
  connected.server = config->transport.server;
  connected.ns = config->ns;
  connected.origin = config->origin;
  return connected;
}

}  // namespace swo::cli
