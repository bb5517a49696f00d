#include "kube/projection.hpp"

#include <string>

#include <gtest/gtest.h>

namespace swo::kube {
namespace {

const FieldMask kPod{"metadata.labels", "spec.nodeName", "status.containerStatuses.ready"};

TEST(Projection, KeepsWhatIsNamedAndTheIdentityAndNothingElse) {
  auto pod = project(R"({"kind":"Pod","metadata":{"name":"a","namespace":"n","uid":"u",
      "resourceVersion":"7","labels":{"x":"1"},"managedFields":[{"f:x":{}}]},
      "spec":{"nodeName":"w1","containers":[{"name":"c"}]},"status":{"phase":"Running"}})",
                     kPod);
  ASSERT_TRUE(pod.ok());
  EXPECT_EQ(*pod, Json::parse(R"({"metadata":{"name":"a","namespace":"n","uid":"u",
      "resourceVersion":"7","labels":{"x":"1"}},"spec":{"nodeName":"w1"},"status":{}})"));
}

TEST(Projection, LooksThroughArrays) {
  auto pod = project(
      R"({"status":{"containerStatuses":[{"ready":true,"image":"i"},{"ready":false}]}})", kPod);
  ASSERT_TRUE(pod.ok());
  EXPECT_EQ((*pod)["status"].dump(), R"({"containerStatuses":[{"ready":true},{"ready":false}]})");
}

TEST(Projection, EverythingKeepsTheWholeDocument) {
  std::string text = R"({"a":[1,2.5,-3e2,null,true],"b":{"c":"\u00e9\n"}})";
  EXPECT_EQ(*project(text, FieldMask::everything()), Json::parse(text));
}

TEST(Projection, AWiderPathTakesInANarrowerOne) {
  FieldMask mask{"spec.a", "spec", "spec.b"};
  EXPECT_EQ((*project(R"({"spec":{"a":1,"b":2,"c":3}})", mask))["spec"].size(), 3U);
}

TEST(Projection, ReadsEscapedNamesAndQuotesWithinStrings) {
  FieldMask mask{"a"};
  auto object = project(R"({"skip":"} \" ] \\","\u0061":"x\"y\\","z":["\\\"{"]})", mask);
  ASSERT_TRUE(object.ok());
  EXPECT_EQ((*object)["a"], "x\"y\\");
}

TEST(Projection, RefusesEveryTruncation) {
  std::string text = R"({"metadata":{"name":"\"a\\","labels":{"x":"é"}},"spec":[{"q":[1,{}]}]})";
  ASSERT_TRUE(project(text, kPod).ok());
  for (std::size_t length = 0; length < text.size(); ++length) {
    auto cut = project(std::string_view(text).substr(0, length), kPod);
    ASSERT_FALSE(cut.ok()) << length;
    EXPECT_EQ(cut.error().kind, ErrorKind::kBadResponse);
  }
}

TEST(Projection, RefusesWhatIsNotJson) {
  for (const char* text :
       {"", "nothing", "{]", R"({"a" 1})", R"({"a":1,})", R"({"a":1 "b":2})", R"({1:2})",
        R"({"metadata":{"name":nope}})", R"({"a":{"b":[}]})", "{} {}",
        R"({"metadata":{"name":"a)"
        "\xff"
        R"("}})",
        R"({"a":})"}) {
    EXPECT_FALSE(project(text, kPod).ok()) << text;
  }
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST(Projection, IsNotBroughtDownByDeepNestingWhereverItIsHidden) {
  for (const char* field : {"skipped", "metadata", "spec"}) {
    EXPECT_FALSE(
        project("{\"" + std::string(field) + "\":" + std::string(200'000, '['), kPod).ok());
    EXPECT_TRUE(project("{\"" + std::string(field) + "\":" + nested(200'000) + "}", kPod).ok());
  }
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"metadata":)";
  EXPECT_FALSE(project(objects, kPod).ok());
  EXPECT_FALSE(project(objects, FieldMask::everything()).ok());
}

TEST(Projection, KeepsWhatIsNestedDeeperThanAnyoneMayRecurseAsNull) {
  const auto kept = [](int depth) {
    Json value = project("{\"a\":" + nested(depth) + "}", FieldMask::everything())->at("a");
    while (value.is_array() && !value.empty()) {
      value = Json(value[0]);
    }
    return value;
  };
  EXPECT_EQ(kept(kMaxDepth - 1), Json::array());
  EXPECT_EQ(kept(kMaxDepth), nullptr);
}

// Who may write one object of a list must not be able to keep the operator from all the others.
TEST(Projection, ReadsTheItemsAroundOneThatIsNestedTooDeep) {
  const std::string deep = R"({"metadata":{"name":"deep"},"spec":{"x":)" + nested(600) + "}}";
  std::vector<std::string> names;
  auto page = project_list(R"({"metadata":{"resourceVersion":"42"},"items":[)" + deep +
                               R"(,{"metadata":{"name":"b"}}]})",
                           FieldMask::everything(),
                           [&](Json&& item) { names.push_back(item["metadata"]["name"]); });
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(names, (std::vector<std::string>{"deep", "b"}));
}

TEST(Projection, ReadsAListItemByItem) {
  std::vector<std::string> names;
  auto page =
      project_list(R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"42",
      "continue":"more","remainingItemCount":3},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]})",
                   kPod, [&](Json&& item) { names.push_back(item["metadata"]["name"]); });
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->resource_version, 42U);
  EXPECT_EQ(page->continue_token, "more");
  EXPECT_EQ(page->remaining, 3);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
}

TEST(Projection, AnEmptyListMayHaveNoItemsAtAll) {
  auto none = [](Json&&) { FAIL(); };
  EXPECT_TRUE(
      project_list(R"({"metadata":{"resourceVersion":"1"},"items":null})", kPod, none).ok());
  EXPECT_TRUE(project_list(R"({"metadata":{"resourceVersion":"1"},"items":[]})", kPod, none).ok());
  EXPECT_TRUE(project_list(R"({"metadata":{"resourceVersion":"1"}})", kPod, none).ok());
}

TEST(Projection, AListWithoutAVersionCannotBeWatchedFrom) {
  auto any = [](Json&&) {};
  for (const char* text :
       {R"({"items":[]})", R"({"metadata":{"resourceVersion":"0"}})",
        R"({"metadata":{"resourceVersion":"x"}})", R"({"metadata":{"resourceVersion":7}})", R"([])",
        R"({"metadata":{"resourceVersion":"1"},"items":[7]})"}) {
    EXPECT_FALSE(project_list(text, kPod, any).ok()) << text;
  }
}

TEST(Projection, ReadsEventsInAnyOrderOfTheirFields) {
  for (const char* line :
       {R"({"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"9"}}})",
        R"({"object":{"metadata":{"name":"a","resourceVersion":"9"}},"type":"MODIFIED"})"}) {
    auto event = project_event(line, kPod);
    ASSERT_TRUE(event.ok());
    EXPECT_EQ(event->type, EventType::kModified);
    EXPECT_EQ(event->resource_version, 9U);
  }
}

TEST(Projection, AnErrorEventBecomesATypedError) {
  auto event = project_event(
      R"j({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired",
          "message":"too old resource version: 1 (2)"}})j",
      kPod);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->type, EventType::kError);
  EXPECT_EQ(event->error.kind, ErrorKind::kGone);
  EXPECT_EQ(event->error.message, "too old resource version: 1 (2)");
  event = project_event(
      R"({"type":"ERROR","object":{"code":429,"details":{"retryAfterSeconds":5}}})", kPod);
  EXPECT_EQ(event->error.kind, ErrorKind::kTooManyRequests);
  EXPECT_EQ(event->error.retry_after, std::chrono::seconds(5));
}

TEST(Projection, AnEventOfAnUnknownTypeIsNoFault) {
  auto event = project_event(R"({"type":"RENAMED","object":7})", kPod);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->type, EventType::kUnknown);
  EXPECT_EQ(event->type_name, "RENAMED");
}

TEST(Projection, AnObjectWithoutAVersionIsAFault) {
  EXPECT_FALSE(project_event(R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})", kPod).ok());
  EXPECT_FALSE(project_event(R"({"type":"ADDED"})", kPod).ok());
}

TEST(ErrorKind, FollowsTheReasonBeforeTheCode) {
  EXPECT_EQ(error_kind(409, "AlreadyExists"), ErrorKind::kAlreadyExists);
  EXPECT_EQ(error_kind(409, "Conflict"), ErrorKind::kConflict);
  EXPECT_EQ(error_kind(410, ""), ErrorKind::kGone);
  EXPECT_EQ(error_kind(0, "Expired"), ErrorKind::kGone);
  EXPECT_EQ(error_kind(504, "Timeout"), ErrorKind::kServer);
}

}  // namespace
}  // namespace swo::kube
