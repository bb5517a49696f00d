#include <memory>

#include "kube/client_config.hpp"
#include "kube/credentials.hpp"
#include "kube/transport_common.hpp"

namespace swo::kube {

Result<ClientConfig> load_in_cluster(const Environment& environment, const std::string& folder) {
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return make_error(ErrorKind::kConfig, std::string(host.empty() ? "KUBERNETES_SERVICE_HOST"
                                                                   : "KUBERNETES_SERVICE_PORT") +
                                              " is not set: run in a Pod, or give a kubeconfig");
  }
  ClientConfig out;
  out.origin = "service account of the Pod";
  Endpoint server;
  server.host = host;
  server.port = port;
  out.transport.server = "https://" + server.authority();
  const std::string ca_file = folder + "/ca.crt";
  out.transport.reread_tls = [ca_file]() -> Result<TlsMaterial> {
    auto ca = read_config_file(ca_file, "in-cluster CA");
    if (!ca) return ca.error();
    return TlsMaterial{*std::move(ca), {}, {}};
  };
  if (const auto tls = out.transport.reread_tls(); !tls) return tls.error();
  const auto token = std::make_shared<FileToken>(folder + "/token", "in-cluster token");
  if (const auto read = token->authorization(); !read) return read.error();
  out.transport.token = token;
  if (auto ns = read_config_file(folder + "/namespace", "in-cluster namespace");
      ns && !ns->empty()) {
    out.ns = *std::move(ns);
  }
  return out;
}

}  // namespace swo::kube
