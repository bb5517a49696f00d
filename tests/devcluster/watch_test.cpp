// Watches: order, selectors, bookmarks, streaming lists, and the ways they end.
#include <atomic>

#include <gmock/gmock.h>

#include "api_fixture.hpp"
#include "devcluster/controller.hpp"

namespace devcluster {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Watches : public ApiTest {
 protected:
  const std::string maps_ = std::string(kDefault) + "/configmaps";
  std::string current() { return std::to_string(server_.resource_version()); }
};

TEST_F(Watches, ShowsWhatHappenedSinceItsResourceVersionInOrder) {
  post(maps_, config_map("before"));
  auto stream = watch(maps_ + "?watch=true&resourceVersion=" + current());
  post(maps_, config_map("a"));
  merge(maps_ + "/a", {{"data", {{"k", "w"}}}});
  post("/api/v1/namespaces/kube-system/configmaps", config_map("elsewhere"));
  expect(200, "DELETE", maps_ + "/a");
  EXPECT_THAT(summary(*stream), ElementsAre("ADDED a", "MODIFIED a", "DELETED a"));
  EXPECT_THAT(summary(*stream), IsEmpty());
  EXPECT_FALSE(stream->ended());
}

TEST_F(Watches, ADeletionCarriesTheDeletionsResourceVersion) {
  post(maps_, config_map("a"));
  auto stream = watch(maps_ + "?watch=true&resourceVersion=" + current());
  expect(200, "DELETE", maps_ + "/a");
  EXPECT_EQ(events(*stream).at(0)["object"]["metadata"]["resourceVersion"], current());
}

TEST_F(Watches, WithoutAResourceVersionItBeginsWithWhatIsThere) {
  post(maps_, config_map("a"));
  auto stream = watch(maps_ + "?watch=true");
  post(maps_, config_map("b"));
  EXPECT_THAT(summary(*stream), ElementsAre("ADDED a", "ADDED b"));
}

TEST_F(Watches, AnObjectThatBeginsOrCeasesToMatchIsAddedOrDeleted) {
  post(maps_, config_map("a"));
  auto stream = watch(maps_ + "?watch=true&labelSelector=app%3Dx&resourceVersion=" + current());
  merge(maps_ + "/a", {{"metadata", {{"labels", {{"app", "x"}}}}}});
  merge(maps_ + "/a", {{"metadata", {{"labels", {{"app", "y"}}}}}});
  const auto seen = events(*stream);
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_EQ(seen[0]["type"], "ADDED");
  EXPECT_EQ(seen[1]["type"], "DELETED");
  EXPECT_EQ(seen[1]["object"]["metadata"]["labels"]["app"], "x");
  EXPECT_EQ(seen[1]["object"]["metadata"]["resourceVersion"], current());
}

TEST_F(Watches, BookmarksComeEachMinuteOfTheClockAndOnDemand) {
  auto stream = watch(maps_ + "?watch=true&allowWatchBookmarks=true&resourceVersion=" + current());
  auto plain = watch(maps_ + "?watch=true&resourceVersion=" + current());
  now_ += std::chrono::seconds(59);
  EXPECT_THAT(summary(*stream), IsEmpty());
  post("/api/v1/namespaces", {{"metadata", {{"name", "other"}}}});
  now_ += std::chrono::seconds(1);
  const auto seen = events(*stream);
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0]["type"], "BOOKMARK");
  EXPECT_EQ(seen[0]["object"]["metadata"]["resourceVersion"], current());
  server_.send_bookmarks();
  EXPECT_THAT(summary(*stream), ElementsAre("BOOKMARK"));
  EXPECT_THAT(summary(*plain), IsEmpty());
}

TEST_F(Watches, AStreamingListEndsItsInitialStateWithTheMarkedBookmark) {
  post(maps_, config_map("a"));
  auto stream = watch(maps_ +
                      "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                      "&allowWatchBookmarks=true");
  const auto seen = events(*stream);
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_EQ(seen[1]["type"], "BOOKMARK");
  EXPECT_EQ(seen[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
  expect(422, "GET", maps_ + "?watch=true&sendInitialEvents=true");
}

TEST_F(Watches, ATooOldResourceVersionIsAnExpiredErrorAndTheEnd) {
  const std::string old = current();
  post(maps_, config_map("a"));
  server_.compact(server_.resource_version());
  auto stream = watch(maps_ + "?watch=true&resourceVersion=" + old);
  const auto seen = events(*stream);
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0]["type"], "ERROR");
  EXPECT_EQ(seen[0]["object"]["code"], 410);
  EXPECT_EQ(seen[0]["object"]["reason"], "Expired");
  EXPECT_TRUE(stream->ended());
}

TEST_F(Watches, TimeoutSecondsEndsItCleanly) {
  auto stream = watch(maps_ + "?watch=true&timeoutSeconds=10&resourceVersion=" + current());
  now_ += std::chrono::seconds(10);
  post(maps_, config_map("last"));
  EXPECT_THAT(summary(*stream), ElementsAre("ADDED last"));
  EXPECT_TRUE(stream->ended());
}

TEST_F(Watches, ManyEventsComeInTurnsWithoutLossOrRepetition) {
  constexpr int kMany = 1'200;
  auto stream = watch(maps_ + "?watch=true&resourceVersion=" + current());
  for (int i = 0; i < kMany; ++i) post(maps_, config_map("m" + std::to_string(i)));
  std::size_t seen = 0;
  for (std::size_t turn = 0; turn < 10; ++turn) seen += events(*stream).size();
  EXPECT_EQ(seen, static_cast<std::size_t>(kMany));
}

TEST_F(Watches, AChangeWakesItsReader) {
  auto stream = watch(maps_ + "?watch=true&resourceVersion=" + current());
  std::atomic<int> woken{0};
  stream->on_ready([&] { ++woken; });
  post(maps_, config_map("a"));
  EXPECT_EQ(woken, 1);
  stream->on_ready({});
}

TEST_F(Watches, TheControllersAreToldOfAllThatIsThereAndThenOfEachChangeOnceInOrder) {
  const auto taken = [&] {
    std::vector<std::string> out;
    for (const Delta& delta : server_.take_changes()) {
      const char* kind = delta.kind == Delta::Kind::kAdded      ? "added "
                         : delta.kind == Delta::Kind::kModified ? "modified "
                                                                : "deleted ";
      out.push_back(kind + delta.collection + " " + key_of(delta.object));
    }
    return out;
  };
  post(maps_, config_map("before"));
  EXPECT_THAT(taken(), Contains("added /api/v1/configmaps default/before"));
  post(maps_, config_map("a"));
  post("/api/v1/namespaces/default/pods", pod("p"));
  merge(maps_ + "/a", {{"data", {{"k", "w"}}}});
  expect(200, "DELETE", maps_ + "/a");
  server_.compact(server_.resource_version());
  EXPECT_THAT(
      taken(),
      ElementsAre("added /api/v1/configmaps default/a", "added /api/v1/pods default/p",
                  "modified /api/v1/configmaps default/a", "deleted /api/v1/configmaps default/a"));
  EXPECT_THAT(taken(), IsEmpty());
}

}  // namespace
}  // namespace devcluster
