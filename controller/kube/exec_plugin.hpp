// Credentials from an external program: client.authentication.k8s.io/v1 and v1beta1.
//
// Thread-safe; one run of the program at a time, whose result is kept until it expires or is
// refused. Source:
// kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/json.hpp"
#include "kube/result.hpp"
#include "kube/transport_config.hpp"

namespace swo::kube {

struct ExecSpec {
  std::string field;        // "FILE: users[name].exec", for errors
  std::string api_version;  // as the kubeconfig says
  std::string command;      // a path, or a name to be found in PATH
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  std::string install_hint;
  Json cluster;  // for KUBERNETES_EXEC_INFO; null unless provideClusterInfo
};

using WallNow = std::function<std::chrono::system_clock::time_point()>;

class ExecCredentials final : public TokenSource {
 public:
  explicit ExecCredentials(
      ExecSpec spec, WallNow now = [] { return std::chrono::system_clock::now(); },
      std::chrono::milliseconds limit = kLimit);
  Result<std::string> authorization() override;
  void refresh(std::string_view refused) override;
  // Adds the plugin's client certificate to `material`, where it gives one.
  Status add_certificate(TlsMaterial& material);

  // Plugins of clouds ask a web service; a minute is more than any takes that works.
  static constexpr std::chrono::seconds kLimit{60};

 private:
  struct Credential {
    std::string authorization;  // "" = none
    std::string certificate;
    std::string key;
    std::chrono::system_clock::time_point expires = std::chrono::system_clock::time_point::max();
  };
  Result<Credential> current();
  Result<Credential> run() const;
  Result<Credential> read(const std::string& output) const;

  const ExecSpec spec_;
  const WallNow now_;
  const std::chrono::milliseconds limit_;
  std::mutex mutex_;
  bool known_ = false;     // guarded by mutex_
  Credential credential_;  // guarded by mutex_
};

}  // namespace swo::kube
