#include "devcluster/certificates.hpp"

#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace devcluster {
namespace {

constexpr long kValidSeconds = 60L * 60 * 24 * 365;
constexpr long kClockSkewSeconds = 60L * 60;  // valid a little earlier than now
constexpr long kX509Version3 = 2;

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using X509Ptr = std::unique_ptr<X509, Free>;

template <typename T>
T* must(T* pointer) {
  if (pointer == nullptr)
    throw std::runtime_error("devcluster: OpenSSL could not make a certificate");
  return pointer;
}

template <typename Write>
std::string pem_text(Write write) {
  const std::unique_ptr<BIO, Free> out(must(BIO_new(BIO_s_mem())));
  write(out.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

void add_name(X509* certificate, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

void add_extension(X509* certificate, int nid, const char* value) {
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      must(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value)));
  X509_add_ext(certificate, extension.get(), -1);
}

X509Ptr blank(EVP_PKEY* key) {
  X509Ptr out(must(X509_new()));
  X509_set_version(out.get(), kX509Version3);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial));
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(out.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), -kClockSkewSeconds);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), kValidSeconds);
  X509_set_pubkey(out.get(), key);
  return out;
}

std::string text_of(X509* certificate) {
  return pem_text([&](BIO* out) { PEM_write_bio_X509(out, certificate); });
}

std::string text_of(EVP_PKEY* key) {
  return pem_text(
      [&](BIO* out) { PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

}  // namespace

struct CertificateAuthority::Impl {
  Key key{must(EVP_EC_gen("P-256"))};
  X509Ptr certificate = blank(key.get());
  std::string pem;

  Certificate sign(const std::string& name, const std::vector<std::string>& groups,
                   const char* usage, const char* alternative_names) const {
    const Key own(must(EVP_EC_gen("P-256")));
    const X509Ptr out = blank(own.get());
    for (const std::string& group : groups) add_name(out.get(), "O", group);
    add_name(out.get(), "CN", name);
    X509_set_issuer_name(out.get(), X509_get_subject_name(certificate.get()));
    add_extension(out.get(), NID_ext_key_usage, usage);
    if (alternative_names != nullptr)
      add_extension(out.get(), NID_subject_alt_name, alternative_names);
    X509_sign(out.get(), key.get(), EVP_sha256());
    return {text_of(out.get()), text_of(own.get())};
  }
};

CertificateAuthority::CertificateAuthority() : impl_(std::make_unique<Impl>()) {
  X509* certificate = impl_->certificate.get();
  add_name(certificate, "CN", "devcluster");
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, NID_key_usage, "critical,keyCertSign,digitalSignature");
  X509_sign(certificate, impl_->key.get(), EVP_sha256());
  impl_->pem = text_of(certificate);
}

CertificateAuthority::~CertificateAuthority() = default;

const std::string& CertificateAuthority::pem() const { return impl_->pem; }

Certificate CertificateAuthority::server() const {
  return impl_->sign("localhost", {}, "serverAuth", "IP:127.0.0.1,DNS:localhost");
}

Certificate CertificateAuthority::client(const std::string& user,
                                         const std::vector<std::string>& groups) const {
  return impl_->sign(user, groups, "clientAuth", nullptr);
}

}  // namespace devcluster
