// A client of servers on loopback, plain and TLS, that looks at what it is served. Blocks.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace swo::test {

// A self-signed certificate and its key, as tls.crt and tls.key.
inline void write_certificate(const std::string& folder, const char* common_name) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  constexpr long kSeconds = 3600;
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kSeconds);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const File certificate_file(std::fopen((folder + "/tls.crt").c_str(), "w"), std::fclose);
  PEM_write_X509(certificate_file.get(), certificate.get());
  const File key_file(std::fopen((folder + "/tls.key").c_str(), "w"), std::fclose);
  PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

// A port of 127.0.0.1 that was free a moment ago.
inline std::string free_port() {
  boost::asio::io_context io;
  const boost::asio::ip::tcp::acceptor acceptor(
      io, boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  return std::to_string(acceptor.local_endpoint().port());
}

struct Served {
  std::string name;      // in the certificate; "" when there was no handshake
  std::string protocol;  // "TLSv1.3"
  std::string answer;    // with its head
};

struct Asked {
  std::string target = "/metrics";
  std::string authorization = "Bearer t";  // "" sends none
  int max_version = TLS1_3_VERSION;
  std::string ciphers = {};  // of TLS 1.2; "" = OpenSSL's default
};

template <class Stream>
std::string exchange(Stream& stream, const Asked& asked) {
  const std::string header =
      asked.authorization.empty() ? "" : "Authorization: " + asked.authorization + "\r\n";
  boost::asio::write(
      stream, boost::asio::buffer("GET " + asked.target + " HTTP/1.1\r\nHost: x\r\n" + header +
                                  "Connection: close\r\n\r\n"));
  std::string answer;
  boost::system::error_code end;
  boost::asio::read(stream, boost::asio::dynamic_buffer(answer), end);
  return answer;
}

inline boost::asio::ip::tcp::socket connect_to(boost::asio::io_context& io,
                                               const std::string& port) {
  boost::asio::ip::tcp::socket socket(io);
  socket.connect(
      {boost::asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::stoi(port))});
  return socket;
}

inline std::string get_plain(const std::string& port, const Asked& asked) {
  boost::asio::io_context io;
  auto socket = connect_to(io, port);
  return exchange(socket, asked);
}

inline Served get_tls(const std::string& port, const Asked& asked = {}) {
  namespace ssl = boost::asio::ssl;
  boost::asio::io_context io;
  ssl::context context(ssl::context::tls_client);
  SSL_CTX_set_max_proto_version(context.native_handle(), asked.max_version);
  if (!asked.ciphers.empty()) {
    SSL_CTX_set_cipher_list(context.native_handle(), asked.ciphers.c_str());
  }
  ssl::stream<boost::asio::ip::tcp::socket> stream(connect_to(io, port), context);
  boost::system::error_code fault;
  stream.handshake(ssl::stream_base::client, fault);
  if (fault) {
    return {};
  }
  Served served;
  served.protocol = SSL_get_version(stream.native_handle());
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(stream.native_handle()), X509_free);
  char name[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                            sizeof name);
  served.name = name;
  served.answer = exchange(stream, asked);
  return served;
}

}  // namespace swo::test
