// The name in a TLS client's first words: as OpenSSL writes it, and in whatever else may come.
#include "devcluster/client_hello.hpp"

#include <memory>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace devcluster {
namespace {

// What a client that asks for that host sends first; "": for none.
std::string hello(const std::string& host) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), SSL_free);
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(tls.get(), in, out);  // takes both
  if (!host.empty()) {
    SSL_ctrl(tls.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(host.c_str()));
  }
  SSL_connect(tls.get());
  std::string record(BIO_ctrl_pending(out), '\0');
  BIO_read(out, record.data(), static_cast<int>(record.size()));
  return record;
}

TEST(ClientHello, NamesTheHostThatIsAskedFor) {
  EXPECT_EQ(server_name(hello("nginx.apps.example.com")), "nginx.apps.example.com");
  EXPECT_EQ(server_name(hello("")), "");
}

TEST(ClientHello, CutOffNamesNothing) {
  const std::string whole = hello("nginx.apps.example.com");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(server_name(std::string_view(whole).substr(0, size)), "") << size;
  }
}

TEST(ClientHello, WithAnyByteChangedIsReadToItsEnd) {
  const std::string whole = hello("nginx.apps.example.com");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(~changed[at]);
    EXPECT_LE(server_name(changed).size(), whole.size());
  }
}

}  // namespace
}  // namespace devcluster
