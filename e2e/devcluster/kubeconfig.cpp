#include "devcluster/kubeconfig.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <openssl/rand.h>

#include "devcluster/base64.hpp"
#include "devcluster/objects.hpp"

namespace devcluster {

std::string kubeconfig(const KubeconfigOptions& options) {
  Json cluster = {{"server", options.url}};
  if (!options.ca_pem.empty()) cluster["certificate-authority-data"] = base64(options.ca_pem);
  const Json document = {
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"current-context", "devcluster"},
      {"clusters", Json::array({{{"name", "devcluster"}, {"cluster", cluster}}})},
      {"users", Json::array({{{"name", options.user}, {"user", {{"token", options.token}}}}})},
      {"contexts",
       Json::array(
           {{{"name", "devcluster"},
             {"context",
              {{"cluster", "devcluster"}, {"user", options.user}, {"namespace", options.ns}}}}})}};
  return document.dump(2) + "\n";  // JSON is YAML
}

void write_private_file(const std::string& path, const std::string& text) {
  namespace fs = std::filesystem;
  std::ofstream file(path, std::ios::trunc);
  std::error_code error;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  file << text;
  file.close();
  if (!file || error) throw std::runtime_error("cannot write the kubeconfig " + path);
}

std::string random_token() {
  constexpr std::size_t kBytes = 32;
  std::array<unsigned char, kBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("no randomness for a token");
  }
  return base64_url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string service_account_token(ApiServer& server, const std::string& ns,
                                  const std::string& name) {
  Api api(server);
  if (!api.get("/api/v1/namespaces", ns)) {
    api.create("/api/v1/namespaces", object_of("v1", "Namespace", ns));
  }
  const std::string accounts = "/api/v1/namespaces/" + ns + "/serviceaccounts";
  if (!api.get(accounts, name)) {
    api.create(accounts, object_of("v1", "ServiceAccount", name, ns));
  }
  constexpr int kWeek = 7 * 24 * 3600;
  const auto answer =
      api.create(accounts + "/" + name + "/token", {{"apiVersion", "authentication.k8s.io/v1"},
                                                    {"kind", "TokenRequest"},
                                                    {"spec", {{"expirationSeconds", kWeek}}}});
  return answer.at("status").at("token");
}

}  // namespace devcluster
