// Claims that are larger than the spec asks for.
#include "reconcile/shrinking.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_fixture.hpp"

namespace swo::reconcile::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two instances whose claim "data" has 2Gi, and a spec that has just been changed to `size`.
Scene with_claims(const std::string& size) {
  Scene scene;
  scene.workload.spec.replicas = 2;
  api::Claim wanted;
  wanted.name = "data";
  wanted.mount_path = "/data";
  wanted.size = size;
  scene.workload.spec.storage.claims = {wanted};
  for (int ordinal = 0; ordinal < 2; ++ordinal) {
    ClaimFacts claim;
    claim.key = {"demo", "data-nginx-" + std::to_string(ordinal)};
    claim.requested = "2Gi";
    scene.observed.claims.push_back(std::make_shared<const ClaimFacts>(claim));
  }
  scene.workload.generation = 2;
  scene.workload.status.observed_generation = 1;
  return scene;
}

TEST(Shrinking, IsToldOnceForAClaimOfAllInstances) {
  const Scene scene = with_claims("1Gi");
  const Unshrunk found = find_unshrunk(scene.input());
  ASSERT_EQ(found.notices.size(), 1U);
  EXPECT_TRUE(found.notices[0].warning);
  EXPECT_EQ(found.notices[0].reason, "ClaimNotShrunk");
  EXPECT_THAT(found.notices[0].message, HasSubstr("data-nginx-0 stays at 2Gi"));
  EXPECT_THAT(found.notices[0].message, HasSubstr("spec.storage.claims"));
  EXPECT_THAT(found.sizes, ElementsAre("data 1Gi"));
}

TEST(Shrinking, IsNotToldAgainWhenSomethingElseChanges) {
  Scene scene = with_claims("1Gi");
  scene.memory.unshrunk = find_unshrunk(scene.input()).sizes;
  scene.workload.generation = 3;
  EXPECT_THAT(find_unshrunk(scene.input()).notices, IsEmpty());
  scene.workload.spec.storage.claims[0].size = "512Mi";
  EXPECT_EQ(find_unshrunk(scene.input()).notices.size(), 1U) << "another wish";
}

TEST(Shrinking, IsNotToldAgainByAnOperatorThatHasJustStarted) {
  Scene scene = with_claims("1Gi");
  scene.workload.status.observed_generation = 2;
  EXPECT_THAT(find_unshrunk(scene.input()).notices, IsEmpty());
  EXPECT_THAT(find_unshrunk(scene.input()).sizes, ElementsAre("data 1Gi"));
}

TEST(Shrinking, IsNothingToTellOfClaimsThatAreAsLargeOrGrow) {
  for (const char* size : {"2Gi", "2048Mi", "3Gi"}) {
    const Unshrunk found = find_unshrunk(with_claims(size).input());
    EXPECT_THAT(found.notices, IsEmpty()) << size;
    EXPECT_THAT(found.sizes, IsEmpty()) << size;
  }
}

}  // namespace
}  // namespace swo::reconcile::test
