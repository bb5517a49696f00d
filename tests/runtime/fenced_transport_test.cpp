#include "runtime/fenced_transport.hpp"

#include <gtest/gtest.h>

#include "../kube/scripted_transport.hpp"

namespace swo::runtime {
namespace {

using std::chrono::seconds;

class FencedTransportTest : public ::testing::Test {
 protected:
  // Sends, and tells how long that may have taken; nothing when it was not sent.
  std::optional<Milliseconds> sent(const std::string& method) {
    api.will_answer(200, "{}");
    api.requests.clear();
    kube::HttpRequest request;
    request.method = method;
    request.target = "/api";
    request.body = "body";
    const auto answer = fenced.send(request);
    if (api.requests.empty()) {
      EXPECT_FALSE(answer);
      EXPECT_EQ(answer.error().kind, kube::ErrorKind::kCancelled);
      return std::nullopt;
    }
    EXPECT_EQ(api.requests.at(0).body, "body");
    return api.requests.at(0).timeout;
  }

  kube::test::ScriptedTransport api;
  Milliseconds left{0};
  FencedTransport fenced{api, [this] { return left; }};
};

TEST_F(FencedTransportTest, NoWriteIsSentOnceTheLeaseIsLost) {
  for (const Milliseconds none : {Milliseconds{0}, Milliseconds{-1}, Milliseconds::min()}) {
    left = none;
    for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
      EXPECT_EQ(sent(method), std::nullopt) << method;
    }
  }
}

TEST_F(FencedTransportTest, AWriteTakesNoLongerThanWhatIsLeftOfTheLease) {
  left = seconds(5);
  EXPECT_EQ(sent("PATCH"), seconds(5));
  left = seconds(30);
  EXPECT_EQ(sent("PATCH"), seconds(30));
  left = Milliseconds::max();
  EXPECT_EQ(sent("PATCH"), seconds(30)) << "nor than it wants to";
}

TEST_F(FencedTransportTest, AReadPassesAlways) {
  EXPECT_EQ(sent("GET"), seconds(30));
  api.will_open();
  EXPECT_TRUE(fenced.open({}));
}

}  // namespace
}  // namespace swo::runtime
