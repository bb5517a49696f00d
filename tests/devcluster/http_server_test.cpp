// The HTTP front, by a plain client on a real socket.
#include "devcluster/http_server.hpp"

#include <thread>

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <gmock/gmock.h>

#include "api_fixture.hpp"

namespace devcluster {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using ::testing::HasSubstr;

// One kept-alive connection.
class Client {
 public:
  explicit Client(int port) : socket_(io_) {
    socket_.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
  }

  http::response<http::string_body> ask(http::verb verb, const std::string& target,
                                        const std::string& body = "") {
    write(verb, target, body);
    http::response<http::string_body> response;
    http::read(socket_, buffer_, response);
    return response;
  }

  void write(http::verb verb, const std::string& target, const std::string& body = "") {
    http::request<http::string_body> request{verb, target, 11};
    request.set("authorization", "Bearer admin");
    request.set("content-type", "application/json");
    request.body() = body;
    request.prepare_payload();
    http::write(socket_, request);
  }

  // Sends a watch and reads its headers.
  void open(const std::string& target) {
    write(http::verb::get, target);
    parser_.emplace();
    parser_->body_limit(boost::none);
    http::read_header(socket_, buffer_, *parser_);
  }
  // The next line of the open watch; "" at its end.
  std::string line() {
    for (;;) {
      const std::size_t end = body().find('\n', read_);
      if (end != std::string::npos) {
        std::string out = body().substr(read_, end - read_);
        read_ = end + 1;
        return out;
      }
      if (parser_->is_done()) return "";
      http::read_some(socket_, buffer_, *parser_);
    }
  }

 private:
  const std::string& body() { return parser_->get().body(); }

  asio::io_context io_;
  tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
  std::size_t read_ = 0;
};

class Front : public ApiTest {
 protected:
  Front() { server_.add_token("admin", "admin", {"system:masters"}); }
  const std::string maps_ = std::string(kDefault) + "/configmaps";
  HttpServer front_{server_};
};

TEST_F(Front, AnswersManyRequestsOnOneConnection) {
  Client client(front_.port());
  EXPECT_EQ(client.ask(http::verb::post, maps_, config_map("a").dump()).result_int(), 201U);
  EXPECT_EQ(client.ask(http::verb::get, maps_ + "/a").result_int(), 200U);
  const auto missing = client.ask(http::verb::get, maps_ + "/b");
  EXPECT_EQ(missing.result_int(), 404U);
  EXPECT_THAT(missing.body(), HasSubstr("configmaps \\\"b\\\" not found"));
}

TEST_F(Front, AWatchedChangeArrivesWhileTheWatchStaysOpen) {
  Client watcher(front_.port());
  watcher.open(maps_ + "?watch=true&resourceVersion=" + std::to_string(server_.resource_version()));
  post(maps_, config_map("a"));
  EXPECT_THAT(watcher.line(), HasSubstr("ADDED"));
  post(maps_, config_map("b"));
  EXPECT_THAT(watcher.line(), HasSubstr("\"name\":\"b\""));
}

TEST_F(Front, AConnectionServesOnAfterItsWatchHasEnded) {
  Client client(front_.port());
  client.open(maps_ + "?watch=true&timeoutSeconds=10&resourceVersion=" +
              std::to_string(server_.resource_version()));
  post(maps_, config_map("a"));
  EXPECT_THAT(client.line(), HasSubstr("ADDED"));
  now_ += std::chrono::seconds(10);
  EXPECT_EQ(client.line(), "");
  EXPECT_EQ(client.ask(http::verb::get, maps_ + "/a").result_int(), 200U);
}

TEST_F(Front, HundredsOfWatchesShareTwoThreads) {
  constexpr std::size_t kWatches = 300;
  std::vector<std::unique_ptr<Client>> watchers;
  const std::string from = std::to_string(server_.resource_version());
  for (std::size_t i = 0; i < kWatches; ++i) {
    watchers.push_back(std::make_unique<Client>(front_.port()));
    watchers.back()->open(maps_ + "?watch=true&resourceVersion=" + from);
  }
  post(maps_, config_map("a"));
  for (const auto& watcher : watchers) EXPECT_THAT(watcher->line(), HasSubstr("ADDED"));
}

TEST_F(Front, ALargeStateStreamsWholeToAWatch) {
  constexpr int kMany = 1'500;
  const std::string filler(1'000, 'x');
  for (int i = 0; i < kMany; ++i) post(maps_, config_map("m" + std::to_string(i), {{"k", filler}}));
  Client watcher(front_.port());
  watcher.open(maps_ + "?watch=true");
  for (int i = 0; i < kMany; ++i) ASSERT_THAT(watcher.line(), HasSubstr("ADDED"));
}

TEST_F(Front, DroppedConnectionsEndTheirWatches) {
  Client watcher(front_.port());
  watcher.open(maps_ + "?watch=true&resourceVersion=" + std::to_string(server_.resource_version()));
  front_.drop_connections();
  EXPECT_THROW(watcher.line(), boost::system::system_error);
  EXPECT_EQ(Client(front_.port()).ask(http::verb::get, "/healthz").body(), "ok");
}

TEST_F(Front, WritersAndWatchersTogetherLoseNothing) {
  constexpr int kWriters = 4, kEach = 50;
  Client watcher(front_.port());
  watcher.open(maps_ + "?watch=true&resourceVersion=" + std::to_string(server_.resource_version()));
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      Client client(front_.port());
      for (int i = 0; i < kEach; ++i) {
        client.ask(http::verb::post, maps_, config_map("w" + std::to_string(w * kEach + i)).dump());
      }
    });
  }
  std::uint64_t last = 0;
  for (int i = 0; i < kWriters * kEach; ++i) {
    const Json event = Json::parse(watcher.line());
    const std::uint64_t version =
        std::stoull(event["object"]["metadata"]["resourceVersion"].get<std::string>());
    EXPECT_GT(version, last);
    last = version;
  }
  for (std::thread& writer : writers) writer.join();
}

TEST_F(Front, ATakenPortIsSaidByItsNumber) {
  HttpServerOptions options;
  options.port = front_.port();
  try {
    HttpServer second(server_, options);
    FAIL() << "two servers on one port";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:" + std::to_string(front_.port())));
  }
}

}  // namespace
}  // namespace devcluster
