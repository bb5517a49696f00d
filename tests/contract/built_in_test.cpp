// Built-in types: what is dropped, refused and filled in; claims.
#include "contract_fixture.hpp"

namespace swo::contract {
namespace {

using ::testing::HasSubstr;

class BuiltIn : public Contract {};

TEST_F(BuiltIn, AnUnknownFieldIsDroppedOrRefusedAsAsked) {
  const std::string a = name("a");
  Json object = config_map(a);
  object["junk"] = true;
  const Answer strict = post(maps() + "?fieldValidation=Strict", object);
  EXPECT_EQ(strict.status, 400);
  EXPECT_THAT(strict.message(), HasSubstr("unknown field \"junk\""));
  const Answer made = post(maps(), object);
  EXPECT_EQ(made.status, 201);
  EXPECT_FALSE(made.body.contains("junk"));
  const Answer patched = call("PATCH", maps() + "/" + a + "?fieldValidation=Strict",
                              {{"junk", true}}, "application/merge-patch+json");
  EXPECT_EQ(patched.status, 422);
}

TEST_F(BuiltIn, AWrongTypeIsABadRequestAndOfAPatchInvalid) {
  const std::string a = name("a");
  Json object = config_map(a);
  object["data"]["key"] = 1;
  const Answer answer = post(maps(), object);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.message(), HasSubstr("json: cannot unmarshal number into Go struct field"));
  post(maps(), config_map(a));
  EXPECT_EQ(merge(maps() + "/" + a, {{"data", {{"key", 1}}}}).status, 422);
}

TEST_F(BuiltIn, ApplyTakesNoFieldThatIsNotDeclared) {
  const std::string a = name("a");
  Json object = config_map(a);
  object["junk"] = true;
  const Answer answer = apply(maps() + "/" + a, object, "one");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.message(), HasSubstr(".junk: field not declared in schema"));
  Json custom = probe(a, {{"size", 1}, {"junk", true}});
  const Answer of_custom = apply(probes() + "/" + a, custom, "one");
  EXPECT_EQ(of_custom.status, 500);
  EXPECT_THAT(of_custom.message(), HasSubstr(".spec.junk: field not declared in schema"));
}

TEST_F(BuiltIn, ManagedFieldsAreClearedByAnEmptyListOrEntryAndStayWhereTheyAreLeftOut) {
  for (const Json& cleared : {Json::array(), Json::array({Json::object()})}) {
    SCOPED_TRACE(cleared.dump());
    const std::string a = name("a");
    const Json before = post(maps(), config_map(a)).body["metadata"]["managedFields"];
    ASSERT_FALSE(before.empty());
    EXPECT_EQ(put(maps() + "/" + a, config_map(a)).body["metadata"]["managedFields"], before);
    const Answer answer = merge(maps() + "/" + a, {{"metadata", {{"managedFields", cleared}}}});
    EXPECT_EQ(answer.status, 200) << answer.message();
    EXPECT_FALSE(answer.body["metadata"].contains("managedFields"));
    remove(maps() + "/" + a);
  }
}

TEST_F(BuiltIn, AClaimIsProtectedAndItsSpecStays) {
  const std::string a = name("a");
  const std::string claims = "/api/v1/namespaces/" + ns() + "/persistentvolumeclaims";
  const Answer made = post(claims, {{"apiVersion", "v1"},
                                    {"kind", "PersistentVolumeClaim"},
                                    {"metadata", {{"name", a}}},
                                    {"spec",
                                     {{"storageClassName", "none-such"},
                                      {"accessModes", {"ReadWriteOnce"}},
                                      {"resources", {{"requests", {{"storage", "1Gi"}}}}}}}});
  ASSERT_EQ(made.status, 201) << made.message();
  EXPECT_EQ(made.body["metadata"]["finalizers"], Json::array({"kubernetes.io/pvc-protection"}));
  const Answer changed = merge(claims + "/" + a, {{"spec", {{"accessModes", {"ReadWriteMany"}}}}});
  EXPECT_EQ(changed.status, 422);
  EXPECT_THAT(changed.message(), HasSubstr("spec is immutable after creation"));
  // It is not bound: not even its size changes.
  EXPECT_EQ(
      merge(claims + "/" + a, {{"spec", {{"resources", {{"requests", {{"storage", "2Gi"}}}}}}}})
          .status,
      422);
  remove(claims + "/" + a);
  if (!cluster().has_controllers()) {
    merge(claims + "/" + a, {{"metadata", {{"finalizers", nullptr}}}});
  }
  EXPECT_TRUE(cluster().until([&] { return get(claims + "/" + a).status == 404; }));
}

}  // namespace
}  // namespace swo::contract
