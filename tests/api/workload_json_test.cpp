#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/workload.hpp"
#include "documents.hpp"

namespace swo::api {
namespace {

using api_test::workload_of;

std::string fault_of(const Json& object) {
  const Parsed<Workload> parsed = parse_workload(object);
  const auto* fault = std::get_if<FieldError>(&parsed);
  return fault == nullptr ? "no fault" : fault->message();
}

Workload read(const Json& object) { return std::get<Workload>(parse_workload(object)); }

TEST(WorkloadJson, MetadataIsRead) {
  Json object = workload_of({{"image", "a"}});
  object["metadata"].merge_patch(Json::parse(R"({
    "uid": "u-1", "generation": 7, "resourceVersion": "1234", "finalizers": ["a/b", "c/d"],
    "labels": {"team": "identity"}, "annotations": {"note": "x"},
    "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z"})"));
  const Workload workload = read(object);
  EXPECT_EQ(workload.name, "nginx");
  EXPECT_EQ(workload.ns, "web");
  EXPECT_EQ(workload.uid, "u-1");
  EXPECT_EQ(workload.generation, 7);
  EXPECT_EQ(workload.resource_version, "1234");
  EXPECT_THAT(workload.finalizers, testing::ElementsAre("a/b", "c/d"));
  EXPECT_EQ(workload.labels, Json({{"team", "identity"}}));
  EXPECT_EQ(workload.annotations, Json({{"note", "x"}}));
  EXPECT_TRUE(workload.deleting);
  EXPECT_EQ(workload.deletion_timestamp, "2026-01-02T00:00:00Z");
  EXPECT_EQ(workload.creation_timestamp, "2026-01-01T00:00:00Z");
}

TEST(WorkloadJson, AnObjectThatIsNotBeingDeletedIsNotDeleting) {
  EXPECT_FALSE(read(workload_of({{"image", "a"}})).deleting);
}

TEST(WorkloadJson, OddMetadataIsAsIfLeftOut) {
  Json object = workload_of({{"image", "a"}});
  object["metadata"].merge_patch(Json::parse(
      R"({"labels": [], "annotations": {"a": 1, "b": "2"}, "generation": "x", "finalizers": [1]})"));
  const Workload workload = read(object);
  EXPECT_EQ(workload.labels, Json::object());
  EXPECT_EQ(workload.annotations, Json({{"b", "2"}}));
  EXPECT_EQ(workload.generation, 0);
  EXPECT_THAT(workload.finalizers, testing::IsEmpty());
}

TEST(WorkloadJson, WhatIsNoWorkloadIsRefused) {
  EXPECT_EQ(fault_of(7), "(document): 7 is not valid: write a SystemdWorkload object");
  EXPECT_EQ(fault_of(nullptr), "(document): null is not valid: write a SystemdWorkload object");
  EXPECT_EQ(fault_of({{"kind", "Pod"}}), "kind: \"Pod\" is not valid: write SystemdWorkload");
  EXPECT_EQ(fault_of({{"apiVersion", "v1"}}),
            "apiVersion: \"v1\" is not valid: write workloads.systemd-operator.dev/v1alpha1");
  EXPECT_EQ(fault_of(Json::object()), "metadata is missing: write an object with at least a name");
  EXPECT_EQ(fault_of({{"metadata", "nginx"}}),
            "metadata: \"nginx\" is not valid: write an object with at least a name");
  EXPECT_EQ(fault_of({{"metadata", {{"name", "nginx"}}}}),
            "spec is missing: write an object with at least an image");
  EXPECT_EQ(fault_of({{"metadata", {{"name", "nginx"}}}, {"spec", nullptr}}),
            "spec: null is not valid: write an object");
}

// A stored object that has become invalid must still be shown and deleted.
TEST(WorkloadJson, WhatIsOnlyOutOfBoundsIsReadAndToldByValidate) {
  const Workload workload = read(workload_of({{"replicas", -1}}));
  EXPECT_EQ(workload.spec.replicas, -1);
  EXPECT_EQ(validate(workload).size(), 2U);
}

TEST(StatusJson, AFullStatusSurvivesTheWayIntoTheStructsAndBack) {
  const Json status = api_test::read_yaml("tests/api/full_status.yaml").at(0);
  EXPECT_EQ(to_json(parse_status(status)), status);
  for (const auto& [key, property] : api_test::status_schema().at("properties").items()) {
    EXPECT_TRUE(status.contains(key)) << key;
  }
}

TEST(StatusJson, CountsAreWrittenEvenWhenTheyAreZero) {
  EXPECT_EQ(to_json(Status{}),
            Json({{"replicas", 0}, {"readyReplicas", 0}, {"updatedReplicas", 0}}));
}

TEST(StatusJson, WhatDoesNotParseIsLeftOutAndTheRestIsRead) {
  const Status status = parse_status(Json::parse(
      R"({"ready": 7, "phase": "Running", "replicas": "x", "instances": [{"name": 1, "node": "n"}],
          "conditions": {}, "platform": []})"));
  EXPECT_EQ(status.ready, "");
  EXPECT_EQ(status.phase, "Running");
  EXPECT_EQ(status.replicas, 0);
  ASSERT_EQ(status.instances.size(), 1U);
  EXPECT_EQ(status.instances[0].node, "n");
  EXPECT_THAT(status.conditions, testing::IsEmpty());
  EXPECT_EQ(parse_status("text"), Status{});
}

}  // namespace
}  // namespace swo::api
