#include "kube/tls.hpp"

#include <array>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "kube/transport_common.hpp"

namespace swo::kube {
namespace {

struct Deleter {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

Owned<BIO> reader_of(const std::string& pem) {
  return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// What asks for a passphrase must not make a daemon wait at a terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

// Passes over what cannot be read, as Go does (crypto/x509, AppendCertsFromPEM): one bad
// certificate in a bundle does not take the good ones after it.
Owned<X509> next_certificate(BIO* reader) {
  while (true) {
    ERR_clear_error();
    Owned<X509> found(PEM_read_bio_X509(reader, nullptr, no_passphrase, nullptr));
    if (found || BIO_ctrl(reader, BIO_CTRL_EOF, 0, nullptr) != 0) return found;
  }
}

Error config_error(std::string message) {
  return make_error(ErrorKind::kConfig, std::move(message));
}

Status trust(SSL_CTX* context, const std::string& ca) {
  if (ca.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return Ok{};
  }
  // A store of its own: the given CA replaces the system's and does not add to it.
  X509_STORE* store = X509_STORE_new();
  SSL_CTX_set_cert_store(context, store);  // takes it
  const auto reader = reader_of(ca);
  int count = 0;
  while (const auto certificate = next_certificate(reader.get())) {
    if (X509_STORE_add_cert(store, certificate.get()) == 1) ++count;
  }
  ERR_clear_error();  // the end of the text counts as an error too
  if (count == 0) return config_error("certificate-authority holds no PEM certificate");
  return Ok{};
}

Status identify(SSL_CTX* context, const TlsMaterial& material) {
  if (material.client_certificate.empty() && material.client_key.empty()) return Ok{};
  if (material.client_certificate.empty() || material.client_key.empty()) {
    return config_error("client-certificate and client-key must be given together");
  }
  const auto certificates = reader_of(material.client_certificate);
  const auto leaf = next_certificate(certificates.get());
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return config_error("client-certificate holds no PEM certificate: " + take_openssl_error());
  }
  while (const auto intermediate = next_certificate(certificates.get())) {
    SSL_CTX_add1_chain_cert(context, intermediate.get());
  }
  ERR_clear_error();
  const auto keys = reader_of(material.client_key);
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(keys.get(), nullptr, no_passphrase, nullptr));
  if (!key) {
    return config_error("client-key holds no PEM private key without a passphrase: " +
                        take_openssl_error());
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return config_error("client-key does not belong to client-certificate: " +
                        take_openssl_error());
  }
  return Ok{};
}

}  // namespace

bool is_ip_address(const std::string& name) {
  in6_addr address{};
  return inet_pton(AF_INET, name.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

void announce_name(SSL* session, const std::string& name) {
  if (is_ip_address(name)) return;
  // SSL_set_tlsext_host_name() is a macro with a C cast. The text is copied.
  SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(name.c_str()));
}

Status configure_tls(SSL_CTX* context, const TlsMaterial& material, const std::string& name,
                     bool insecure) {
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // One recv() for a record's header and body, and for small records that came together.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  if (auto trusted = trust(context, material.ca); !trusted && !insecure) return trusted;
  if (auto identified = identify(context, material); !identified) return identified;
  if (insecure) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return Ok{};
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* expected = SSL_CTX_get0_param(context);
  // Whatever is trusted ends a chain, as with Go: a kubeconfig may hold an intermediate CA alone.
  X509_VERIFY_PARAM_set_flags(expected, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(
      expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const int set = is_ip_address(name)
                      ? X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str())
                      : X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size());
  if (set != 1) return config_error("tls-server-name \"" + name + "\" is no host name");
  return Ok{};
}

Result<SslContext> make_tls_context(const TlsMaterial& material, const std::string& name,
                                    bool insecure) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) return config_error("OpenSSL cannot start: " + take_openssl_error());
  if (auto status = configure_tls(context.get(), material, name, insecure); !status) {
    return status.error();
  }
  return context;
}

std::string explain_verify_error(long code, const std::string& name) {
  const std::string text = X509_verify_cert_error_string(code);
  switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "the server's certificate is not signed by the configured CA (" + text +
             "): check certificate-authority";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the server's certificate is not for " + name + " (" + text +
             "): use a name that it holds, or set tls-server-name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the server's certificate is not valid now (" + text +
             "): check the clock, or renew the certificate";
    default:
      return "the server's certificate is refused (" + text + ")";
  }
}

std::string take_openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "no further detail";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

}  // namespace swo::kube
