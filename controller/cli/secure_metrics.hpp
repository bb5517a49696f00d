// /metrics over HTTPS, from the moment that its certificate is there.
//
// The Secret of the certificate is written by others (OpenShift's service CA, cert-manager) and may
// come after the Pod, or never; the operator does its work meanwhile. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "kube/client.hpp"
#include "runtime/metrics_server.hpp"

namespace swo::cli {

class SecureMetrics {
 public:
  // `client` must outlive it. `folder` holds tls.crt and tls.key. `settings` are asked for by each
  // connection.
  SecureMetrics(kube::Client& client, std::function<std::string()> text, std::string address,
                const std::string& folder,
                std::function<runtime::TlsSettings()> settings = nullptr);

  // Tries in a thread of its own until it serves.
  void start();
  void stop();
  // Once, on the caller's thread. Errors: kConfig, naming the file that is missing or wrong, or the
  // address.
  kube::Status try_start();

 private:
  void keep_trying(const std::stop_token& stop);

  runtime::MetricsAuthorizer authorizer_;
  runtime::MetricsServer server_;
  std::string address_;
  runtime::TlsFiles files_;
  std::jthread thread_;
};

}  // namespace swo::cli
