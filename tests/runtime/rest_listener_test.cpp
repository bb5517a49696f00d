// The listener over real sockets on loopback: plain, with a certificate that is renewed under it,
// and with clients that mean no good.
#include "runtime/rest_listener.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "files/temporary_folder.hpp"
#include "files/tls_client.hpp"
#include "runtime/log.hpp"

namespace swo::runtime {
namespace {

using test::free_port;
using test::write_certificate;

// A connection whose bytes a test decides. To read waits ten seconds at most.
class RawClient {
 public:
  explicit RawClient(const std::string& port) : socket_(test::connect_to(io_, port)) {
    const timeval limit{10, 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  RawClient& send(std::string_view bytes) {
    boost::system::error_code gone;
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), gone);
    return *this;
  }
  // What comes until the server closes, or until `mark` has come.
  std::string read(std::string_view mark = {}) {
    std::string text;
    std::array<char, 4096> block{};
    while (mark.empty() || text.find(mark) == std::string::npos) {
      const auto got = recv(socket_.native_handle(), block.data(), block.size(), 0);
      if (got < 0 && errno == EAGAIN) return text + " (and it does not close)";
      if (got <= 0) break;
      text.append(block.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
};

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
// The end of what the handler below says to it.
constexpr std::string_view kGot = "GET /x  ";

class RestListenerTest : public ::testing::Test {
 protected:
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
  std::promise<void> asked, told;  // by /wait
  RestListener listener{[this](const RestRequest& request) -> RestResponse {
                          if (request.path == "/throw") throw std::runtime_error("bad");
                          if (request.path == "/wait") {
                            asked.set_value();
                            told.get_future().wait();
                          }
                          return {202, "text/x",
                                  request.method + " " + request.path + " " + request.query + " " +
                                      request.authorization};
                        },
                        kLimits};
  static constexpr RestListener::Limits kLimits{.deadline = std::chrono::milliseconds(500),
                                                .connections = 3};
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

// cpprestsdk's listener took "-1" for the size of what to allocate, and its process ended.
TEST_F(RestListenerTest, AChunkOfNegativeLengthHarmsNobody) {
  start(nullptr);
  const std::string answer =
      RawClient(port)
          .send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nxxxx\r\n")
          .read();
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 413") << answer;
  EXPECT_EQ(test::get_plain(port, {}).substr(0, 12), "HTTP/1.1 202");
}

TEST_F(RestListenerTest, NoBodyIsTaken) {
  start(nullptr);
  for (const char* length : {"1", "99999999999", "18446744073709551615"}) {
    const std::string answer =
        RawClient(port)
            .send("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::string(length) +
                  "\r\n\r\nx")
            .read();
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 413") << answer;
  }
  EXPECT_EQ(RawClient(port)
                .send("POST / HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .read()
                .substr(0, 12),
            "HTTP/1.1 202")
      << "an empty one is none";
}

TEST_F(RestListenerTest, AHeadTooLargeIs431) {
  start(nullptr);
  for (const std::size_t size : {9000U, 100000U}) {
    const std::string answer =
        RawClient(port)
            .send("GET / HTTP/1.1\r\nAuthorization: " + std::string(size, 'x') + "\r\n\r\n")
            .read();
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 431") << size << answer;
  }
  const std::string answer = test::get_plain(port, {.authorization = std::string(7000, 'x')});
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 202");
}

TEST_F(RestListenerTest, WhatIsNoHttpIs400) {
  start(nullptr);
  for (const char* rubbish :
       {"\x16\x03\x01\x02\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET /%zz HTTP/1.1\r\n\r\n",
        "GET /% HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"}) {
    const std::string answer = RawClient(port).send(rubbish).read();
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 400") << rubbish << answer;
  }
}

TEST_F(RestListenerTest, AConnectionIsKeptAndRequestsMayBeSentAhead) {
  start(nullptr);
  RawClient client(port);
  client.send(kGet);
  EXPECT_EQ(client.read(kGot).substr(0, 12), "HTTP/1.1 202");
  client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string answers = client.read();
  EXPECT_LT(answers.find("GET /1"), answers.find("GET /2")) << answers;
  EXPECT_NE(answers.find("GET /2"), std::string::npos) << answers;
  EXPECT_NE(RawClient(port).send("GET /x HTTP/1.0\r\n\r\n").read().find(kGot), std::string::npos);
}

TEST_F(RestListenerTest, AnyMethodIsTheHandlersToJudgeAndHeadGetsTheHeadAlone) {
  start(nullptr);
  for (const std::string method : {"DELETE", "OPTIONS", "MINE"}) {
    const std::string answer =
        RawClient(port).send(method + " /x HTTP/1.1\r\nConnection: close\r\n\r\n").read();
    EXPECT_NE(answer.find("\r\n\r\n" + method + " /x"), std::string::npos) << answer;
  }
  const std::string answer =
      RawClient(port).send("HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n").read();
  EXPECT_NE(answer.find("Content-Length: 9\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(RestListenerTest, WhoSendsAHeadInDribletsOrNothingIsCutAndOthersAreServed) {
  start(nullptr);
  RawClient silent(port), dribbling(port);
  dribbling.send("GET / HTTP/1.1\r\nHost: x\r\n");
  EXPECT_EQ(test::get_plain(port, {}).substr(0, 12), "HTTP/1.1 202");
  EXPECT_EQ(silent.read(), "");
  dribbling.send("A: b\r\n");
  EXPECT_EQ(dribbling.read(), "");
}

TEST_F(RestListenerTest, WhoDoesNotShakeHandsIsCut) {
  write_certificate(directory, "name");
  start(&files);
  RawClient silent(port);
  EXPECT_EQ(served_name(), "name");
  EXPECT_EQ(silent.read(), "");
}

TEST_F(RestListenerTest, OfTooManyConnectionsTheOneThatWaitedLongestMakesRoom) {
  start(nullptr);
  RawClient first(port), second(port), third(port);
  for (RawClient* client : {&first, &second, &third, &first}) {
    EXPECT_NE(client->send(kGet).read(kGot).find(kGot), std::string::npos);
  }
  RawClient fourth(port);
  EXPECT_NE(fourth.send(kGet).read(kGot).find(kGot), std::string::npos);
  EXPECT_EQ(second.read(), "");
  EXPECT_NE(first.send(kGet).read(kGot).find(kGot), std::string::npos) << "it was not the longest";
}

TEST_F(RestListenerTest, AHandlerThatWaitsHoldsNobodyElseUpAndIsWaitedForAtTheEnd) {
  start(nullptr);
  RawClient waiting(port);
  waiting.send("GET /wait HTTP/1.1\r\n\r\n");
  asked.get_future().wait();
  std::vector<std::unique_ptr<RawClient>> crowd;
  for (int i = 0; i < 5; ++i) crowd.push_back(std::make_unique<RawClient>(port));
  EXPECT_EQ(test::get_plain(port, {}).substr(0, 12), "HTTP/1.1 202");
  auto stopped = std::async(std::launch::async, [this] { listener.stop(); });
  EXPECT_EQ(stopped.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  told.set_value();
  stopped.wait();
  EXPECT_EQ(waiting.read(), "");
  EXPECT_TRUE(listener.start("127.0.0.1:" + port)) << "it may start again";
  EXPECT_EQ(test::get_plain(port, {}).substr(0, 12), "HTTP/1.1 202");
}

TEST_F(RestListenerTest, WithoutAHostItIsEveryAddressOfIpv4AndIpv6) {
  port = free_port();
  ASSERT_TRUE(listener.start(":" + port));
  EXPECT_EQ(test::get_plain(port, {}).substr(0, 12), "HTTP/1.1 202");
  boost::asio::io_context io;
  boost::asio::ip::tcp::socket socket(io);
  boost::system::error_code fault;
  socket.connect(
      {boost::asio::ip::address_v6::loopback(), static_cast<unsigned short>(std::stoi(port))},
      fault);
  if (fault) GTEST_SKIP() << "no IPv6 here";
  EXPECT_EQ(test::exchange(socket, {}).substr(0, 12), "HTTP/1.1 202");
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
