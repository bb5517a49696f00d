// Merge, JSON and strategic merge patches.
#include <gmock/gmock.h>

#include "api_fixture.hpp"

namespace devcluster {
namespace {

constexpr const char* kStrategic = "application/strategic-merge-patch+json";
constexpr const char* kJsonPatch = "application/json-patch+json";

class Patches : public ApiTest {
 protected:
  const std::string maps_ = std::string(kDefault) + "/configmaps";
  const std::string services_ = std::string(kDefault) + "/services";
};

TEST_F(Patches, AMergePatchSetsAndRemoves) {
  post(maps_, config_map("a", {{"x", "1"}, {"y", "1"}}));
  EXPECT_EQ(merge(maps_ + "/a", {{"data", {{"x", "2"}, {"y", nullptr}}}})["data"],
            (Json{{"x", "2"}}));
}

TEST_F(Patches, AJsonPatchTestsBeforeItChanges) {
  post(maps_, config_map("a", {{"x", "1"}}));
  const Json good = {{{"op", "test"}, {"path", "/data/x"}, {"value", "1"}},
                     {{"op", "replace"}, {"path", "/data/x"}, {"value", "2"}}};
  EXPECT_EQ(expect(200, "PATCH", maps_ + "/a", good, kJsonPatch)["data"]["x"], "2");
  expect(422, "PATCH", maps_ + "/a", good, kJsonPatch);
  expect(422, "PATCH", maps_ + "/a", {{"op", "nonsense"}}, kJsonPatch);
}

TEST_F(Patches, AStrategicMergePatchFindsListItemsByTheirKey) {
  const Json ports = {{{"name", "http"}, {"port", 80}}, {{"name", "tls"}, {"port", 443}}};
  post(services_, {{"metadata", {{"name", "web"}}}, {"spec", {{"ports", ports}}}});
  Json object = expect(200, "PATCH", services_ + "/web",
                       {{"spec", {{"ports", {{{"port", 80}, {"targetPort", 8080}}}}}}}, kStrategic);
  EXPECT_EQ(object["spec"]["ports"].size(), 2U);
  EXPECT_EQ(object["spec"]["ports"][0]["targetPort"], 8080);
  object = expect(200, "PATCH", services_ + "/web",
                  {{"spec", {{"ports", {{{"port", 443}, {"$patch", "delete"}}}}}}}, kStrategic);
  EXPECT_EQ(object["spec"]["ports"].size(), 1U);
}

TEST_F(Patches, AnUnknownPatchTypeIsRefused) {
  post(maps_, config_map("a"));
  EXPECT_EQ(expect(415, "PATCH", maps_ + "/a", {{"data", {}}}, "application/json")["reason"],
            "UnsupportedMediaType");
}

TEST_F(Patches, APatchCannotMoveAnObjectOrForgeItsIdentity) {
  const Json created = post(maps_, config_map("a"));
  expect(400, "PATCH", maps_ + "/a", {{"metadata", {{"name", "b"}}}}, kMerge);
  expect(422, "PATCH", maps_ + "/a", {{"metadata", {{"uid", "other"}}}}, kMerge);
  const Json kept =
      merge(maps_ + "/a", {{"metadata", {{"creationTimestamp", nullptr}, {"uid", nullptr}}}});
  EXPECT_EQ(kept["metadata"]["creationTimestamp"], created["metadata"]["creationTimestamp"]);
  EXPECT_EQ(kept["metadata"]["uid"], created["metadata"]["uid"]);
}

TEST_F(Patches, APatchWithAnOldResourceVersionIsAConflict) {
  const Json created = post(maps_, config_map("a"));
  merge(maps_ + "/a", {{"data", {{"k", "w"}}}});
  expect(409, "PATCH", maps_ + "/a",
         {{"metadata", {{"resourceVersion", created["metadata"]["resourceVersion"]}}},
          {"data", {{"k", "x"}}}},
         kMerge);
}

}  // namespace
}  // namespace devcluster
