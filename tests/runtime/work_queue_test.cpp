#include "runtime/work_queue.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace swo::runtime {
namespace {

ObjectKey key(int number) { return {"demo", "workload-" + std::to_string(number)}; }

class RecordedMetrics : public QueueMetrics {
 public:
  void added(std::size_t depth) override {
    ++adds;
    last_depth = depth;
  }
  void taken(std::size_t depth, Instant::duration time) override {
    last_depth = depth;
    waited += time;
  }
  void done(Instant::duration time) override { worked += time; }
  void retried() override { ++retries; }
  int adds = 0, retries = 0;
  std::size_t last_depth = 0;
  Instant::duration waited{0}, worked{0};
};

class WorkQueueTest : public ::testing::Test {
 protected:
  // What is handed out now, and given back at once.
  std::string next() {
    auto item = queue.try_get(clock.now());
    if (!item) return "";
    std::string name = item->key().name;
    queue.done(*item);
    return name;
  }
  ManualClock clock;
  RecordedMetrics metrics;
  WorkQueue queue{{.clock = &clock, .metrics = &metrics}};
};

TEST_F(WorkQueueTest, AddsOfOneKeyBeforeItsGetAreOneItem) {
  for (int i = 0; i < 5; ++i) queue.add(key(1));
  EXPECT_EQ(queue.depth(), 1U);
  EXPECT_EQ(next(), "workload-1");
  EXPECT_EQ(next(), "");
  EXPECT_EQ(metrics.adds, 1);
}

TEST_F(WorkQueueTest, KeysComeInTheOrderOfTheirFirstAdd) {
  for (int i : {3, 1, 2, 1, 3}) queue.add(key(i));
  EXPECT_EQ(next(), "workload-3");
  EXPECT_EQ(next(), "workload-1");
  EXPECT_EQ(next(), "workload-2");
}

TEST_F(WorkQueueTest, AKeyInWorkIsNotHandedToASecondWorker) {
  queue.add(key(1));
  auto first = queue.try_get(clock.now());
  queue.add(key(1));
  EXPECT_FALSE(queue.try_get(clock.now()));
  EXPECT_EQ(queue.in_work(), 1U);
  queue.done(*first);
  EXPECT_EQ(next(), "workload-1") << "it was added while in work";
  EXPECT_EQ(next(), "");
}

TEST_F(WorkQueueTest, AnItemsKeyStaysValidWhileOthersComeAndGo) {
  queue.add(key(0));
  auto held = queue.try_get(clock.now());
  for (int i = 1; i < 5000; ++i) queue.add(key(i));
  while (next() != "") {
  }
  EXPECT_EQ(held->key(), key(0));
  queue.done(*held);
}

TEST_F(WorkQueueTest, ADelayedKeyComesWhenItIsDue) {
  queue.add_after(key(1), Milliseconds{1000});
  queue.add_after(key(2), Milliseconds{500});
  EXPECT_EQ(next(), "");
  EXPECT_EQ(queue.delayed(), 2U);
  EXPECT_EQ(queue.next_due() - clock.now(), Milliseconds{500});
  clock.advance(Milliseconds{999});
  EXPECT_EQ(next(), "workload-2");
  EXPECT_EQ(next(), "");
  clock.advance(Milliseconds{1});
  EXPECT_EQ(next(), "workload-1");
  EXPECT_EQ(queue.next_due(), Instant::max());
}

TEST_F(WorkQueueTest, OfSeveralDelaysTheShortestCounts) {
  queue.add_after(key(1), Milliseconds{1000});
  queue.add_after(key(1), Milliseconds{100});
  queue.add_after(key(1), Milliseconds{500});
  clock.advance(Milliseconds{100});
  EXPECT_EQ(next(), "workload-1");
  clock.advance(std::chrono::hours(1));
  EXPECT_EQ(next(), "");
}

TEST_F(WorkQueueTest, AnAddMakesTheDelayedOneNeedless) {
  queue.add_after(key(1), Milliseconds{1000});
  queue.add(key(1));
  EXPECT_EQ(next(), "workload-1");
  EXPECT_EQ(queue.delayed(), 0U);
  clock.advance(std::chrono::hours(1));
  EXPECT_EQ(next(), "");
}

TEST_F(WorkQueueTest, AKeyThatFallsDueInWorkComesAgainAfterIt) {
  queue.add(key(1));
  auto item = queue.try_get(clock.now());
  queue.add_after(item->key(), Milliseconds{10});
  clock.advance(Milliseconds{10});
  EXPECT_FALSE(queue.try_get(clock.now()));
  queue.done(*item);
  EXPECT_EQ(next(), "workload-1");
}

TEST_F(WorkQueueTest, ADelayThatIsOverOrNegativeIsNoDelay) {
  queue.add_after(key(1), Milliseconds{0});
  queue.add_after(key(2), Milliseconds{-5});
  EXPECT_EQ(queue.depth(), 2U);
}

TEST_F(WorkQueueTest, EachKeyHasABackoffOfItsOwnUntilItIsForgotten) {
  for (long expected : {5, 10, 20, 40}) {
    EXPECT_EQ(queue.add_failed(key(1)).count(), expected);
    clock.advance(Milliseconds{expected});
    EXPECT_EQ(next(), "workload-1");
  }
  EXPECT_EQ(queue.add_failed(key(2)).count(), 5);
  EXPECT_EQ(queue.failures(key(1)), 4);
  queue.forget(key(1));
  EXPECT_EQ(queue.failures(key(1)), 0);
  EXPECT_EQ(queue.add_failed(key(1)).count(), 5);
  EXPECT_EQ(metrics.retries, 6);
}

TEST_F(WorkQueueTest, WaitsAsLongAsTheServerAsksButNotForEver) {
  const auto failed = [&](Milliseconds asked) {
    return queue.add_failed(key(1), Priority::kHigh, asked);
  };
  EXPECT_EQ(failed(std::chrono::seconds(2)), std::chrono::seconds(2));
  EXPECT_EQ(failed(std::chrono::hours(1)), std::chrono::minutes(5));
  EXPECT_EQ(failed(Milliseconds{1}).count(), 20) << "the backoff, where it is longer";
}

TEST_F(WorkQueueTest, AUsersChangeGoesBeforeTheCrowd) {
  for (int i = 0; i < 1000; ++i) queue.add(key(i), Priority::kLow);
  queue.add(key(5000), Priority::kHigh);
  EXPECT_EQ(next(), "workload-5000");
  EXPECT_EQ(next(), "workload-0");
}

TEST_F(WorkQueueTest, AUsersChangeOfAWaitingKeyMovesItForwardOnce) {
  for (int i = 0; i < 10; ++i) queue.add(key(i), Priority::kLow);
  queue.add(key(7), Priority::kHigh);
  EXPECT_EQ(queue.depth(), 10U);
  std::vector<std::string> order;
  for (std::string name = next(); !name.empty(); name = next()) order.push_back(name);
  EXPECT_EQ(order.size(), 10U);
  EXPECT_EQ(order.front(), "workload-7");
}

TEST_F(WorkQueueTest, ALowAddDoesNotMoveAHighOneBack) {
  queue.add(key(1), Priority::kHigh);
  queue.add(key(1), Priority::kLow);
  queue.add(key(2), Priority::kLow);
  EXPECT_EQ(queue.try_get(clock.now())->priority(), Priority::kHigh);
}

TEST_F(WorkQueueTest, NothingStarvesUnderEndlessUserChanges) {
  queue.add(key(-1), Priority::kLow);
  queue.add(key(-2), Priority::kLow);
  std::vector<int> turns;
  for (int turn = 0; turn < 40; ++turn) {
    queue.add(key(turn), Priority::kHigh);
    queue.add(key(turn + 1000), Priority::kHigh);
    if (next().find("--") != std::string::npos) turns.push_back(turn);
  }
  EXPECT_EQ(turns, (std::vector<int>{WorkQueue::kPassedOver, 2 * WorkQueue::kPassedOver + 1}));
}

TEST_F(WorkQueueTest, ShutDownHandsOutWhatIsReadyAndNothingElse) {
  queue.add(key(1));
  queue.add_after(key(2), Milliseconds{1});
  queue.shut_down();
  queue.add(key(3));
  clock.advance(Milliseconds{10});
  auto item = queue.get();
  ASSERT_TRUE(item);
  EXPECT_EQ(item->key(), key(1));
  queue.add(item->key());
  queue.done(*item);
  EXPECT_FALSE(queue.get());
  EXPECT_EQ(queue.delayed(), 0U);
}

TEST_F(WorkQueueTest, ShutDownNowDropsWhatIsReady) {
  queue.add(key(1));
  queue.add(key(2));
  auto item = queue.try_get(clock.now());
  queue.shut_down_now();
  EXPECT_FALSE(queue.get());
  queue.done(*item);
  EXPECT_EQ(queue.depth() + queue.in_work(), 0U);
}

TEST_F(WorkQueueTest, TellsItsMetricsHowLongThingsTook) {
  queue.add(key(1));
  clock.advance(Milliseconds{30});
  auto item = queue.try_get(clock.now());
  EXPECT_EQ(metrics.waited, Milliseconds{30});
  clock.advance(Milliseconds{50});
  EXPECT_EQ(queue.working(clock.now()).first, Milliseconds{50});
  EXPECT_EQ(queue.working(clock.now()).second, Milliseconds{50});
  queue.done(*item);
  EXPECT_EQ(metrics.worked, Milliseconds{50});
  EXPECT_EQ(metrics.last_depth, 0U);
}

TEST_F(WorkQueueTest, ManyStaleDelaysDoNotPileUp) {
  for (int i = 0; i < 100'000; ++i) {
    queue.add_after(key(i % 3), std::chrono::hours(1));
    queue.add(key(i % 3));
    next();
  }
  EXPECT_EQ(queue.delayed(), 0U);
  clock.advance(std::chrono::hours(2));
  EXPECT_EQ(next(), "");
}

// Against the simplest possible queue: a list of what is ready, a map of what is delayed.
TEST_F(WorkQueueTest, AgreesWithASimpleModelOnRandomCalls) {
  std::mt19937 random(20260101);
  std::vector<int> ready;
  std::map<int, Instant> delayed;
  std::map<int, WorkQueue::Item> working;
  std::map<int, bool> again;
  auto make_ready = [&](int k) {
    if (working.contains(k)) {
      again[k] = true;
    } else if (std::find(ready.begin(), ready.end(), k) == ready.end()) {
      ready.push_back(k);
    }
  };
  for (int step = 0; step < 200'000; ++step) {
    int k = static_cast<int>(random() % 50);
    switch (random() % 5) {
      case 0:
        queue.add(key(k));
        delayed.erase(k);
        make_ready(k);
        break;
      case 1: {
        Milliseconds delay(1 + random() % 20);
        queue.add_after(key(k), delay);
        auto [at, fresh] = delayed.try_emplace(k, clock.now() + delay);
        at->second = std::min(at->second, clock.now() + delay);
        break;
      }
      case 2: {
        std::multimap<Instant, int> due;
        for (auto [name, at] : delayed) {
          if (at <= clock.now()) due.emplace(at, name);
        }
        auto item = queue.try_get(clock.now());
        for (auto [at, name] : due) {
          delayed.erase(name);
          make_ready(name);
        }
        ASSERT_EQ(item.has_value(), !ready.empty()) << step;
        if (!item) break;
        int got = std::stoi(item->key().name.substr(9));
        auto place = std::find(ready.begin(), ready.end(), got);
        ASSERT_NE(place, ready.end()) << step;
        ready.erase(place);
        ASSERT_TRUE(working.emplace(got, *item).second) << "two workers have " << got;
        break;
      }
      case 3:
        if (!working.empty()) {
          auto at = std::next(working.begin(), static_cast<long>(random() % working.size()));
          int name = at->first;
          queue.done(at->second);
          working.erase(at);
          if (std::exchange(again[name], false)) ready.push_back(name);
        }
        break;
      default:
        clock.advance(Milliseconds{random() % 3});
    }
    ASSERT_EQ(queue.in_work(), working.size());
  }
}

TEST(WorkQueue, WorkersNeverShareAKeyAndLoseNone) {
  WorkQueue queue;
  constexpr int kKeys = 50;
  std::vector<std::atomic<int>> wanted(kKeys), seen(kKeys);
  std::vector<std::atomic<bool>> busy(kKeys);
  std::atomic<int> shared{0};
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < 4; ++w) {
      workers.emplace_back([&] {
        while (auto item = queue.get()) {
          int k = std::stoi(item->key().name.substr(9));
          if (busy[static_cast<std::size_t>(k)].exchange(true)) ++shared;
          seen[static_cast<std::size_t>(k)] = wanted[static_cast<std::size_t>(k)].load();
          busy[static_cast<std::size_t>(k)] = false;
          queue.done(*item);
        }
      });
    }
    std::vector<std::jthread> adders;
    for (unsigned a = 0; a < 2; ++a) {
      adders.emplace_back([&, a] {
        std::mt19937 random(a);
        for (int i = 0; i < 20'000; ++i) {
          auto k = random() % kKeys;
          ++wanted[k];
          if (i % 7 == 0) {
            queue.add_after(key(static_cast<int>(k)), Milliseconds{1});
          }
          queue.add(key(static_cast<int>(k)), i % 2 == 0 ? Priority::kHigh : Priority::kLow);
        }
      });
    }
    adders.clear();
    queue.shut_down();
  }
  EXPECT_EQ(shared, 0);
  EXPECT_EQ(queue.depth(), 0U);
}

TEST(WorkQueue, AKeyThatComesDueIsTakenThoughTheWorkerThatWaitedForItHasBeenGivenAnother) {
  for (int round = 0; round < 50; ++round) {
    WorkQueue queue;
    std::promise<void> due;
    const auto came = due.get_future().share();
    std::atomic<bool> late{false};
    std::vector<std::jthread> workers;
    for (int w = 0; w < 2; ++w) {
      workers.emplace_back([&] {
        while (auto item = queue.get()) {
          if (item->key() == key(1)) {
            due.set_value();
          } else {  // a long piece of work
            late = came.wait_for(std::chrono::seconds(10)) == std::future_status::timeout;
          }
          queue.done(*item);
        }
      });
    }
    queue.add_after(key(1), Milliseconds{3});
    queue.add(key(2));
    came.wait_for(std::chrono::seconds(20));
    queue.shut_down();
    workers.clear();
    ASSERT_FALSE(late);
  }
}

TEST(WorkQueue, AWaitingWorkerIsWokenByAnAddAndByADelay) {
  WorkQueue queue;
  std::vector<std::string> got;
  std::jthread worker([&] {
    while (auto item = queue.get()) {
      got.push_back(item->key().name);
      queue.done(*item);
      if (got.size() == 2) queue.shut_down();
    }
  });
  queue.add_after(key(2), Milliseconds{2});
  queue.add(key(1));
  worker.join();
  EXPECT_EQ(got, (std::vector<std::string>{"workload-1", "workload-2"}));
}

}  // namespace
}  // namespace swo::runtime
