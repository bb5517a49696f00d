// Server-side apply: what operator and persons write side by side.
#include "contract_fixture.hpp"

namespace swo::contract {
namespace {

using ::testing::HasSubstr;

class Apply : public Contract {
 protected:
  std::string path(const std::string& name) { return probes() + "/" + name; }
  static Json ports(std::vector<Json> list) { return {{"size", 1}, {"ports", std::move(list)}}; }
};

TEST_F(Apply, CreatesAndRepeatedChangesNothing) {
  const std::string a = name("a");
  const Answer made = apply(path(a), probe(a, {{"size", 2}}), "one");
  EXPECT_EQ(made.status, 201);
  const Answer again = apply(path(a), probe(a, {{"size", 2}}), "one");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(version_of(again.body), version_of(made.body));
  EXPECT_EQ(made.body["metadata"]["managedFields"][0]["manager"], "one");
  EXPECT_EQ(made.body["metadata"]["managedFields"][0]["operation"], "Apply");
  EXPECT_TRUE(made.body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"].contains("f:size"));
}

TEST_F(Apply, AFieldThatIsNoLongerAppliedGoes) {
  const std::string a = name("a");
  apply(path(a), probe(a, {{"size", 2}, {"least", 1}}), "one");
  const Json after = apply(path(a), probe(a, {{"size", 2}}), "one").body;
  EXPECT_FALSE(after["spec"].contains("least"));
}

TEST_F(Apply, AFieldOfTwoOwnersStaysUntilBothHaveLetGo) {
  const std::string a = name("a");
  apply(path(a), probe(a, {{"size", 2}, {"least", 1}}), "one");
  EXPECT_EQ(apply(path(a), probe(a, {{"size", 2}, {"least", 1}}), "two").status, 200);
  EXPECT_TRUE(apply(path(a), probe(a, {{"size", 2}}), "one").body["spec"].contains("least"));
  EXPECT_FALSE(apply(path(a), probe(a, {{"size", 2}}), "two").body["spec"].contains("least"));
}

TEST_F(Apply, AnothersValueIsAConflictThatNamesThemAndForceTakesIt) {
  const std::string a = name("a");
  apply(path(a), probe(a, {{"size", 2}}), "one");
  const Answer refused = apply(path(a), probe(a, {{"size", 3}}), "two");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.reason(), "Conflict");
  EXPECT_THAT(refused.message(), HasSubstr("\"one\""));
  EXPECT_EQ(refused.body["details"]["causes"][0]["reason"], "FieldManagerConflict");
  EXPECT_EQ(refused.body["details"]["causes"][0]["field"], ".spec.size");
  const Answer forced = apply(path(a), probe(a, {{"size", 3}}), "two", true);
  EXPECT_EQ(forced.body["spec"]["size"], 3);
  EXPECT_EQ(apply(path(a), probe(a, {{"size", 2}}), "one").status, 409);
}

TEST_F(Apply, ListsByKeyAreMergedItemByItem) {
  const std::string a = name("a");
  apply(path(a), probe(a, ports({{{"name", "http"}, {"port", 80}}})), "one");
  apply(path(a), probe(a, ports({{{"name", "https"}, {"port", 443}}})), "two");
  Json after = get(path(a)).body;
  ASSERT_EQ(after["spec"]["ports"].size(), 2U);
  EXPECT_EQ(after["spec"]["ports"][0]["protocol"], "TCP");
  after = apply(path(a), probe(a, {{"size", 1}}), "one").body;
  ASSERT_EQ(after["spec"]["ports"].size(), 1U);
  EXPECT_EQ(after["spec"]["ports"][0]["name"], "https");
}

TEST_F(Apply, AnEditorOwnsWhatItChanges) {
  const std::string a = name("a");
  apply(path(a), probe(a, {{"size", 2}, {"mode", "Fast"}}), "one");
  call("PATCH", path(a) + "?fieldManager=editor", {{"spec", {{"size", 5}}}},
       "application/merge-patch+json");
  const Json live = get(path(a)).body;
  bool owned_by_editor = false;
  for (const Json& entry : live["metadata"]["managedFields"]) {
    const bool has_size = entry["fieldsV1"].value("f:spec", Json::object()).contains("f:size");
    EXPECT_EQ(has_size, entry["manager"] == "editor") << entry.dump();
    owned_by_editor = owned_by_editor || (has_size && entry["operation"] == "Update");
  }
  EXPECT_TRUE(owned_by_editor);
  EXPECT_EQ(apply(path(a), probe(a, {{"size", 2}}), "one", true).body["spec"]["size"], 2);
}

TEST_F(Apply, NeedsAManagerAndTheUidOfWhatItMeans) {
  const std::string a = name("a");
  EXPECT_EQ(call("PATCH", path(a), probe(a, {{"size", 2}}), "application/apply-patch+yaml").status,
            422);
  apply(path(a), probe(a, {{"size", 2}}), "one");
  Json other = probe(a, {{"size", 3}});
  other["metadata"]["uid"] = "another";
  EXPECT_EQ(apply(path(a), other, "one").status, 422);
  other["metadata"]["resourceVersion"] = get(path(a)).body["metadata"]["resourceVersion"];
  EXPECT_EQ(call("PUT", path(a), other).status, 409);
}

// What the operator makes a child by: nobody else's object of that name is ever changed.
TEST_F(Apply, AVersionThatNoObjectHasCreatesAndNeverChanges) {
  const std::string a = name("a");
  const Json service = {{"apiVersion", "v1"},
                        {"kind", "Service"},
                        {"metadata", {{"name", a}, {"namespace", ns()}}},
                        {"spec", {{"ports", {{{"port", 80}}}}}}};
  const std::string services = "/api/v1/namespaces/" + ns() + "/services/" + a;
  for (const auto& [target, object] :
       {std::pair{path(a), probe(a, {{"size", 2}})}, std::pair{services, service}}) {
    Json conditional = object;
    conditional["metadata"]["resourceVersion"] = "9223372036854775807";
    EXPECT_EQ(apply(target, conditional, "one").status, 201) << target;
    const Json before = get(target).body;
    conditional["metadata"]["labels"]["changed"] = "yes";
    EXPECT_EQ(apply(target, conditional, "two", true).status, 409) << target;
    EXPECT_EQ(get(target).body, before) << target;
  }
}

TEST_F(Apply, ServicesPortsAreKeyedToo) {
  const std::string a = name("a");
  const std::string services = "/api/v1/namespaces/" + ns() + "/services";
  const auto service = [&](const std::string& port_name, int port) {
    return Json{
        {"apiVersion", "v1"},
        {"kind", "Service"},
        {"metadata", {{"name", a}}},
        {"spec", {{"ports", {{{"name", port_name}, {"port", port}, {"protocol", "TCP"}}}}}}};
  };
  const Answer made = apply(services + "/" + a, service("http", 80), "one");
  EXPECT_EQ(made.status, 201) << made.message();
  EXPECT_EQ(made.body["spec"]["ports"][0]["targetPort"], 80);
  EXPECT_FALSE(made.body["spec"].value("clusterIP", "").empty());
  const Answer both = apply(services + "/" + a, service("https", 443), "two");
  EXPECT_EQ(both.body["spec"]["ports"].size(), 2U) << both.message();
}

}  // namespace
}  // namespace swo::contract
