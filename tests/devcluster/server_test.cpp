// The basics: objects, their metadata, concurrency, selectors, paging, deletion.
#include <gmock/gmock.h>

#include "api_fixture.hpp"

namespace devcluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Objects : public ApiTest {
 protected:
  const std::string maps_ = std::string(kDefault) + "/configmaps";
  const std::string pods_ = std::string(kDefault) + "/pods";
  std::vector<std::string> names(const std::string& target) {
    std::vector<std::string> out;
    const Json list = get(target);
    for (const Json& item : list["items"]) out.push_back(item["metadata"]["name"]);
    return out;
  }
};

TEST_F(Objects, ACreatedObjectGetsIdentityAndIsReadBack) {
  const Json created = post(maps_, config_map("a"));
  EXPECT_EQ(created["metadata"]["namespace"], "default");
  EXPECT_EQ(created["metadata"]["uid"].get<std::string>().size(), 36U);
  EXPECT_EQ(created["metadata"]["creationTimestamp"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(get(maps_ + "/a"), created);
}

TEST_F(Objects, ASecondCreateOfOneNameIsAlreadyExists) {
  post(maps_, config_map("a"));
  const Json status = expect(409, "POST", maps_, config_map("a"));
  EXPECT_EQ(status["reason"], "AlreadyExists");
  EXPECT_EQ(status["message"], "configmaps \"a\" already exists");
}

TEST_F(Objects, GenerateNameMakesDistinctNames) {
  const Json object = {{"metadata", {{"generateName", "x-"}}}};
  const std::string one = post(maps_, object)["metadata"]["name"],
                    two = post(maps_, object)["metadata"]["name"];
  EXPECT_NE(one, two);
  EXPECT_EQ(one.substr(0, 2), "x-");
}

TEST_F(Objects, AMissingObjectIsNotFoundInKubernetesWords) {
  EXPECT_EQ(refusal(404, "GET", pods_ + "/x"), "pods \"x\" not found");
  EXPECT_EQ(refusal(404, "GET", "/apis/none.example/v1/things"),
            "the server could not find the requested resource");
  EXPECT_EQ(refusal(404, "POST", "/api/v1/namespaces/nowhere/configmaps", config_map("a")),
            "namespaces \"nowhere\" not found");
}

TEST_F(Objects, AnUpdateFromAnOldStateIsAConflict) {
  const Json old = post(maps_, config_map("a"));
  Json changed = old;
  changed["data"]["k"] = "w";
  const Json updated = put(maps_ + "/a", changed);
  EXPECT_GT(std::stoull(updated["metadata"]["resourceVersion"].get<std::string>()),
            std::stoull(old["metadata"]["resourceVersion"].get<std::string>()));
  EXPECT_THAT(
      refusal(409, "PUT", maps_ + "/a", changed),
      HasSubstr("Operation cannot be fulfilled on configmaps \"a\": the object has been modified"));
}

TEST_F(Objects, AWriteWithoutEffectKeepsTheResourceVersion) {
  const Json created = post(maps_, config_map("a"));
  EXPECT_EQ(put(maps_ + "/a", created), created);
  EXPECT_EQ(merge(maps_ + "/a", {{"data", {{"k", "v"}}}}), created);
}

TEST_F(Objects, DryRunChecksButStoresNothing) {
  expect(201, "POST", maps_ + "?dryRun=All", config_map("a"));
  expect(404, "GET", maps_ + "/a");
  post(maps_, config_map("a"));
  expect(409, "POST", maps_ + "?dryRun=All", config_map("a"));
  merge(maps_ + "/a?dryRun=All", {{"data", {{"k", "w"}}}});
  expect(200, "DELETE", maps_ + "/a?dryRun=All");
  EXPECT_EQ(get(maps_ + "/a")["data"]["k"], "v");
}

TEST_F(Objects, SelectorsPickByLabelAndField) {
  post(maps_, config_map("a", {{"k", "v"}}, {{"app", "x"}, {"tier", "web"}}));
  post(maps_, config_map("b", {{"k", "v"}}, {{"app", "y"}}));
  post(maps_, config_map("c"));
  EXPECT_THAT(names(maps_ + "?labelSelector=app%3Dx"), ElementsAre("a"));
  EXPECT_THAT(names(maps_ + "?labelSelector=app+in+(x,y),!tier"), ElementsAre("b"));
  EXPECT_THAT(names(maps_ + "?labelSelector=app!%3Dx"), ElementsAre("b", "c"));
  EXPECT_THAT(names(maps_ + "?labelSelector=app"), ElementsAre("a", "b"));
  EXPECT_THAT(names(maps_ + "?fieldSelector=metadata.name%3Dc"), ElementsAre("c"));
  post(pods_, pod("p", "node-1"));
  post(pods_, pod("q"));
  EXPECT_THAT(names("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1"), ElementsAre("p"));
  EXPECT_THAT(names("/api/v1/pods?fieldSelector=status.phase!%3DPending"), IsEmpty());
  EXPECT_EQ(refusal(400, "GET", pods_ + "?fieldSelector=spec.foo%3D1"),
            "field label not supported: spec.foo");
  expect(400, "GET", pods_ + "?labelSelector=a+b+c");
}

TEST_F(Objects, PagesShowOneSnapshotWhileObjectsComeAndGo) {
  for (const char* name : {"a", "b", "c", "d"}) post(maps_, config_map(name));
  const Json first = get(maps_ + "?limit=2");
  EXPECT_EQ(first["metadata"]["remainingItemCount"], 2);
  expect(200, "DELETE", maps_ + "/c");
  post(maps_, config_map("ca"));
  merge(maps_ + "/d", {{"data", {{"k", "later"}}}});
  const Json second =
      get(maps_ + "?limit=2&continue=" + first["metadata"]["continue"].get<std::string>());
  ASSERT_EQ(second["items"].size(), 2U);
  EXPECT_EQ(second["items"][0]["metadata"]["name"], "c");
  EXPECT_EQ(second["items"][1]["data"]["k"], "v");
  EXPECT_FALSE(second["metadata"].contains("continue"));
  EXPECT_EQ(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
}

TEST_F(Objects, AContinueTokenExpiresWithCompactionAndOffersAnInconsistentRest) {
  for (const char* name : {"a", "b", "c"}) post(maps_, config_map(name));
  const Json first = get(maps_ + "?limit=1");
  expect(200, "DELETE", maps_ + "/b");
  server_.compact(server_.resource_version());
  const Json gone = expect(
      410, "GET", maps_ + "?limit=1&continue=" + first["metadata"]["continue"].get<std::string>());
  EXPECT_EQ(gone["reason"], "Expired");
  EXPECT_THAT(names(maps_ + "?continue=" + gone["metadata"]["continue"].get<std::string>()),
              ElementsAre("c"));
  expect(400, "GET", maps_ + "?continue=nonsense");
}

TEST_F(Objects, AListCanAskForAnExactPastOrRefuseTheFuture) {
  const Json a = post(maps_, config_map("a"));
  post(maps_, config_map("b"));
  const std::string then = a["metadata"]["resourceVersion"];
  EXPECT_THAT(names(maps_ + "?resourceVersionMatch=Exact&resourceVersion=" + then),
              ElementsAre("a"));
  EXPECT_THAT(names(maps_ + "?resourceVersionMatch=NotOlderThan&resourceVersion=" + then),
              ElementsAre("a", "b"));
  EXPECT_THAT(refusal(504, "GET", maps_ + "?resourceVersion=99999"),
              HasSubstr("Too large resource version"));
  expect(400, "GET", maps_ + "?resourceVersionMatch=Exact");
}

TEST_F(Objects, PreconditionsGuardADeletion) {
  const Json created = post(maps_, config_map("a"));
  EXPECT_THAT(refusal(409, "DELETE", maps_ + "/a", {{"preconditions", {{"uid", "other"}}}}),
              HasSubstr("Precondition failed: UID in precondition: other"));
  expect(409, "DELETE", maps_ + "/a", {{"preconditions", {{"resourceVersion", "1"}}}});
  expect(200, "DELETE", maps_ + "/a", {{"preconditions", {{"uid", created["metadata"]["uid"]}}}});
  expect(404, "DELETE", maps_ + "/a");
}

TEST_F(Objects, FinalizersHoldADeletedObjectUntilTheLastIsGone) {
  Json object = config_map("a");
  object["metadata"]["finalizers"] = {"example.com/one", "example.com/two"};
  post(maps_, object);
  const Json marked = expect(200, "DELETE", maps_ + "/a");
  EXPECT_EQ(marked["metadata"]["deletionTimestamp"], "2023-11-14T22:13:20Z");
  EXPECT_THAT(
      refusal(422, "PATCH", maps_ + "/a",
              {{"metadata", {{"finalizers", {"example.com/one", "example.com/three"}}}}}, kMerge),
      HasSubstr("no new finalizers can be added if the object is being deleted"));
  merge(maps_ + "/a", {{"metadata", {{"finalizers", {"example.com/two"}}}}});
  get(maps_ + "/a");
  merge(maps_ + "/a", {{"metadata", {{"finalizers", nullptr}}}});
  expect(404, "GET", maps_ + "/a");
}

TEST_F(Objects, APodOnANodeWaitsForItsKubeletAndOneWithoutIsGoneAtOnce) {
  post(pods_, pod("bound", "node-1"));
  post(pods_, pod("free"));
  expect(200, "DELETE", pods_ + "/free");
  expect(404, "GET", pods_ + "/free");
  expect(200, "DELETE", pods_ + "/bound");
  const Json bound = get(pods_ + "/bound");
  EXPECT_EQ(bound["metadata"]["deletionGracePeriodSeconds"], 30);
  EXPECT_EQ(bound["metadata"]["deletionTimestamp"], "2023-11-14T22:13:50Z");
  expect(200, "DELETE", pods_ + "/bound?gracePeriodSeconds=0");
  expect(404, "GET", pods_ + "/bound");
}

TEST_F(Objects, StatusAndSpecAreWrittenThroughTheirOwnDoors) {
  Json object = pod("p");
  object["status"] = {{"phase", "Running"}};
  const Json created = post(pods_, object);
  EXPECT_EQ(created["status"]["phase"], "Pending");
  EXPECT_EQ(merge(pods_ + "/p", {{"status", {{"phase", "Running"}}}})["status"]["phase"],
            "Pending");
  const Json after = merge(pods_ + "/p/status",
                           {{"status", {{"phase", "Running"}}}, {"spec", {{"hostname", "x"}}}});
  EXPECT_EQ(after["status"]["phase"], "Running");
  EXPECT_FALSE(after["spec"].contains("hostname"));
  EXPECT_EQ(after["metadata"]["generation"], created["metadata"]["generation"]);
}

TEST_F(Objects, ANamespaceThatTerminatesTakesNothingNew) {
  post("/api/v1/namespaces", {{"metadata", {{"name", "demo"}}}});
  expect(200, "DELETE", "/api/v1/namespaces/demo");
  EXPECT_EQ(get("/api/v1/namespaces/demo")["status"]["phase"], "Terminating");
  EXPECT_EQ(refusal(403, "POST", "/api/v1/namespaces/demo/configmaps", config_map("a")),
            "configmaps \"a\" is forbidden: unable to create new content in namespace demo because "
            "it is being "
            "terminated");
  put("/api/v1/namespaces/demo/finalize",
      {{"metadata", {{"name", "demo"}}}, {"spec", {{"finalizers", Json::array()}}}});
  expect(404, "GET", "/api/v1/namespaces/demo");
}

TEST_F(Objects, BadInputIsRefusedInWordsAndNeverCrashes) {
  EXPECT_THAT(refusal(422, "POST", maps_, config_map("Not_A_Name")),
              HasSubstr("RFC 1123 subdomain"));
  EXPECT_EQ(ask("POST", maps_, "{nonsense").response.status, 400);
  EXPECT_EQ(ask("POST", maps_, std::string(5'000, '[')).response.status, 400);
  EXPECT_EQ(ask("POST", maps_, "").response.status, 400);
  EXPECT_EQ(ask("POST", maps_, "[]").response.status, 400);
  expect(400, "POST", maps_, {{"metadata", {{"name", 7}}}});
  expect(400, "POST", maps_, {{"kind", "Pod"}, {"metadata", {{"name", "a"}}}});
  expect(400, "POST", maps_, {{"metadata", {{"name", "a"}, {"namespace", "other"}}}});
  expect(405, "PUT", maps_, config_map("a"));
  EXPECT_EQ(refusal(422, "POST", pods_, {{"metadata", {{"name", "p"}}}}),
            "Pod \"p\" is invalid: spec.containers: Required value");
}

TEST_F(Objects, AMapOfStringsTakesNothingElse) {
  const Json service = {{"metadata", {{"name", "a"}}},
                        {"spec", {{"selector", {{"yes", true}}}, {"ports", {{{"port", 80}}}}}}};
  EXPECT_THAT(refusal(400, "POST", std::string(kDefault) + "/services", service),
              ::testing::HasSubstr("cannot unmarshal boolean"));
  const Json labelled = {{"metadata", {{"name", "a"}, {"labels", {{"n", 1}}}}}};
  EXPECT_THAT(refusal(400, "POST", std::string(kDefault) + "/configmaps", labelled),
              ::testing::HasSubstr("metadata.labels"));
}

TEST_F(Objects, APodsSpecDoesNotChangeButItsImageMay) {
  post(pods_, pod("p"));
  Json patch = {{"spec", {{"containers", {{{"name", "main"}, {"image", "nginx:2"}}}}}}};
  expect(200, "PATCH", pods_ + "/p", patch, "application/strategic-merge-patch+json");
  patch["spec"] = {{"hostname", "other"}};
  EXPECT_THAT(refusal(422, "PATCH", pods_ + "/p", patch, kMerge),
              HasSubstr("spec: Forbidden: pod updates may not change fields other than"));
}

TEST_F(Objects, AServiceGetsAnAddressAndKeepsIt) {
  const std::string services = std::string(kDefault) + "/services";
  const Json ports = Json::array({{{"port", 80}}});
  const Json created =
      post(services, {{"metadata", {{"name", "web"}}}, {"spec", {{"ports", ports}}}});
  EXPECT_THAT(created["spec"]["clusterIP"].get<std::string>(), HasSubstr("10.96."));
  EXPECT_EQ(created["spec"]["ports"][0]["targetPort"], 80);
  EXPECT_EQ(created["spec"]["ports"][0]["protocol"], "TCP");
  expect(422, "PATCH", services + "/web", {{"spec", {{"clusterIP", "10.96.9.9"}}}}, kMerge);
  EXPECT_EQ(
      refusal(422, "POST", services, {{"metadata", {{"name", "none"}}}, {"spec", Json::object()}}),
      "Service \"none\" is invalid: spec.ports: Required value");
}

TEST_F(Objects, AdmissionMayChangeOrRefuse) {
  server_.add_admission(
      [](const AdmissionRequest& request, Json& object) -> std::optional<std::string> {
        if (request.resource != "configmaps" || request.verb != "create") return std::nullopt;
        if (object["metadata"]["name"] == "bad") return "no bad maps";
        object["data"]["by"] = request.user.name;
        return std::nullopt;
      });
  EXPECT_EQ(post(maps_, config_map("a"))["data"]["by"], "system:apiserver");
  EXPECT_EQ(refusal(403, "POST", maps_, config_map("bad")),
            "configmaps \"bad\" is forbidden: no bad maps");
}

}  // namespace
}  // namespace devcluster
