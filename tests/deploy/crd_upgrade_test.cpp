#include "olm/crd_upgrade.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olm {
namespace {

namespace fs = std::filesystem;

Json crd() {
  return read_yaml(fs::path(SWO_SOURCE_DIR) /
                   "crds/workloads.systemd-operator.dev_systemdworkloads.yaml")
      .at(0);
}

Json& spec_of(Json& document) {
  return document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
}

std::string after(const std::function<void(Json& spec)>& change) {
  Json changed = crd();
  change(spec_of(changed)["properties"]);
  std::string text;
  for (const std::string& fault : unsafe_changes(crd(), changed)) text += fault + "\n";
  return text;
}

TEST(CrdUpgrade, TheSameSchemaIsSafe) {
  EXPECT_THAT(unsafe_changes(crd(), crd()), testing::IsEmpty());
}

TEST(CrdUpgrade, EachUnsafeChangeIsNamed) {
  EXPECT_EQ(after([](Json& spec) { spec.erase("paused"); }), "v1alpha1.spec.paused: is gone\n");
  EXPECT_EQ(after([](Json& spec) { spec["replicas"]["maximum"] = 10; }),
            "v1alpha1.spec.replicas: maximum is narrower\n");
  EXPECT_EQ(after([](Json& spec) { spec["replicas"]["minimum"] = 1; }),
            "v1alpha1.spec.replicas: minimum is narrower\n");
  EXPECT_EQ(after([](Json& spec) { spec["replicas"]["default"] = 2; }),
            "v1alpha1.spec.replicas: default has changed\n");
  EXPECT_EQ(after([](Json& spec) { spec["replicas"].erase("default"); }),
            "v1alpha1.spec.replicas: default has changed\n");
  EXPECT_EQ(after([](Json& spec) { spec["paused"]["type"] = "string"; }),
            "v1alpha1.spec.paused: type has changed\n");
  EXPECT_EQ(after([](Json& spec) { spec["imagePullPolicy"]["enum"].erase(0); }),
            "v1alpha1.spec.imagePullPolicy: enum has lost \"Always\"\n");
  EXPECT_EQ(after([](Json& spec) { spec["image"]["enum"] = {"a"}; }),
            "v1alpha1.spec.image: enum is new\n");
  EXPECT_EQ(after([](Json& spec) { spec["paused"]["maxLength"] = 1; }),
            "v1alpha1.spec.paused: maxLength is new\n");
  EXPECT_EQ(after([](Json& spec) { spec["ports"]["items"]["required"].push_back("protocol"); }),
            "v1alpha1.spec.ports[].protocol: is newly required\n");
}

TEST(CrdUpgrade, AVersionTakenAwayAndAnotherScopeAreUnsafe) {
  Json changed = crd();
  changed["spec"]["versions"][0]["name"] = "v1beta1";
  changed["spec"]["scope"] = "Cluster";
  EXPECT_THAT(unsafe_changes(crd(), changed),
              testing::ElementsAre("spec.scope: has changed", "v1alpha1: the version is gone"));
}

TEST(CrdUpgrade, MoreFieldsWiderBoundsAndMoreChoicesAreSafe) {
  EXPECT_EQ(after([](Json& spec) {
              spec["new"] = {{"type", "string"}};
              spec["replicas"]["maximum"] = 5000;
              spec["imagePullPolicy"]["enum"].push_back("Later");
              spec["image"].erase("maxLength");
            }),
            "");
}

// deploy/released holds the CRD of each release, VERSION.yaml.
TEST(CrdUpgrade, TheSchemaCanFollowEachReleasedOne) {
  const fs::path released = fs::path(SWO_SOURCE_DIR) / "deploy/released";
  if (!fs::exists(released)) GTEST_SKIP() << "nothing is released yet";
  for (const auto& entry : fs::directory_iterator(released)) {
    EXPECT_THAT(unsafe_changes(read_yaml(entry.path()).at(0), crd()), testing::IsEmpty())
        << entry.path();
  }
}

}  // namespace
}  // namespace olm
