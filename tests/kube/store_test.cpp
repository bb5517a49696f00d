#include "kube/store.hpp"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "kube/expectations.hpp"

namespace swo::kube {
namespace {

struct Fact {
  ObjectKey key;
  std::string uid;
  std::uint64_t resource_version = 0;
  std::string owner;
};

Fact fact(std::string name, std::uint64_t version, std::string owner = "w", std::string uid = "u") {
  return {{"n", std::move(name)}, std::move(uid), version, std::move(owner)};
}

Store<Fact> store_by_owner() {
  return Store<Fact>([](const Fact& f) { return ObjectKey{f.key.ns, f.owner}; });
}

std::vector<std::string> names(const std::vector<Store<Fact>::Ptr>& facts) {
  std::vector<std::string> result;
  for (const auto& held : facts) result.push_back(held->key.name);
  return result;
}

TEST(Store, TellsAnAdditionFromAChange) {
  Store<Fact> store;
  auto added = store.upsert(fact("a", 1));
  ASSERT_TRUE(added);
  EXPECT_EQ(added->before, nullptr);
  auto changed = store.upsert(fact("a", 2));
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->before->resource_version, 1U);
  EXPECT_EQ(changed->after->resource_version, 2U);
  EXPECT_EQ(store.get({"n", "a"})->resource_version, 2U);
  EXPECT_EQ(store.get({"n", "b"}), nullptr);
}

TEST(Store, NeverGoesBack) {
  Store<Fact> store;
  store.upsert(fact("a", 5));
  EXPECT_FALSE(store.upsert(fact("a", 5)));
  EXPECT_FALSE(store.upsert(fact("a", 4)));
  EXPECT_FALSE(store.remove({"n", "a"}, 4));
  EXPECT_EQ(store.get({"n", "a"})->resource_version, 5U);
}

TEST(Store, TakesAnObjectThatWasDeletedAndMadeAgain) {
  Store<Fact> store;
  store.upsert(fact("a", 5, "w", "first"));
  auto change = store.upsert(fact("a", 9, "w", "second"));
  ASSERT_TRUE(change);
  EXPECT_EQ(store.version({"n", "a"})->uid, "second");
  EXPECT_FALSE(store.remove({"n", "a"}, 7)) << "the deletion of the first one, come late";
  EXPECT_TRUE(store.remove({"n", "a"}, 10));
}

TEST(Store, AListMakesDeletesOfWhatHasVanished) {
  Store<Fact> store;
  for (const char* name : {"kept", "gone", "changed"}) store.upsert(fact(name, 1));
  std::vector<Fact> list{fact("kept", 1), fact("changed", 8), fact("new", 7)};
  auto changes = store.replace("", list, 10);
  std::vector<std::string> told;
  for (const auto& change : changes) {
    told.push_back((change.after ? change.after : change.before)->key.name +
                   (change.before ? (change.after ? " changed" : " deleted") : " added"));
  }
  std::sort(told.begin(), told.end());
  EXPECT_EQ(told, (std::vector<std::string>{"changed changed", "gone deleted", "new added"}));
  EXPECT_EQ(store.size(), 3U);
}

TEST(Store, AListDoesNotRemoveWhatIsNewerThanIt) {
  Store<Fact> store;
  store.upsert(fact("new", 11));
  EXPECT_TRUE(store.replace("", {}, 10).empty());
  EXPECT_EQ(store.size(), 1U);
}

TEST(Store, AListOfOneNamespaceLeavesTheOthersAlone) {
  Store<Fact> store;
  store.upsert(fact("a", 1));
  store.upsert({{"other", "a"}, "u", 1, "w"});
  EXPECT_EQ(store.replace("n", {}, 10).size(), 1U);
  EXPECT_NE(store.get({"other", "a"}), nullptr);
}

TEST(Store, FindsFactsByTheirOwnerInOrder) {
  auto store = store_by_owner();
  for (const char* name : {"w-2", "w-0", "w-1"}) store.upsert(fact(name, 1));
  store.upsert(fact("x", 1, "other"));
  store.upsert(fact("orphan", 1, ""));
  EXPECT_EQ(names(store.owned_by({"n", "w"})), (std::vector<std::string>{"w-0", "w-1", "w-2"}));
  EXPECT_TRUE(store.owned_by({"n", ""}).empty());
  EXPECT_EQ(store.all().size(), 5U);
}

TEST(Store, FollowsAFactToANewOwner) {
  auto store = store_by_owner();
  store.upsert(fact("a", 1, "old"));
  store.upsert(fact("a", 2, "new"));
  EXPECT_TRUE(store.owned_by({"n", "old"}).empty());
  EXPECT_EQ(names(store.owned_by({"n", "new"})), std::vector<std::string>{"a"});
  store.remove({"n", "a"}, 3);
  EXPECT_TRUE(store.owned_by({"n", "new"}).empty());
}

TEST(Store, FactsHandedOutStayAsTheyWere) {
  Store<Fact> store;
  store.upsert(fact("a", 1));
  auto held = store.get({"n", "a"});
  store.remove({"n", "a"}, 2);
  EXPECT_EQ(held->resource_version, 1U);
}

TEST(Store, IsSyncedWhenEveryScopeHasBeenListed) {
  Store<Fact> store;
  EXPECT_FALSE(store.synced());
  store.expect_scope("a");
  store.expect_scope("b");
  store.saw("a", 5);
  EXPECT_FALSE(store.synced());
  store.saw("b", 9);
  store.saw("b", 8);
  EXPECT_TRUE(store.synced());
  EXPECT_EQ(store.seen("a"), 5U);
  EXPECT_EQ(store.seen("b"), 9U);
  EXPECT_EQ(store.seen("c"), 0U);
}

TEST(Store, ServesReadersWhileItChanges) {
  auto store = store_by_owner();
  std::jthread writer([&] {
    for (std::uint64_t version = 1; version <= 2000; ++version) {
      store.upsert(fact("a" + std::to_string(version % 7), version));
      if (version % 5 == 0) store.remove({"n", "a" + std::to_string(version % 7)}, version);
    }
  });
  std::uint64_t last = 0;
  while (last < 1990) {
    for (const auto& held : store.owned_by({"n", "w"}))
      last = std::max(last, held->resource_version);
    store.for_each([&](const Fact& held) { store.get(held.key); });
  }
}

class ExpectationsTest : public ::testing::Test {
 protected:
  const ObjectKey kWorkload{"n", "w"};
  const ObjectKey kPod{"n", "w-0"};
  const Instant kStart{std::chrono::hours(1)};
  Store<Fact> store;
  Expectations expectations{Milliseconds{10'000}};
};

TEST_F(ExpectationsTest, AWriteIsSeenOnceTheStoreIsAtItsVersion) {
  store.saw("", 5);
  expectations.wrote(kWorkload, store, kPod, 7, kStart);
  EXPECT_FALSE(expectations.satisfied(kWorkload, kStart));
  EXPECT_TRUE(expectations.satisfied({"n", "another"}, kStart));
  store.saw("", 6);
  EXPECT_FALSE(expectations.satisfied(kWorkload, kStart));
  store.saw("", 7);
  EXPECT_TRUE(expectations.satisfied(kWorkload, kStart));
  EXPECT_EQ(expectations.pending(), 0U);
}

TEST_F(ExpectationsTest, AWriteThatIsSeenAlreadyIsNotWaitedFor) {
  store.saw("", 9);
  expectations.wrote(kWorkload, store, kPod, 7, kStart);
  EXPECT_EQ(expectations.pending(), 0U);
}

TEST_F(ExpectationsTest, ADeletionIsSeenWhenTheObjectIsGone) {
  store.upsert(fact("w-0", 5));
  expectations.removed(kWorkload, store, kPod, *store.version(kPod), kStart);
  EXPECT_FALSE(expectations.satisfied(kWorkload, kStart));
  store.remove(kPod, 6);
  EXPECT_TRUE(expectations.satisfied(kWorkload, kStart));
}

TEST_F(ExpectationsTest, ADeletionIsSeenWhenTheObjectIsTerminatingOrAnother) {
  store.upsert(fact("w-0", 5));
  expectations.removed(kWorkload, store, kPod, *store.version(kPod), kStart);
  store.upsert(fact("w-0", 6));
  EXPECT_TRUE(expectations.satisfied(kWorkload, kStart));
  expectations.removed(kWorkload, store, kPod, *store.version(kPod), kStart);
  store.upsert(fact("w-0", 7, "w", "another"));
  EXPECT_TRUE(expectations.satisfied(kWorkload, kStart));
}

TEST_F(ExpectationsTest, AWaitEndsByItsTimeout) {
  expectations.wrote(kWorkload, store, kPod, 7, kStart);
  EXPECT_EQ(expectations.deadline(kWorkload, kStart), kStart + Milliseconds{10'000});
  EXPECT_FALSE(expectations.satisfied(kWorkload, kStart + Milliseconds{9'999}));
  EXPECT_TRUE(expectations.satisfied(kWorkload, kStart + Milliseconds{10'000}));
  EXPECT_EQ(expectations.timed_out(), 1U);
}

TEST_F(ExpectationsTest, AWriteInOneNamespaceIsNotShownByTheWatchOfAnother) {
  store.expect_scope("n");
  store.expect_scope("other");
  store.saw("n", 5);
  store.saw("other", 100);
  expectations.wrote(kWorkload, store, kPod, 7, kStart);
  EXPECT_FALSE(expectations.satisfied(kWorkload, kStart));
}

TEST_F(ExpectationsTest, ForgettingAWorkloadForgetsItsWaits) {
  expectations.wrote(kWorkload, store, kPod, 7, kStart);
  expectations.forget(kWorkload);
  EXPECT_TRUE(expectations.satisfied(kWorkload, kStart));
}

}  // namespace
}  // namespace swo::kube
