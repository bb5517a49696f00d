// Lists and watches: paging, selectors, order, bookmarks, history that is gone, tables.
#include "contract_fixture.hpp"

namespace swo::contract {
namespace {

using ::testing::HasSubstr;

class Lists : public Contract {
 protected:
  // Five objects with a label of their own; the selector's query.
  std::string five() {
    const std::string label = name("set");
    for (int i = 0; i < 5; ++i) {
      Json object = config_map(label + "-" + std::to_string(i));
      object["metadata"]["labels"] = {{"set", label}};
      post(maps(), object);
    }
    return "labelSelector=set%3D" + label;
  }
};

TEST_F(Lists, ComeInPagesOfOneMoment) {
  const std::string selector = five();
  const Json first = get(maps() + "?limit=2&" + selector).body;
  EXPECT_EQ(first["items"].size(), 2U);
  ASSERT_TRUE(first["metadata"].contains("continue"));
  // What changes between the pages does not show.
  const std::string last = first["items"][0]["metadata"]["labels"]["set"].get<std::string>() + "-4";
  merge(maps() + "/" + last, {{"data", {{"key", "changed"}}}});
  std::vector<std::string> values;
  std::string token = first["metadata"]["continue"];
  while (!token.empty()) {
    const Json page =
        get(maps() + "?limit=2&" + selector + "&continue=" + kube::url_escape(token)).body;
    EXPECT_EQ(version_of(page), version_of(first));
    for (const Json& item : page["items"]) {
      values.push_back(item["data"]["key"]);
    }
    token = page["metadata"].value("continue", "");
  }
  EXPECT_EQ(values, (std::vector<std::string>{"1", "1", "1"}));
}

TEST_F(Lists, RefuseATokenThatIsNone) {
  EXPECT_EQ(get(maps() + "?limit=2&continue=nonsense").status, 400);
}

TEST_F(Lists, RefuseATokenThatIsTooOld) {
  const std::string selector = five();
  const Json first = get(maps() + "?limit=2&" + selector).body;
  merge(maps() + "/" + first["items"][0]["metadata"]["name"].get<std::string>(),
        {{"data", {{"key", "2"}}}});
  if (!cluster().compact()) {
    GTEST_SKIP() << "history cannot be compacted on demand";
  }
  const Answer answer = get(maps() + "?limit=2&continue=" +
                            kube::url_escape(first["metadata"]["continue"].get<std::string>()));
  EXPECT_EQ(answer.status, 410);
  EXPECT_EQ(answer.reason(), "Expired");
}

TEST_F(Lists, SelectByLabelAndField) {
  const std::string selector = five();
  EXPECT_EQ(get(maps() + "?" + selector).body["items"].size(), 5U);
  const Json all = get(maps() + "?" + selector).body;
  const std::string one = all["items"][0]["metadata"]["name"];
  EXPECT_EQ(get(maps() + "?fieldSelector=metadata.name%3D" + one).body["items"].size(), 1U);
  EXPECT_EQ(get(maps() + "?labelSelector=set%20in%20(nobody)").body["items"].size(), 0U);
  EXPECT_EQ(get(maps() + "?labelSelector=%3D%3D").status, 400);
  EXPECT_EQ(get(maps() + "?fieldSelector=data.key%3D1").status, 400);
}

TEST_F(Lists, AWatchTellsWhatHappensAfterItsVersionInOrder) {
  const std::string a = name("a");
  const std::string from = get(maps()).body["metadata"]["resourceVersion"];
  post(maps(), config_map(a));
  merge(maps() + "/" + a, {{"data", {{"key", "2"}}}});
  remove(maps() + "/" + a);
  Watch watch(maps() + "?watch=true&timeoutSeconds=30&fieldSelector=metadata.name%3D" + a +
              "&resourceVersion=" + from);
  ASSERT_EQ(watch.status(), 200);
  const Json added = watch.next();
  ASSERT_TRUE(added.is_object());
  EXPECT_EQ(added["type"], "ADDED");
  EXPECT_EQ(watch.next_summary(), "MODIFIED " + a);
  const Json deleted = watch.next();
  ASSERT_TRUE(deleted.is_object());
  EXPECT_EQ(deleted["type"], "DELETED");
  EXPECT_GT(version_of(deleted["object"]), version_of(added["object"]));
}

TEST_F(Lists, WhatLeavesASelectorIsDeletedForItsWatch) {
  const std::string a = name("a");
  Json object = config_map(a);
  object["metadata"]["labels"] = {{"in", a}};
  const Json made = post(maps(), object).body;
  Watch watch(maps() + "?watch=true&timeoutSeconds=30&labelSelector=in%3D" + a +
              "&resourceVersion=" + std::to_string(version_of(made)));
  merge(maps() + "/" + a, {{"metadata", {{"labels", {{"in", "out"}}}}}});
  EXPECT_EQ(watch.next_summary(), "DELETED " + a);
  merge(maps() + "/" + a, {{"metadata", {{"labels", {{"in", a}}}}}});
  EXPECT_EQ(watch.next_summary(), "ADDED " + a);
}

TEST_F(Lists, AWatchOfForgottenHistoryIsToldThatItIsGone) {
  const std::string a = name("a");
  const Json made = post(maps(), config_map(a)).body;
  merge(maps() + "/" + a, {{"data", {{"key", "2"}}}});
  if (!cluster().compact()) {
    GTEST_SKIP() << "history cannot be compacted on demand";
  }
  Watch watch(maps() + "?watch=true&timeoutSeconds=30&resourceVersion=" +
              std::to_string(version_of(made) - 1));
  if (watch.status() == 200) {
    const Json event = watch.next();
    ASSERT_TRUE(event.is_object());
    EXPECT_EQ(event["type"], "ERROR");
    EXPECT_EQ(event["object"]["code"], 410);
  } else {
    EXPECT_EQ(watch.status(), 410);
  }
}

TEST_F(Lists, AStreamedListEndsWithABookmarkThatSaysSo) {
  const std::string selector = five();
  Watch watch(maps() +
              "?watch=true&timeoutSeconds=30&sendInitialEvents=true&allowWatchBookmarks=true&"
              "resourceVersionMatch=NotOlderThan&" +
              selector);
  if (watch.status() != 200) {
    GTEST_SKIP() << "this server does not stream lists: HTTP " << watch.status();
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(watch.next_summary(), testing::StartsWith("ADDED "));
  }
  const Json end = watch.next();
  ASSERT_TRUE(end.is_object());
  EXPECT_EQ(end["type"], "BOOKMARK");
  EXPECT_EQ(end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

TEST_F(Lists, ATableHasTheTypesOwnColumns) {
  const std::string a = name("a");
  ASSERT_EQ(post(probes(), probe(a, {{"size", 3}})).status, 201);
  const Json table = call("GET", probes() + "?fieldSelector=metadata.name%3D" + a, nullptr, "",
                          "application/json;as=Table;v=v1;g=meta.k8s.io")
                         .body;
  EXPECT_EQ(table["kind"], "Table");
  std::vector<std::string> columns;
  for (const Json& column : table["columnDefinitions"]) {
    columns.push_back(column["name"]);
  }
  EXPECT_THAT(columns, testing::ElementsAre("Name", "Size"));
  ASSERT_EQ(table["rows"].size(), 1U);
  EXPECT_EQ(table["rows"][0]["cells"][0], a);
  EXPECT_EQ(table["rows"][0]["cells"][1], 3);
}

}  // namespace
}  // namespace swo::contract
