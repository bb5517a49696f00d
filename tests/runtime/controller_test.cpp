#include "runtime/controller.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/log.hpp"

namespace swo::runtime {
namespace {

const ObjectKey kNginx{"demo", "nginx"};

class ControllerTest : public ::testing::Test {
 protected:
  ControllerTest() {
    log::configure({.sink = [this](std::string_view line) { lines.emplace_back(line); }});
  }
  ~ControllerTest() override { log::configure({}); }
  bool run_one() { return controller.run_one(clock.now()); }

  ManualClock clock;
  std::vector<std::string> lines;
  WorkQueue queue{{.clock = &clock}};
  std::function<Outcome(const ObjectKey&)> reconcile = [](const ObjectKey&) {
    return Outcome::done();
  };
  Controller controller{{.name = "workload", .clock = &clock}, queue, [this](const ObjectKey& key) {
                          return reconcile(key);
                        }};
};

TEST_F(ControllerTest, WhatIsDoneIsLeftAlone) {
  queue.add(kNginx);
  EXPECT_TRUE(run_one());
  EXPECT_FALSE(run_one());
  EXPECT_EQ(controller.counts().done, 1U);
  EXPECT_EQ(queue.delayed(), 0U);
}

TEST_F(ControllerTest, LooksAgainWhenAskedTo) {
  reconcile = [](const ObjectKey&) { return Outcome::requeue_after(Milliseconds{1000}); };
  queue.add(kNginx);
  run_one();
  EXPECT_FALSE(run_one());
  clock.advance(Milliseconds{1000});
  EXPECT_TRUE(run_one());
  EXPECT_EQ(controller.counts().requeued, 2U);
}

TEST_F(ControllerTest, AFailureIsLoggedAndTriedAgainWithBackoff) {
  reconcile = [](const ObjectKey&) { return Outcome::error("no \"route\" yet"); };
  queue.add(kNginx);
  run_one();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("key=demo/nginx error=\"no \\\"route\\\" yet\" again_in_ms=5"),
            std::string::npos)
      << lines[0];
  clock.advance(Milliseconds{5});
  EXPECT_TRUE(run_one());
  EXPECT_EQ(queue.failures(kNginx), 2);
  reconcile = [](const ObjectKey&) { return Outcome::done(); };
  clock.advance(Milliseconds{10});
  EXPECT_TRUE(run_one());
  EXPECT_EQ(queue.failures(kNginx), 0);
}

TEST_F(ControllerTest, WhatAReconcileThrowsIsAFailureOfItsKey) {
  reconcile = [](const ObjectKey& key) -> Outcome {
    if (key.name == "nginx") throw std::runtime_error("bad");
    throw 7;
  };
  queue.add(kNginx);
  queue.add({"demo", "other"});
  run_one();
  run_one();
  EXPECT_EQ(controller.counts().failed, 2U);
  EXPECT_EQ(controller.counts().active, 0);
}

TEST_F(ControllerTest, AReconcileThatHangsIsTold) {
  reconcile = [&](const ObjectKey&) {
    EXPECT_FALSE(controller.stuck(clock.now()));
    clock.advance(std::chrono::minutes(5));
    auto stuck = controller.stuck(clock.now());
    EXPECT_TRUE(stuck);
    EXPECT_EQ(stuck->key, kNginx);
    EXPECT_EQ(stuck->since, std::chrono::minutes(5));
    return Outcome::done();
  };
  queue.add(kNginx);
  run_one();
  EXPECT_FALSE(controller.stuck(clock.now()));
}

TEST(Controller, FinishesWhatItIsAtAndNoMore) {
  WorkQueue queue;
  std::atomic<bool> entered{false}, leave{false};
  std::atomic<int> reconciled{0};
  Controller controller({.name = "workload", .workers = 1}, queue, [&](const ObjectKey&) {
    entered = true;
    while (!leave) std::this_thread::yield();
    ++reconciled;
    return Outcome::done();
  });
  queue.add({"demo", "a"});
  queue.add({"demo", "b"});
  controller.start();
  while (!entered) std::this_thread::yield();
  EXPECT_FALSE(controller.stop(Milliseconds{1})) << "one is still at it";
  leave = true;
  EXPECT_TRUE(controller.stop(Milliseconds{10'000}));
  EXPECT_EQ(reconciled, 1);
}

}  // namespace
}  // namespace swo::runtime
