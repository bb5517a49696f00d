// Whatever befalls a workload, in whatever order: never two Pods of one ordinal, never one claim on
// two running Pods; and once the storm is over, what the spec asks for.
//
// Random, and the same again for the same SWO_SEED, which is printed.
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "life.hpp"
#include "scenarios.hpp"

namespace swo::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

bool has_ended(const Json& pod) {
  const std::string phase = pod["status"].value("phase", "");
  return phase == "Succeeded" || phase == "Failed";
}

class Storm {
 public:
  explicit Storm(std::uint32_t seed) : random_(seed) {
    life_.simulation.after_write = [this] { check(); };
    life_.apply({{"image", "v1"}, {"replicas", 2}, {"storage", Life::storage("1Gi")}});
    life_.runs();
  }

  void blow(int gusts) {
    for (int i = 0; i < gusts && !testing::Test::HasFailure(); ++i) {
      one_gust();
      // Mostly too short for anything to come to its end.
      wait(seconds(pick(0, 90)));
    }
  }

  void calm() {
    told_ += " calm";
    for (const std::string& node : down_) {
      life_.simulation.cluster().restore_node(node);
    }
    wait(minutes(10));
    life_.apply({{"image", "v2"}, {"replicas", 3}, {"hibernate", false}, {"paused", false}});
    ASSERT_TRUE(life_.runs(std::chrono::hours(3))) << told_ << life_.status().dump(2);
    EXPECT_EQ(life_.names(Simulation::pods_path()),
              (std::vector<std::string>{"nginx-0", "nginx-1", "nginx-2"}))
        << told_;
  }

 private:
  int pick(int from, int to) { return std::uniform_int_distribution(from, to)(random_); }

  void wait(seconds time) {
    life_.simulation.until(
        [this] {
          check();
          return false;
        },
        time);
  }

  void one_gust() {
    static const std::vector<std::pair<const char*, void (Storm::*)()>> kGusts = {
        {"scale", &Storm::scale},
        {"image", &Storm::image},
        {"delete pod", &Storm::remove},
        {"evict", &Storm::evict},
        {"node", &Storm::node},
        {"hibernate", &Storm::hibernate},
        {"pause", &Storm::pause},
        {"operator", &Storm::restart},
        {"second operator", &Storm::second}};
    const auto& [name, act] =
        kGusts[static_cast<std::size_t>(pick(0, static_cast<int>(kGusts.size()) - 1))];
    told_ += std::string(" ") + name + ",";
    (this->*act)();
  }

  void scale() { life_.apply({{"replicas", pick(0, 4)}}); }
  void image() {
    static const char* const kImages[] = {"v1", "v2", "degraded", "exit1", "nostop"};
    life_.apply({{"image", kImages[pick(0, 4)]}});
  }
  void hibernate() { life_.apply({{"hibernate", pick(0, 1) == 1}}); }
  void pause() { life_.apply({{"paused", pick(0, 1) == 1}}); }
  void restart() {
    life_.simulation.stop_operator();
    life_.simulation.start_operator();
  }
  // It believes that it leads, for as long as until the next restart.
  void second() { life_.simulation.start_replica(); }
  void remove() {
    if (const std::string pod = any_pod(); !pod.empty()) {
      life_.simulation.admin().remove(Simulation::pods_path(), pod);
    }
  }
  void evict() {
    if (const std::string pod = any_pod(); !pod.empty()) {
      life_.simulation.cluster().evict("demo", pod);
    }
  }
  void node() {
    const std::string node = "worker-" + std::to_string(pick(0, 2));
    if (down_.erase(node) > 0) {
      life_.simulation.cluster().restore_node(node);
    } else {
      life_.simulation.cluster().fail_node(node);
      down_.insert(node);
    }
  }
  std::string any_pod() {
    const auto pods = life_.names(Simulation::pods_path());
    return pods.empty()
               ? ""
               : pods[static_cast<std::size_t>(pick(0, static_cast<int>(pods.size()) - 1))];
  }

  void check() {
    std::map<std::string, int> ordinals;
    std::map<std::string, int> users;
    for (const Json& pod : life_.simulation.admin().list(Simulation::pods_path())) {
      ++ordinals[pod["metadata"]["labels"]["workloads.systemd-operator.dev/ordinal"]];
      for (const Json& volume : pod["spec"]["volumes"]) {
        if (volume.contains("persistentVolumeClaim") && !has_ended(pod)) {
          ++users[volume["persistentVolumeClaim"]["claimName"]];
        }
      }
    }
    for (const auto& [ordinal, count] : ordinals) {
      EXPECT_EQ(count, 1) << "Pods of ordinal " << ordinal << " after" << told_;
    }
    for (const auto& [claim, count] : users) {
      EXPECT_EQ(count, 1) << "Pods on claim " << claim << " after" << told_;
    }
  }

  std::mt19937 random_;
  Life life_;
  std::set<std::string> down_;
  std::string told_;  // what has happened so far
};

TEST(NeverTwice, ThoughEverythingHappensAtOnce) {
  const std::uint32_t first = seed();
  const std::uint32_t runs = try_all() ? 100 : 4;
  for (std::uint32_t run = first; run < first + runs && !HasFailure(); ++run) {
    SCOPED_TRACE("SWO_SEED=" + std::to_string(run));
    Storm storm(run);
    storm.blow(40);
    if (!HasFailure()) {
      storm.calm();
    }
  }
}

}  // namespace
}  // namespace swo::test
