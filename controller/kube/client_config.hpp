// How to reach a cluster and as whom: from a kubeconfig, or from inside a Pod.
//
// Loading reads files and reaches nothing over the network. Errors are kConfig, one line each,
// naming file, field, value and remedy. What may change on disk (token, CA, client certificate) is
// read again while the program runs.
#pragma once

#include <functional>
#include <string>

#include "kube/result.hpp"
#include "kube/transport_config.hpp"

namespace swo::kube {

struct ClientConfig {
  TransportConfig transport;
  std::string ns = "default";  // of the context, or of the Pod
  std::string origin;          // for a log: "kubeconfig /home/a/.kube/config, context dev"
};

// The value of an environment variable, "" when it is not set.
using Environment = std::function<std::string(const std::string& name)>;
std::string process_environment(const std::string& name);

struct ConfigOptions {
  std::string kubeconfig;  // a path; "" = look for one
  std::string context;     // "" = the file's current-context
  Environment environment = process_environment;
};

// In the order of controller-runtime's config.GetConfig(): options.kubeconfig, $KUBECONFIG, the
// Pod's service account, ~/.kube/config.
Result<ClientConfig> load_client_config(const ConfigOptions& options);

// options.kubeconfig, or the files of $KUBECONFIG, or ~/.kube/config. Several files are merged as
// clientcmd does it: the first to define a name wins. Relative paths are relative to their file.
// Source: kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig.
Result<ClientConfig> load_kubeconfig(const ConfigOptions& options);

inline constexpr const char* kServiceAccountFolder =
    "/var/run/secrets/kubernetes.io/serviceaccount";

// Source: kubernetes.io/docs/tasks/run-application/access-api-from-pod.
Result<ClientConfig> load_in_cluster(const Environment& environment,
                                     const std::string& folder = kServiceAccountFolder);

}  // namespace swo::kube
