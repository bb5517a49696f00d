#include "kube/client_config.hpp"

#include <cstdlib>

namespace swo::kube {

std::string process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? value : "";
}

Result<ClientConfig> load_client_config(const ConfigOptions& options) {
  const bool asked_for = !options.kubeconfig.empty() || !options.environment("KUBECONFIG").empty();
  if (!asked_for && !options.environment("KUBERNETES_SERVICE_HOST").empty()) {
    return load_in_cluster(options.environment);
  }
  return load_kubeconfig(options);
}

}  // namespace swo::kube
