// Kubeconfig files for the stand-in, and the tokens in them.
#pragma once

#include <string>

#include "devcluster/api_server.hpp"

namespace devcluster {

struct KubeconfigOptions {
  std::string url;   // "http://127.0.0.1:8001"
  std::string user;  // a name for the reader
  std::string token;
  std::string ns = "default";
  std::string ca_pem;  // with https; "" = none
};

std::string kubeconfig(const KubeconfigOptions& options);
// Readable by its owner alone. std::runtime_error naming the file when it cannot be written.
void write_private_file(const std::string& path, const std::string& text);
// Unguessable.
std::string random_token();
// A token for a ServiceAccount by TokenRequest; namespace and account are made when they are not
// there.
std::string service_account_token(ApiServer& server, const std::string& ns,
                                  const std::string& name);

}  // namespace devcluster
