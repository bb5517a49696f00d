#include "cli/secure_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../kube/scripted_transport.hpp"

namespace swo::cli {
namespace {

using ::testing::HasSubstr;

constexpr const char* kKnown =
    R"({"metadata":{},"status":{"authenticated":true,"user":{"username":"prometheus"}}})";

class SecureMetricsTest : public ::testing::Test {
 protected:
  int get(const std::string& authorization, const std::string& path = "/metrics") {
    return server.handle({"GET", path, "", authorization}).status;
  }

  kube::test::ScriptedTransport transport;
  kube::Client client{transport};
  runtime::ManualClock clock;
  runtime::MetricsAuthorizer authorizer{client, &clock};
  runtime::MetricsServer server{authorizer, [] { return "up 1\n"; }};
};

TEST_F(SecureMetricsTest, WhoeverTheClusterLetsReadsThem) {
  transport.will_answer(201, kKnown);
  transport.will_answer(201, R"({"metadata":{},"status":{"allowed":true}})");
  EXPECT_EQ(get("Bearer token"), 200);
  ASSERT_EQ(transport.requests.size(), 2U);
  EXPECT_THAT(transport.requests[1].body, HasSubstr(R"("user":"prometheus")"));
}

TEST_F(SecureMetricsTest, NobodyElseDoes) {
  EXPECT_EQ(get(""), 401);
  EXPECT_EQ(get("Basic cGFzcw=="), 401);
  EXPECT_THAT(transport.requests, ::testing::IsEmpty()) << "nothing to ask the API server";
  transport.will_answer(201, R"({"metadata":{},"status":{"authenticated":false}})");
  EXPECT_EQ(get("Bearer forged"), 401);
  transport.will_answer(201, kKnown);
  transport.will_answer(201, R"({"metadata":{},"status":{"allowed":false}})");
  EXPECT_EQ(get("Bearer lowly"), 403);
}

TEST_F(SecureMetricsTest, AnApiServerThatCannotBeAskedGrantsNothing) {
  EXPECT_EQ(get("Bearer token"), 503);
}

TEST_F(SecureMetricsTest, AnAnswerIsRememberedForAMinuteAndNoLonger) {
  transport.will_answer(201, kKnown);
  transport.will_answer(201, R"({"metadata":{},"status":{"allowed":true}})");
  EXPECT_EQ(get("Bearer token"), 200);
  clock.advance(std::chrono::seconds(59));
  EXPECT_EQ(get("Bearer token"), 200);
  EXPECT_EQ(transport.requests.size(), 2U);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(get("Bearer token"), 503);
}

TEST_F(SecureMetricsTest, ACertificateThatIsNotThereYetIsNamedAndNoEndOfTheOperator) {
  SecureMetrics metrics(
      client, [] { return ""; }, "127.0.0.1:0", "/nowhere");
  const kube::Status started = metrics.try_start();
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message, HasSubstr("/nowhere/tls.crt"));
}

TEST_F(SecureMetricsTest, StopsWhileItWaitsForItsCertificate) {
  SecureMetrics metrics(
      client, [] { return ""; }, "127.0.0.1:0", "/nowhere");
  metrics.start();
  metrics.stop();
}

}  // namespace
}  // namespace swo::cli
