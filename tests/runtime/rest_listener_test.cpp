// The listener over real sockets on loopback: plain, and with a certificate that is renewed under
// it.
#include "runtime/rest_listener.hpp"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <pplx/threadpool.h>

#include "files/temporary_folder.hpp"
#include "files/tls_client.hpp"
#include "runtime/log.hpp"

namespace swo::runtime {
namespace {

using test::free_port;
using test::write_certificate;

class RestListenerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { crossplat::threadpool::initialize_with_threads(2); }
  RestListenerTest() {
    log::configure({.sink = [](std::string_view) {}});
  }
  ~RestListenerTest() override {
    listener.stop();
    log::configure({});
  }
  void start(const TlsFiles* tls) {
    for (int attempt = 0; attempt < 10; ++attempt) {
      port = free_port();
      if (listener.start("127.0.0.1:" + port, tls)) return;
    }
    FAIL() << "no port";
  }
  // The name in the certificate that is served; empty when there is no handshake.
  std::string served_name(int max_version = TLS1_3_VERSION, const std::string& ciphers = "") {
    const test::Served served =
        test::get_tls(port, {.max_version = max_version, .ciphers = ciphers});
    last_answer = served.answer;
    return served.name;
  }

  test::TemporaryFolder folder;
  const std::string directory = folder.path();
  TlsSettings settings;
  TlsFiles files{directory + "/tls.crt", directory + "/tls.key", [this] { return settings; }};
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
  const std::string answer = test::get_plain(port, {.target = "/a%20b?c=d"});
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 202");
  EXPECT_NE(answer.find("Content-Type: text/x"), std::string::npos) << answer;
  EXPECT_NE(answer.find("GET /a b c=d Bearer t"), std::string::npos) << answer;
}

TEST_F(RestListenerTest, AHandlerThatThrowsIsAnError500) {
  start(nullptr);
  EXPECT_EQ(test::get_plain(port, {.target = "/throw"}).substr(0, 12), "HTTP/1.1 500");
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
  start(&files);
  EXPECT_EQ(served_name(TLS1_1_VERSION), "");
  EXPECT_EQ(served_name(TLS1_2_VERSION), "name");
  settings.min_version = "1.3";
  EXPECT_EQ(served_name(TLS1_2_VERSION), "") << "settings are asked for by each connection";
  EXPECT_EQ(served_name(TLS1_3_VERSION), "name");
}

TEST_F(RestListenerTest, SpeaksTheCiphersThatItIsToldAndNoOthers) {
  write_certificate(directory, "name");
  settings.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
  settings.suites = "TLS_AES_256_GCM_SHA384";
  start(&files);
  EXPECT_EQ(served_name(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"), "");
  EXPECT_EQ(served_name(TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384"), "name");
  EXPECT_EQ(served_name(), "name");
}

TEST_F(RestListenerTest, FilesThatAreNoCertificateAreNamed) {
  auto started = listener.start("127.0.0.1:" + free_port(), &files);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find(directory + "/tls.crt"), std::string::npos);
  write_certificate(directory, "name");
  settings.ciphers = "NONSENSE";
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
