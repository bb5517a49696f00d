#include "reconcile/proof.hpp"

#include <gtest/gtest.h>

namespace swo::reconcile {
namespace {

using platform::UserNamespaceVia;

PodFacts booted() {
  PodFacts pod;
  pod.started = true;
  return pod;
}

TEST(Proof, IsOfTheWayThatThePodItselfWent) {
  PodFacts pod = booted();
  pod.host_users = false;
  EXPECT_EQ(proof_of(pod), UserNamespaceVia::kHostUsers);
  pod.user_namespace_asked = true;
  EXPECT_EQ(proof_of(pod), UserNamespaceVia::kHostUsers) << "which says nothing of the annotation";
  pod.host_users.reset();
  EXPECT_EQ(proof_of(pod), UserNamespaceVia::kAnnotation);
}

TEST(Proof, IsNoneOfAPodThatHasNotBootedOrHasNoUserNamespace) {
  EXPECT_EQ(proof_of(booted()), std::nullopt);
  PodFacts pod;
  pod.host_users = false;
  EXPECT_EQ(proof_of(pod), std::nullopt);
}

}  // namespace
}  // namespace swo::reconcile
