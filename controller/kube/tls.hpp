// TLS as both transports use it: what is trusted, who we are, and errors that a person can act on.
//
// TLS 1.2 or newer. Names are matched against the certificate's alternative names, DNS or IP; its
// common name is not looked at (as Go's crypto/x509 does it).
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "kube/result.hpp"
#include "kube/transport_config.hpp"

namespace swo::kube {

struct SslDelete {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslDelete>;
using SslSession = std::unique_ptr<SSL, SslDelete>;

// Makes `context` trust only material.ca (the system's CAs if empty), present the client
// certificate and demand a server certificate for `name`. Errors: kConfig, saying which PEM is
// broken.
Status configure_tls(SSL_CTX* context, const TlsMaterial& material, const std::string& name,
                     bool insecure);

Result<SslContext> make_tls_context(const TlsMaterial& material, const std::string& name,
                                    bool insecure);

bool is_ip_address(const std::string& name);

// Server name indication; RFC 6066 section 3 has it for DNS names only.
void announce_name(SSL* session, const std::string& name);

// Why a handshake failed on X509_V_ERR_… `code`, and what to do about it.
std::string explain_verify_error(long code, const std::string& name);

// The newest text of this thread's OpenSSL error queue, which it empties.
std::string take_openssl_error();

}  // namespace swo::kube
