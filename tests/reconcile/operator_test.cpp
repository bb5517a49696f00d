// How the operator is started and stopped by several threads.
#include "reconcile/operator.hpp"

#include <atomic>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "runtime/log.hpp"

namespace swo::reconcile {
namespace {

using std::chrono::milliseconds;

// A cluster in which there is nothing, and nothing happens.
class EmptyCluster : public kube::Transport {
 public:
  kube::Result<kube::HttpResponse> send(const kube::HttpRequest& /*request*/) override {
    kube::HttpResponse response;
    response.status = 200;
    response.body = R"({"metadata":{"resourceVersion":"1"},"items":[]})";
    return response;
  }
  kube::Result<std::unique_ptr<kube::ByteStream>> open(
      const kube::HttpRequest& /*request*/) override {
    return std::unique_ptr<kube::ByteStream>(std::make_unique<Quiet>());
  }
  void shutdown() override {}

 private:
  class Quiet : public kube::ByteStream {
   public:
    Quiet() { head_.status = 200; }
    const kube::HttpResponse& head() const override { return head_; }
    Read read(milliseconds /*limit*/) override { return {Outcome::kTimeout, "", {}}; }
    void close() override {}

   private:
    kube::HttpResponse head_;
  };
};

class OperatorTest : public testing::Test {
 protected:
  OperatorTest() {
    runtime::log::Options options;
    options.sink = [this](std::string_view line) {
      if (line.find("caches are filled, reconciling") != std::string_view::npos) {
        ++(stopped ? begun_late : begun);
      }
    };
    runtime::log::configure(std::move(options));
  }
  ~OperatorTest() override { runtime::log::configure({}); }

  // Its caches are filled.
  std::unique_ptr<Operator> make() {
    OperatorOptions options;
    const auto nothing = std::make_shared<const platform::Facts>();
    options.facts = [nothing] { return nothing; };
    options.facts_known = [] { return true; };
    options.clock = &clock;
    auto made = std::make_unique<Operator>(client, std::move(options));
    made->step(clock.now());
    EXPECT_TRUE(made->synced());
    return made;
  }

  runtime::ManualClock clock;
  EmptyCluster cluster;
  kube::Client client{cluster};
  std::atomic<bool> stopped{false};
  std::atomic<int> begun{0};
  std::atomic<int> begun_late{0};  // after stop_work() had returned
};

// The lease may be won in the moment in which a signal ends the process. A race is what this looks
// for: often enough that each order is met.
constexpr int kRounds = 200;

TEST_F(OperatorTest, ThatIsStoppedWhileItStartsBeginsNothingAfterwards) {
  for (int round = 0; round < kRounds; ++round) {
    const auto op = make();
    stopped = false;
    std::atomic<bool> ready{false};
    std::jthread leader([&] {
      ready = true;
      op->work();
    });
    while (round % 2 == 1 && !ready) std::this_thread::yield();
    op->stop_work(milliseconds(1000));
    stopped = true;
    leader.join();
    op->stop(milliseconds(1000));
  }
  EXPECT_EQ(begun_late, 0);
}

TEST_F(OperatorTest, ThatHasBeenStoppedIsNotStartedAgain) {
  for (int round = 0; round < kRounds; ++round) {
    const auto op = make();
    op->stop_work(milliseconds(1000));
    stopped = true;
    op->work();
    std::this_thread::yield();
  }
  EXPECT_EQ(begun, 0);
  EXPECT_EQ(begun_late, 0);
}

TEST_F(OperatorTest, ThatIsStartedBeginsOnceItsCachesAreFilled) {
  const auto op = make();
  op->work();
  while (begun == 0) std::this_thread::yield();
  EXPECT_TRUE(op->stop_work(milliseconds(1000)));
  EXPECT_EQ(begun, 1);
}

}  // namespace
}  // namespace swo::reconcile
