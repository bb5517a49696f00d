// The listener over real sockets on loopback: plain, and with a certificate that is renewed under
// it.
#include "runtime/rest_listener.hpp"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pplx/threadpool.h>
#include <unistd.h>

#include "runtime/log.hpp"

namespace swo::runtime {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// A self-signed certificate and its key.
void write_certificate(const std::string& directory, const char* common_name) {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  File certificate_file(std::fopen((directory + "/tls.crt").c_str(), "w"), std::fclose);
  PEM_write_X509(certificate_file.get(), certificate.get());
  File key_file(std::fopen((directory + "/tls.key").c_str(), "w"), std::fclose);
  PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

template <class Stream>
std::string exchange(Stream& stream, const std::string& target) {
  asio::write(stream, asio::buffer("GET " + target +
                                   " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
                                   "Connection: close\r\n\r\n"));
  std::string answer;
  boost::system::error_code end;
  asio::read(stream, asio::dynamic_buffer(answer), end);
  return answer;
}

class RestListenerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { crossplat::threadpool::initialize_with_threads(2); }
  RestListenerTest() {
    log::configure({.sink = [](std::string_view) {}});
    std::filesystem::create_directories(directory);
  }
  ~RestListenerTest() override {
    listener.stop();
    std::filesystem::remove_all(directory);
    log::configure({});
  }
  // A port that was free a moment ago.
  static std::string free_port() {
    asio::io_context io;
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    return std::to_string(acceptor.local_endpoint().port());
  }
  void start(const TlsFiles* tls) {
    for (int attempt = 0; attempt < 10; ++attempt) {
      port = free_port();
      if (listener.start("127.0.0.1:" + port, tls)) return;
    }
    FAIL() << "no port";
  }
  tcp::socket connect() {
    tcp::socket socket(io);
    socket.connect(
        {asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::stoi(port))});
    return socket;
  }
  // The name in the certificate that is served; empty when there is no handshake.
  std::string served_name(int max_version = TLS1_3_VERSION) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    SSL_CTX_set_max_proto_version(context.native_handle(), max_version);
    asio::ssl::stream<tcp::socket> stream(connect(), context);
    boost::system::error_code fault;
    stream.handshake(asio::ssl::stream_base::client, fault);
    if (fault) return {};
    last_answer = exchange(stream, "/metrics");
    std::unique_ptr<X509, decltype(&X509_free)> certificate(
        SSL_get1_peer_certificate(stream.native_handle()), X509_free);
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                              sizeof name);
    return name;
  }

  const std::string directory =
      std::filesystem::temp_directory_path() / ("rest-listener-" + std::to_string(getpid()));
  TlsFiles files{directory + "/tls.crt", directory + "/tls.key"};
  asio::io_context io;
  std::string port, last_answer;
  RestListener listener{[](const RestRequest& request) -> RestResponse {
    if (request.path == "/throw") throw std::runtime_error("bad");
    return {
        202, "text/x",
        request.method + " " + request.path + " " + request.query + " " + request.authorization};
  }};
};

TEST_F(RestListenerTest, AnswersWhatItsHandlerSays) {
  start(nullptr);
  auto socket = connect();
  std::string answer = exchange(socket, "/a%20b?c=d");
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 202");
  EXPECT_NE(answer.find("Content-Type: text/x"), std::string::npos) << answer;
  EXPECT_NE(answer.find("GET /a b c=d Bearer t"), std::string::npos) << answer;
}

TEST_F(RestListenerTest, AHandlerThatThrowsIsAnError500) {
  start(nullptr);
  auto socket = connect();
  EXPECT_EQ(exchange(socket, "/throw").substr(0, 12), "HTTP/1.1 500");
}

TEST_F(RestListenerTest, ServesARenewedCertificateWithoutARestart) {
  write_certificate(directory, "first");
  start(&files);
  EXPECT_EQ(served_name(), "first");
  EXPECT_NE(last_answer.find("GET /metrics"), std::string::npos);
  write_certificate(directory, "second");
  EXPECT_EQ(served_name(), "second");
  std::filesystem::remove(files.key);
  EXPECT_EQ(served_name(), "") << "no key, no handshake, no crash";
  write_certificate(directory, "third");
  EXPECT_EQ(served_name(), "third");
}

TEST_F(RestListenerTest, SpeaksNoOldTls) {
  write_certificate(directory, "name");
  files.min_version = "1.3";
  start(&files);
  EXPECT_EQ(served_name(TLS1_2_VERSION), "");
  EXPECT_EQ(served_name(TLS1_3_VERSION), "name");
}

TEST_F(RestListenerTest, FilesThatAreNoCertificateAreNamed) {
  auto started = listener.start("127.0.0.1:" + free_port(), &files);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find(directory + "/tls.crt"), std::string::npos);
  write_certificate(directory, "name");
  files.ciphers = "NONSENSE";
  started = listener.start("127.0.0.1:" + free_port(), &files);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("NONSENSE"), std::string::npos);
}

TEST_F(RestListenerTest, AnAddressInUseIsNamed) {
  start(nullptr);
  RestListener second([](const RestRequest&) { return RestResponse{}; });
  auto started = second.start("127.0.0.1:" + port);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find(port), std::string::npos);
}

}  // namespace
}  // namespace swo::runtime
