// Scenarios of judging a live object by the fields the operator owns. The managedFields below have
// the shapes that a kube-apiserver writes (KEP-555).
#include "reconcile/drift.hpp"

#include <gtest/gtest.h>

namespace swo::reconcile {
namespace {

constexpr std::string_view kManager = "systemd-workload-operator";

Json desired_service() {
  return Json::parse(R"({
    "apiVersion": "v1", "kind": "Service",
    "metadata": {"name": "nginx", "namespace": "demo", "labels": {"app": "nginx"}},
    "spec": {"type": "ClusterIP", "selector": {"app": "nginx"},
             "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80},
                       {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}]}})");
}

// The same, as the API server gives it back: defaults, identity, bookkeeping.
Json live_service() {
  Json live = desired_service();
  live["metadata"]["uid"] = "1";
  live["metadata"]["resourceVersion"] = "7";
  live["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z";
  live["spec"]["clusterIP"] = "10.96.0.7";
  live["spec"]["sessionAffinity"] = "None";
  live["metadata"]["managedFields"] = Json::parse(R"([{
    "manager": "systemd-workload-operator", "operation": "Apply", "apiVersion": "v1",
    "fieldsType": "FieldsV1", "time": "2026-01-01T00:00:00Z",
    "fieldsV1": {
      "f:metadata": {"f:labels": {"f:app": {}}},
      "f:spec": {
        "f:type": {}, "f:selector": {},
        "f:ports": {
          "k:{\"port\":80,\"protocol\":\"TCP\"}":
            {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}},
          "k:{\"port\":443,\"protocol\":\"TCP\"}":
            {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}}}}}}])");
  return live;
}

Digest live_digest(const Json& live) { return digest_of_owned(live, kManager); }

TEST(Drift, AnObjectJustAppliedHasTheDigestOfTheDocument) {
  EXPECT_EQ(live_digest(live_service()), digest_of_desired(desired_service()));
}

TEST(Drift, FieldsThatOthersAddedDoNotCount) {
  Json live = live_service();
  live["metadata"]["labels"]["team"] = "web";
  live["metadata"]["annotations"]["seen-by"] = "mesh";
  live["spec"]["ports"].insert(
      live["spec"]["ports"].begin(),
      Json{{"name", "mesh"}, {"port", 15090}, {"protocol", "TCP"}, {"targetPort", 15090}});
  live["metadata"]["managedFields"].push_back(Json::parse(R"({
    "manager": "mesh", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}}}}})"));
  EXPECT_EQ(live_digest(live), digest_of_desired(desired_service()));
}

TEST(Drift, AFieldThatAnotherManagerTookOverCounts) {
  Json live = live_service();
  live["spec"]["type"] = "NodePort";
  live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"].erase("f:type");
  EXPECT_NE(live_digest(live), digest_of_desired(desired_service()));
}

TEST(Drift, AFieldThatWasRemovedCounts) {
  Json live = live_service();
  live["metadata"]["labels"].erase("app");
  EXPECT_NE(live_digest(live), digest_of_desired(desired_service()));
}

TEST(Drift, APortThatWasRemovedCounts) {
  Json live = live_service();
  live["spec"]["ports"].erase(1);
  EXPECT_NE(live_digest(live), digest_of_desired(desired_service()));
}

TEST(Drift, AValueWrittenOverWithoutOwnershipCounts) {
  Json live = live_service();
  live["spec"]["ports"][0]["targetPort"] = 8080;
  EXPECT_NE(live_digest(live), digest_of_desired(desired_service()));
}

TEST(Drift, ANewWishCounts) {
  Json wish = desired_service();
  wish["spec"]["ports"][0]["targetPort"] = 8080;
  EXPECT_NE(live_digest(live_service()), digest_of_desired(wish));
}

TEST(Drift, AnAbandonedWishCounts) {
  Json wish = desired_service();
  wish["metadata"]["labels"].erase("app");
  EXPECT_NE(live_digest(live_service()), digest_of_desired(wish));
}

TEST(Drift, FieldsOfTheStatusSubresourceAreAnotherMatter) {
  Json live = live_service();
  Json status_entry = live["metadata"]["managedFields"][0];
  status_entry["subresource"] = "status";
  status_entry["fieldsV1"] = Json::parse(R"({"f:status": {"f:phase": {}}})");
  live["metadata"]["managedFields"].push_back(status_entry);
  live["status"]["phase"] = "x";
  EXPECT_EQ(live_digest(live), digest_of_desired(desired_service()));
}

TEST(Drift, SetsNameTheirMembersByValue) {
  Json live = Json::parse(R"({
    "metadata": {"finalizers": ["theirs", "ours"], "managedFields": [{
      "manager": "systemd-workload-operator", "operation": "Apply",
      "fieldsV1": {"f:metadata": {"f:finalizers": {"v:\"ours\"": {}}}}}]}})");
  EXPECT_EQ(live_digest(live),
            digest_of_desired(Json::parse(R"({"metadata": {"finalizers": ["ours"]}})")));
}

TEST(Drift, AListOfManyHundredsIsJudgedAsAWholeRatherThanItemByKey) {
  const auto with_ports = [](int count, bool one_of_others) {
    Json desired = desired_service();
    Json live = live_service();
    Json& owned = live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:ports"];
    owned = Json::object();
    Json ports = Json::array();
    for (int port = 1; port <= count; ++port) {
      ports.push_back({{"port", port}, {"protocol", "TCP"}});
      owned["k:" + Json{{"port", port}, {"protocol", "TCP"}}.dump()] = {
          {".", Json::object()}, {"f:port", Json::object()}, {"f:protocol", Json::object()}};
    }
    desired["spec"]["ports"] = live["spec"]["ports"] = ports;
    if (one_of_others) {
      live["spec"]["ports"].push_back({{"port", 0}, {"protocol", "TCP"}});
    }
    return live_digest(live) == digest_of_desired(desired);
  };
  EXPECT_TRUE(with_ports(400, false));
  EXPECT_TRUE(with_ports(600, false));
  EXPECT_TRUE(with_ports(400, true));
  EXPECT_FALSE(with_ports(600, true)) << "600 items are not compared with 600 keys";
}

TEST(Drift, NullIsTheSameAsLeftOut) {
  Json wish = desired_service();
  wish["spec"]["externalName"] = nullptr;
  EXPECT_EQ(live_digest(live_service()), digest_of_desired(wish));
}

TEST(Drift, AnObjectOfSomeoneElseHasNoDigestOfOurs) {
  Json live = live_service();
  live["metadata"]["managedFields"][0]["manager"] = "kubectl";
  EXPECT_EQ(live_digest(live), 0U);
}

TEST(Drift, MalformedBookkeepingNeverMatchesAndNeverCrashes) {
  for (
      const char* fields :
      {"null", "[]", "7", "[7]", R"([{"manager": 7}])",
       R"([{"manager": "systemd-workload-operator", "fieldsV1": 7}])",
       R"([{"manager": "systemd-workload-operator", "fieldsV1": {"f:spec": {"k:{broken": {}}}}])"}) {
    Json live = live_service();
    live["metadata"]["managedFields"] = Json::parse(fields, nullptr, false);
    EXPECT_NE(live_digest(live), digest_of_desired(desired_service())) << fields;
  }
  EXPECT_EQ(live_digest(Json::parse("[]")), 0U);
  EXPECT_EQ(live_digest(Json::parse(R"({"metadata": 7})")), 0U);
}

}  // namespace
}  // namespace swo::reconcile
