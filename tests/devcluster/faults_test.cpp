// Faults on demand, and what a client meets because of them.
#include "devcluster/faults.hpp"

#include <gmock/gmock.h>

#include "api_fixture.hpp"

namespace devcluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FaultsOnDemand : public ApiTest {
 protected:
  const std::string maps_ = std::string(kDefault) + "/configmaps";
  void SetUp() override {
    server_.add_token("admin", "admin", {"system:masters"});
    token_ = "admin";
  }
  std::string from_now() {
    return maps_ + "?watch=true&resourceVersion=" + std::to_string(server_.resource_version());
  }
};

TEST_F(FaultsOnDemand, TheNthMatchingCallFailsAndNoOther) {
  server_.faults().add("create:configmaps@2=error:503");
  post(maps_, config_map("a"));
  EXPECT_EQ(expect(503, "POST", maps_, config_map("b"))["reason"], "ServiceUnavailable");
  post(maps_, config_map("b"));
  EXPECT_EQ(server_.faults().struck(), 1U);
}

TEST_F(FaultsOnDemand, TooManyRequestsSaysWhenToComeBack) {
  server_.faults().add("list:*=error:429");
  EXPECT_EQ(ask("GET", maps_).response.headers.at("retry-after"), "1");
}

TEST_F(FaultsOnDemand, AnAmbiguousWriteIsDoneAndADroppedOneIsNot) {
  server_.faults().add("create:configmaps@1=ambiguous");
  server_.faults().add("create:configmaps@2=drop");
  EXPECT_TRUE(ask("POST", maps_, config_map("a").dump()).drop);
  EXPECT_TRUE(ask("POST", maps_, config_map("b").dump()).drop);
  get(maps_ + "/a");
  expect(404, "GET", maps_ + "/b");
}

TEST_F(FaultsOnDemand, TheStandInsOwnControllersAreSpared) {
  server_.faults().add("*:*@1+*=error:500");
  token_ = "";
  post(maps_, config_map("a"));
}

TEST_F(FaultsOnDemand, ALaggingServerShowsThePastUntilItCatchesUp) {
  post(maps_, config_map("a"));
  server_.faults().add("*:configmaps@1+*=stale");
  auto stream = watch(from_now());
  post(maps_, config_map("b"));
  expect(404, "GET", maps_ + "/b");
  EXPECT_EQ(get(maps_)["items"].size(), 1U);
  EXPECT_THAT(summary(*stream), IsEmpty());
  server_.faults().clear();
  EXPECT_EQ(get(maps_)["items"].size(), 2U);
  EXPECT_THAT(summary(*stream), ElementsAre("ADDED b"));
}

TEST_F(FaultsOnDemand, AWatchGoesSilentResetsOrIsCutAfterSoManyEvents) {
  server_.faults().add("watch:configmaps@1=silent:1");
  server_.faults().add("watch:configmaps@2=reset:1");
  server_.faults().add("watch:configmaps@3=cut:1");
  server_.faults().add("watch:configmaps@4=gone:1");
  const std::string target = from_now();
  auto silent = watch(target), reset = watch(target), cut = watch(target), gone = watch(target);
  post(maps_, config_map("a"));
  post(maps_, config_map("b"));
  EXPECT_THAT(summary(*silent), ElementsAre("ADDED a"));
  EXPECT_FALSE(silent->ended());
  EXPECT_THAT(summary(*reset), ElementsAre("ADDED a"));
  EXPECT_TRUE(reset->ended() && reset->broken());
  const std::string text = cut->next();
  EXPECT_THAT(text, HasSubstr("\"name\":\"a\""));
  EXPECT_NE(text.back(), '\n');
  EXPECT_TRUE(cut->broken());
  EXPECT_THAT(summary(*gone), ElementsAre("ADDED a", "ERROR"));
  EXPECT_TRUE(gone->ended() && !gone->broken());
}

TEST_F(FaultsOnDemand, ADrippingWatchLosesNothing) {
  server_.faults().add("watch:configmaps=drip");
  auto stream = watch(from_now());
  post(maps_, config_map("a"));
  std::string all;
  for (std::string part = stream->next(); !part.empty(); part = stream->next()) {
    EXPECT_EQ(part.size(), 1U);
    all += part;
  }
  EXPECT_EQ(Json::parse(all)["type"], "ADDED");
}

TEST_F(FaultsOnDemand, AWrongRuleSaysWhatIsWrong) {
  const auto complaint = [](const std::string& text) -> std::string {
    try {
      parse_fault(text);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(complaint("nonsense"), HasSubstr("VERB:RESOURCE"));
  EXPECT_THAT(complaint("get:pods=explode"), HasSubstr("unknown action; known are ambiguous"));
  EXPECT_THAT(complaint("get:pods@x=drop"), HasSubstr("the call's number \"x\" is not a number"));
}

TEST_F(FaultsOnDemand, AnAuditCountsWhatClientsDo) {
  std::vector<std::string> heard;
  server_.on_audit([&](const AuditEvent& e) {
    heard.push_back(e.verb + " " + e.resource + " " + std::to_string(e.status));
  });
  post(maps_, config_map("a"));
  expect(404, "GET", maps_ + "/b");
  token_ = "";
  get(maps_ + "/a");
  EXPECT_THAT(heard, ElementsAre("create configmaps 201", "get configmaps 404"));
}

}  // namespace
}  // namespace devcluster
