// A decision is kept for as long as what it follows from stands, and no longer.
#include "reconcile/decisions.hpp"

#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "plan_fixture.hpp"

namespace swo::reconcile {
namespace {

class ADecision : public testing::Test {
 protected:
  static Decisions::FactsPtr cluster(const char* generation) {
    return std::make_shared<const platform::Facts>(*platform::well_known_generation(generation));
  }

  // A first decision is made; what is then changed in `workload_` must lead to another.
  void expect_decided_anew(const std::function<void()>& change) {
    const auto before = decisions_.of(workload_, old_cluster_);
    change();
    EXPECT_EQ(*decisions_.of(workload_, old_cluster_),
              platform::decide(workload_, *old_cluster_, platform::MachineConfigMode::kApply));
    EXPECT_NE(decisions_.of(workload_, old_cluster_), before);
  }

  api::Workload workload_ = test::Scene().workload;
  Decisions::FactsPtr old_cluster_ = cluster("openshift-4.8");
  Decisions decisions_{platform::MachineConfigMode::kApply};
};

TEST_F(ADecision, IsMadeOnceWhileTheSpecAndTheClusterStand) {
  const auto first = decisions_.of(workload_, old_cluster_);
  EXPECT_EQ(*first,
            platform::decide(workload_, *old_cluster_, platform::MachineConfigMode::kApply));
  workload_.spec.platform.add_capabilities = {"SYS_PTRACE"};  // not heard of without a generation
  workload_.status.phase = "WaitingForConsent";
  EXPECT_EQ(decisions_.of(workload_, old_cluster_), first);
}

TEST_F(ADecision, IsMadeAnewForAnotherSpec) {
  expect_decided_anew([&] {
    workload_.generation = 2;
    workload_.spec.platform.machine_config = "Unmanaged";
  });
}

TEST_F(ADecision, IsMadeAnewForAnotherWorkloadOfTheName) {
  expect_decided_anew([&] {
    workload_.uid = "uid-2";
    workload_.spec.platform.machine_config = "Unmanaged";
  });
}

TEST_F(ADecision, IsMadeAnewWhenTheStatusTellsOfAnotherWay) {
  workload_.spec.storage.claims.emplace_back().name =
      "data";  // its files belong to the ids of that way
  const auto new_cluster = cluster("openshift-4.20");
  const auto by_host_users = decisions_.of(workload_, new_cluster);
  workload_.status.platform.user_namespaces = platform::kHadByAnnotation;
  const auto now = decisions_.of(workload_, new_cluster);
  EXPECT_EQ(*now, platform::decide(workload_, *new_cluster, platform::MachineConfigMode::kApply));
  EXPECT_NE(now, by_host_users);
}

TEST_F(ADecision, IsMadeAnewForAnotherSnapshotOfTheCluster) {
  const auto before = decisions_.of(workload_, old_cluster_);
  const auto after = decisions_.of(workload_, cluster("openshift-4.20"));
  EXPECT_EQ(before->user_namespace, platform::UserNamespaceVia::kAnnotation);
  EXPECT_EQ(after->user_namespace, platform::UserNamespaceVia::kHostUsers);
  EXPECT_EQ(*decisions_.of(workload_, old_cluster_), *before) << "nor is it kept past its own";
}

TEST_F(ADecision, IsOneValueForAllThatAreAlike) {
  const auto first = decisions_.of(workload_, old_cluster_);
  workload_.name = "apache";
  workload_.uid = "uid-3";
  EXPECT_EQ(decisions_.of(workload_, old_cluster_), first);
}

TEST_F(ADecision, IsForgottenWithItsWorkload) {
  expect_decided_anew([&] {
    decisions_.forget({workload_.ns, workload_.name});
    workload_.spec.platform.machine_config = "Unmanaged";
  });
}

}  // namespace
}  // namespace swo::reconcile
