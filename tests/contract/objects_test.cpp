// Objects: versions, conflicts, preconditions, finalizers, dry run, owners.
#include "contract_fixture.hpp"

namespace swo::contract {
namespace {

using ::testing::HasSubstr;

class Objects : public Contract {};

TEST_F(Objects, EachWriteRaisesTheResourceVersionAndAWriteThatChangesNothingDoesNot) {
  const std::string a = name("a");
  const Json first = post(maps(), config_map(a)).body;
  const Json second = merge(maps() + "/" + a, {{"data", {{"key", "2"}}}}).body;
  EXPECT_GT(version_of(second), version_of(first));
  const Json third = merge(maps() + "/" + a, {{"data", {{"key", "2"}}}}).body;
  EXPECT_EQ(version_of(third), version_of(second));
  EXPECT_GE(version_of(get(maps()).body), version_of(second));
}

TEST_F(Objects, CreateOfWhatIsThereAlreadyExists) {
  const std::string a = name("a");
  EXPECT_EQ(post(maps(), config_map(a)).status, 201);
  const Answer again = post(maps(), config_map(a));
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.reason(), "AlreadyExists");
  EXPECT_EQ(again.body["details"]["name"], a);
}

TEST_F(Objects, AnUpdateFromAnOldVersionIsAConflict) {
  const std::string a = name("a");
  Json old = post(maps(), config_map(a)).body;
  merge(maps() + "/" + a, {{"data", {{"key", "2"}}}});
  old["data"]["key"] = "3";
  const Answer answer = put(maps() + "/" + a, old);
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.reason(), "Conflict");
}

TEST_F(Objects, WhatIsNotThereIsNotFoundAndAStatusSaysSo) {
  const Answer answer = get(maps() + "/missing");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body["kind"], "Status");
  EXPECT_EQ(answer.reason(), "NotFound");
  EXPECT_EQ(post("/api/v1/namespaces/no-such-namespace/configmaps", config_map("a")).status, 404);
  EXPECT_EQ(get("/apis/no.such.group/v1/things").status, 404);
}

TEST_F(Objects, ADeleteHonoursPreconditionsOfUidAndVersion) {
  const std::string a = name("a");
  const Json made = post(maps(), config_map(a)).body;
  const auto only_if = [](const Json& preconditions) {
    return Json{{"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"preconditions", preconditions}};
  };
  EXPECT_EQ(remove(maps() + "/" + a, only_if({{"uid", "another"}})).status, 409);
  EXPECT_EQ(remove(maps() + "/" + a, only_if({{"resourceVersion", "1"}})).status, 409);
  EXPECT_EQ(remove(maps() + "/" + a, only_if({{"uid", uid_of(made)}})).status, 200);
  EXPECT_EQ(get(maps() + "/" + a).status, 404);
}

TEST_F(Objects, AFinalizerHoldsADeletedObjectUntilItIsTakenOff) {
  const std::string a = name("a");
  Json object = config_map(a);
  object["metadata"]["finalizers"] = {"example.com/hold"};
  post(maps(), object);
  remove(maps() + "/" + a);
  const Json held = get(maps() + "/" + a).body;
  EXPECT_TRUE(held["metadata"].contains("deletionTimestamp"));
  merge(maps() + "/" + a, {{"metadata", {{"finalizers", nullptr}}}});
  EXPECT_EQ(get(maps() + "/" + a).status, 404);
}

TEST_F(Objects, ADryRunIsAnsweredAndNotKept) {
  const std::string a = name("a");
  EXPECT_EQ(post(maps() + "?dryRun=All", config_map(a)).status, 201);
  EXPECT_EQ(get(maps() + "/" + a).status, 404);
  post(maps(), config_map(a));
  EXPECT_EQ(merge(maps() + "/" + a + "?dryRun=All", {{"data", {{"key", "2"}}}}).body["data"]["key"],
            "2");
  EXPECT_EQ(remove(maps() + "/" + a + "?dryRun=All").status, 200);
  EXPECT_EQ(get(maps() + "/" + a).body["data"]["key"], "1");
}

Json owned_by(const Json& owner, const std::string& child) {
  Json object = config_map(child);
  object["metadata"]["ownerReferences"] = {{{"apiVersion", "v1"},
                                            {"kind", "ConfigMap"},
                                            {"name", owner["metadata"]["name"]},
                                            {"uid", uid_of(owner)},
                                            {"controller", true},
                                            {"blockOwnerDeletion", true}}};
  return object;
}

TEST_F(Objects, ChildrenGoWithTheirOwnerUnlessTheyAreOrphaned) {
  if (!cluster().has_controllers()) {
    GTEST_SKIP() << "no garbage collector runs";
  }
  for (const std::string policy : {"Background", "Foreground", "Orphan"}) {
    SCOPED_TRACE(policy);
    const std::string owner = name("owner"), child = name("child");
    post(maps(), owned_by(post(maps(), config_map(owner)).body, child));
    cluster().pass_time();
    remove(maps() + "/" + owner,
           {{"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"propagationPolicy", policy}});
    EXPECT_TRUE(cluster().until([&] { return get(maps() + "/" + owner).status == 404; }));
    if (policy == "Orphan") {
      const Json orphan = get(maps() + "/" + child).body;
      EXPECT_FALSE(orphan["metadata"].contains("ownerReferences")) << orphan.dump(2);
    } else {
      EXPECT_TRUE(cluster().until([&] { return get(maps() + "/" + child).status == 404; }));
    }
  }
}

TEST_F(Objects, NamesAreCheckedAndGenerated) {
  const Answer bad = post(maps(), config_map("Not_A_Name"));
  EXPECT_EQ(bad.status, 422);
  EXPECT_EQ(bad.reason(), "Invalid");
  EXPECT_EQ(bad.body["details"]["causes"][0]["field"], "metadata.name");
  Json object = config_map("");
  object["metadata"] = {{"generateName", "made-"}};
  const Answer made = post(maps(), object);
  EXPECT_EQ(made.status, 201);
  EXPECT_THAT(made.body["metadata"].value("name", ""), testing::StartsWith("made-"));
}

}  // namespace
}  // namespace swo::contract
