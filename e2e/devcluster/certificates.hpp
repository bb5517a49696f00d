// A throw-away certificate authority for the stand-in's TLS: server certificates for 127.0.0.1 and
// client certificates by name and groups. Keys live in memory only.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace devcluster {

struct Certificate {
  std::string certificate_pem, key_pem;
};

class CertificateAuthority {
 public:
  CertificateAuthority();  // std::runtime_error when OpenSSL fails
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  const std::string& pem() const;
  Certificate server() const;  // for 127.0.0.1 and localhost
  // Common name = user, organisations = groups, as the API server reads them.
  Certificate client(const std::string& user, const std::vector<std::string>& groups) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace devcluster
