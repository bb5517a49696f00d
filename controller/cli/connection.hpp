// From what the command line says to a transport onto the API server.
#pragma once

#include <memory>
#include <string>

#include "kube/result.hpp"
#include "kube/transport.hpp"

namespace swo::cli {

struct Connection {
  // Both empty: $KUBECONFIG, then in-cluster, then ~/.kube/config.
  std::string kubeconfig;
  std::string context;
  std::string transport = "beast";  // beast | cpprest
};

struct Connected {
  std::unique_ptr<kube::Transport> transport;
  std::string server;  // for messages, without credentials
  std::string origin;  // where that was said, for messages
  std::string ns;      // of the context, or of the Pod
};

// "https://user:password@host" as it may be logged: without user and password.
std::string without_credentials(const std::string& url);

// Errors: kConfig, naming file and field.
kube::Result<Connected> connect(const Connection& connection);

}  // namespace swo::cli
