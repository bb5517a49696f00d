#include "runtime/health.hpp"

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "../kube/scripted_transport.hpp"
#include "runtime/health_server.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics_server.hpp"

namespace swo::runtime {
namespace {

class HealthTest : public ::testing::Test {
 protected:
  HealthTest() {
    health.add(Health::Kind::kLive, "watches", [this] { return watches; });
    health.add(Health::Kind::kLive, "workers", [] { return std::nullopt; });
    health.add(Health::Kind::kReady, "caches", [this] { return caches; });
  }
  Health health;
  std::optional<std::string> watches, caches;
};

TEST_F(HealthTest, SaysOkInAWord) {
  for (const char* path : {"/healthz", "/livez", "/readyz"}) {
    EXPECT_EQ(health.answer(path, false).status, 200);
    EXPECT_EQ(health.answer(path, false).body, "ok");
  }
}

TEST_F(HealthTest, ShowsEachCheckWhenAsked) {
  EXPECT_EQ(health.answer("/healthz", true).body,
            "[+]watches ok\n[+]workers ok\nhealthz check passed\n");
  EXPECT_EQ(health.answer("/readyz", true).body, "[+]caches ok\nreadyz check passed\n");
}

TEST_F(HealthTest, AFailedCheckIsNamedWithItsReason) {
  watches = "pods: silent for 200 s";
  auto answer = health.answer("/healthz", false);
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body,
            "[-]watches failed: pods: silent for 200 s\n[+]workers ok\nhealthz check failed\n");
  EXPECT_EQ(health.answer("/readyz", false).status, 200);
  EXPECT_EQ(health.answer("/healthz/workers", false).status, 200);
  EXPECT_EQ(health.answer("/healthz/watches", false).status, 500);
}

TEST_F(HealthTest, KnowsNoOtherPaths) {
  for (const char* path : {"", "/", "/x", "/healthz/none", "/readyz/watches"}) {
    EXPECT_EQ(health.answer(path, false).status, 404) << path;
  }
}

TEST_F(HealthTest, ServesMetricsOnlyWhereTheyAreGiven) {
  HealthServer with(health, [] { return std::string("up 1\n"); });
  HealthServer without(health, nullptr);
  EXPECT_EQ(with.handle({"GET", "/metrics", "", ""}).body, "up 1\n");
  EXPECT_EQ(without.handle({"GET", "/metrics", "", ""}).status, 404);
  EXPECT_EQ(with.handle({"POST", "/healthz", "", ""}).status, 405);
  EXPECT_NE(with.handle({"GET", "/readyz", "verbose=1", ""}).body.find("[+]caches"),
            std::string::npos);
}

TEST_F(HealthTest, AnAddressThatCannotBeHadIsNamed) {
  HealthServer server(health, nullptr);
  for (const char* address : {"", "8081", "localhost:", ":80x"}) {
    auto started = server.start(address);
    ASSERT_FALSE(started) << address;
    EXPECT_EQ(started.error().kind, kube::ErrorKind::kConfig);
  }
}

class MetricsAuthorizerTest : public ::testing::Test {
 protected:
  MetricsAuthorizerTest() {
    log::configure({.sink = [this](std::string_view line) { logged += line; }});
  }
  ~MetricsAuthorizerTest() override { log::configure({}); }
  void review(const std::string& status) {
    api.will_answer(201, R"({"metadata":{"resourceVersion":""},"status":)" + status + "}");
  }
  int decide(const std::string& header = "Bearer t0ken") {
    return authorizer.decide(header, "/metrics");
  }
  const std::string kPrometheus =
      R"({"authenticated":true,"user":{"username":"prometheus","groups":["g"],"uid":"1"}})";
  std::string logged;
  kube::test::ScriptedTransport api;
  kube::Client client{api};
  ManualClock clock;
  MetricsAuthorizer authorizer{client, &clock};
};

TEST_F(MetricsAuthorizerTest, WhoeverTheClusterLetsIsLetIn) {
  review(kPrometheus);
  review(R"({"allowed":true})");
  EXPECT_EQ(decide(), 200);
  ASSERT_EQ(api.requests.size(), 2U);
  EXPECT_EQ(Json::parse(api.requests[0].body)["spec"]["token"], "t0ken");
  Json asked = Json::parse(api.requests[1].body)["spec"];
  EXPECT_EQ(asked["user"], "prometheus");
  EXPECT_EQ(asked["groups"][0], "g");
  EXPECT_EQ(asked["nonResourceAttributes"], (Json{{"path", "/metrics"}, {"verb", "get"}}));
}

TEST_F(MetricsAuthorizerTest, AnAnswerIsRememberedForAMinute) {
  review(kPrometheus);
  review(R"({"allowed":true})");
  EXPECT_EQ(decide(), 200);
  clock.advance(std::chrono::seconds(59));
  EXPECT_EQ(decide(), 200);
  EXPECT_EQ(api.requests.size(), 2U);
  clock.advance(std::chrono::seconds(1));
  review(R"({"authenticated":false})");
  EXPECT_EQ(decide(), 401) << "the token has been revoked";
}

TEST_F(MetricsAuthorizerTest, OthersAreNot) {
  EXPECT_EQ(decide(""), 401);
  EXPECT_EQ(decide("Basic dDoK"), 401);
  EXPECT_EQ(decide("Bearer "), 401);
  EXPECT_TRUE(api.requests.empty());
  review(R"({"error":"bad token"})");
  EXPECT_EQ(decide(), 401);
  review(kPrometheus);
  review(R"({"allowed":false,"reason":"no"})");
  EXPECT_EQ(decide("Bearer another"), 403);
}

TEST_F(MetricsAuthorizerTest, AnApiServerThatIsAwayLetsNobodyInAndIsAskedAgain) {
  EXPECT_EQ(decide(), 503);
  review(kPrometheus);
  EXPECT_EQ(decide(), 503);
  review(kPrometheus);
  review(R"({"allowed":true})");
  EXPECT_EQ(decide(), 200);
  EXPECT_EQ(logged.find("t0ken"), std::string::npos) << "a token in the log";
}

TEST_F(MetricsAuthorizerTest, WhileOneTokenIsAskedAboutAnotherDoesNotHoldUpAThreadAsWell) {
  int meanwhile = 0;
  api.before_answer = [&] { std::jthread([&] { meanwhile = decide("Bearer another"); }).join(); };
  review(kPrometheus);
  review(R"({"allowed":true})");
  EXPECT_EQ(decide(), 200);
  EXPECT_EQ(meanwhile, 503);
}

TEST_F(MetricsAuthorizerTest, RandomTokensPushNobodyOutWhoIsLetIn) {
  review(kPrometheus);
  review(R"({"allowed":true})");
  EXPECT_EQ(decide(), 200);
  for (std::size_t i = 0; i < MetricsAuthorizer::kMaxAnswers + 1; ++i) {
    review(R"({"authenticated":false})");
    ASSERT_EQ(decide("Bearer random" + std::to_string(i)), 401);
  }
  const std::size_t asked = api.requests.size();
  EXPECT_EQ(decide(), 200);
  EXPECT_EQ(api.requests.size(), asked);
}

TEST_F(MetricsAuthorizerTest, WhoWasLetInBeforeWaitsForTheTurnOfARandomToken) {
  review(kPrometheus);
  review(R"({"allowed":true})");
  EXPECT_EQ(decide(), 200);
  clock.advance(MetricsAuthorizer::kRemembered);
  review(R"({"authenticated":false})");
  review(kPrometheus);
  review(R"({"allowed":true})");
  std::jthread prometheus;
  int again = 0;
  api.before_answer = [&] {
    if (!prometheus.joinable()) prometheus = std::jthread([&] { again = decide(); });
  };
  EXPECT_EQ(decide("Bearer random"), 401);
  prometheus.join();
  EXPECT_EQ(again, 200);
}

TEST_F(MetricsAuthorizerTest, OnlyThePathOfTheMetricsIsServed) {
  MetricsServer server(authorizer, [] { return std::string("up 1\n"); });
  EXPECT_EQ(server.handle({"GET", "/healthz", "", "Bearer t"}).status, 404);
  EXPECT_EQ(server.handle({"POST", "/metrics", "", "Bearer t"}).status, 405);
  EXPECT_EQ(server.handle({"GET", "/metrics", "", ""}).status, 401);
  review(kPrometheus);
  review(R"({"allowed":true})");
  EXPECT_EQ(server.handle({"GET", "/metrics", "", "Bearer t"}).body, "up 1\n");
}

}  // namespace
}  // namespace swo::runtime
