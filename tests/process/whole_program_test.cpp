// The whole program as it is shipped, in real time: fifty workloads are made, changed and deleted
// while the API server fails and the process is killed. The end is that of a run in peace (oracle
// L), and so is the number of writes to each object (oracle S).
//
// SWO_SEED says which faults come when.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devcluster/faults.hpp"
#include "stand.hpp"
#include "support/end_state.hpp"

namespace swo::test {
namespace {

using Json = devcluster::Json;
using std::chrono::seconds;

constexpr int kWorkloads = 50;
constexpr seconds kLimit{100};  // of each step, on any machine
constexpr seconds kRest{2};

const std::string workloads =
    "/apis/workloads.systemd-operator.dev/v1alpha1/namespaces/demo/systemdworkloads";

std::uint32_t seed() {
  const char* given = std::getenv("SWO_SEED");
  return given == nullptr ? 1 : static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10));
}

// What each workload asks for: at first, and then.
struct Wish {
  int replicas = 1;
  std::string image = "v1";
  bool deleted = false;
};
Wish first_wish(int /*number*/) { return {}; }
Wish second_wish(int number) {
  return {number % 5 == 1 ? 2 : 1, number % 5 == 2 ? "v2" : "v1", number % 5 == 3};
}
std::string name_of(int number) { return "w" + std::to_string(number); }
Json spec_of(const std::string& name, const Wish& wish) {
  return {{"image", wish.image},
          {"replicas", wish.replicas},
          {"ports", {{{"name", "http"}, {"port", 80}}}},
          {"route", {{"host", name + ".apps.example.com"}}}};
}

bool granted(devcluster::Api& admin, Wish (*wish)(int)) {
  std::map<std::string, int> pods;  // by workload and image
  for (const Json& pod : admin.list("/api/v1/namespaces/demo/pods")) {
    const std::string owner = pod["metadata"]["labels"]["workloads.systemd-operator.dev/workload"];
    ++pods[owner + " " + pod["spec"]["containers"][0]["image"].get<std::string>()];
  }
  std::map<std::string, int> wanted;
  std::size_t left = 0;
  for (int i = 0; i < kWorkloads; ++i) {
    if (const Wish one = wish(i); !one.deleted) {
      wanted[name_of(i) + " " + one.image] = one.replicas;
      ++left;
    }
  }
  if (pods != wanted) {
    return false;
  }
  const auto all = admin.list(workloads);
  return all.size() == left && std::all_of(all.begin(), all.end(), [](const Json& one) {
           const Json status = one.value("status", Json::object());
           return status.value("phase", "") == "Running" &&
                  status.value("observedGeneration", 0) == one["metadata"]["generation"] &&
                  status.value("readyReplicas", 0) == one["spec"]["replicas"];
         });
}

// What befalls the operator; does nothing in peace.
class Fate {
 public:
  Fate(Stand& stand, std::optional<std::uint32_t> by) : stand_(stand) {
    if (by) {
      random_.emplace(*by);
    }
  }
  // Some of the kinds of faults, each from some call on for a few calls. Connections are cut as
  // well: while nothing is being written, as a write whose answer is lost may have to be repeated,
  // and would count twice.
  void turn() {
    if (!random_) {
      return;
    }
    static const char* const kFaults[] = {
        "create:pods@%=error:500",
        "create:pods@%=error:503",
        "create:pods@%=ambiguous",
        "create:pods@%=delay:300",
        "patch:services@%=error:503",
        "patch:roles@%=error:500",
        "patch:*@%+3=error:429",
        "get:*@%+2=drop",
        "list:*@%+2=error:500",
        "watch:*@%+3=error:503",
        "watch:pods@1+*=reset:%",
        "watch:pods@1+*=gone:%",
        "watch:*@1+*=cut:%",
        "delete:pods@%=error:500",
        "patch:systemdworkloads/status@%=drop",
    };
    for (const char* fault : kFaults) {
      if (below(2) == 0) {
        continue;
      }
      std::string rule = fault;
      rule.replace(rule.find('%'), 1, std::to_string(2 + below(20)));
      told += rule + " ";
      stand_.cluster().api().faults().add(rule);
    }
    stand_.drop_connections();
  }
  // In the middle of the work, at a moment that differs from seed to seed.
  void strike() {
    if (!random_) {
      return;
    }
    const int writes = stand_.write_count() + 10 + static_cast<int>(below(100));
    stand_.until([&] { return stand_.write_count() >= writes; }, seconds(10));
    told += "killed after " + std::to_string(stand_.write_count()) + " writes ";
    stand_.stop_operator(SIGKILL);
    stand_.start_operator();
  }
  void relent() { stand_.cluster().api().faults().clear(); }
  std::string told;

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>((*random_)() % limit); }
  Stand& stand_;
  std::optional<std::mt19937> random_;
};

struct End {
  std::string objects;
  std::map<std::string, int> writes;
};

End live(std::optional<std::uint32_t> by) {
  Stand stand;
  Fate fate(stand, by);
  stand.start_operator();
  fate.turn();
  for (int i = 0; i < kWorkloads; ++i) {
    stand.admin().create(workloads, {{"apiVersion", "workloads.systemd-operator.dev/v1alpha1"},
                                     {"kind", "SystemdWorkload"},
                                     {"metadata", {{"name", name_of(i)}, {"namespace", "demo"}}},
                                     {"spec", spec_of(name_of(i), first_wish(i))}});
  }
  fate.strike();
  EXPECT_TRUE(stand.until([&] { return granted(stand.admin(), first_wish); }, kLimit))
      << fate.told << stand.log();
  fate.turn();
  for (int i = 0; i < kWorkloads; ++i) {
    if (second_wish(i).deleted) {
      stand.admin().remove(workloads, name_of(i));
    } else {
      stand.admin().merge_patch(workloads, name_of(i),
                                {{"spec", spec_of(name_of(i), second_wish(i))}});
    }
  }
  fate.strike();
  EXPECT_TRUE(stand.until([&] { return granted(stand.admin(), second_wish); }, kLimit))
      << fate.told << stand.log();
  fate.relent();
  End run{end_of(stand.admin(), "demo"), stand.writes()};
  // What is done is told; then nothing more is written.
  stand.until([] { return false; }, kRest);
  const int written = stand.write_count();
  stand.until([] { return false; }, kRest);
  EXPECT_EQ(stand.write_count(), written) << fate.told;
  EXPECT_EQ(end_of(stand.admin(), "demo"), run.objects);
  EXPECT_EQ(stand.stop_operator(SIGTERM), 0);
  std::cout << (by ? fate.told : "in peace") << "\n";
  return run;
}

// What one has more often than the other.
std::string difference(const std::map<std::string, int>& trouble,
                       const std::map<std::string, int>& peace) {
  std::set<std::string> all;
  for (const auto& [what, count] : trouble) all.insert(what);
  for (const auto& [what, count] : peace) all.insert(what);
  std::string told;
  for (const std::string& what : all) {
    const auto count = [&what](const auto& of) { return of.contains(what) ? of.at(what) : 0; };
    if (count(trouble) != count(peace)) {
      told += what + ": " + std::to_string(count(trouble)) + ", not " +
              std::to_string(count(peace)) + "\n";
    }
  }
  return told;
}

TEST(WholeProgram, ComesToTheSameEndByTheSameWritesThroughFaultsAsInPeace) {
  if (!std::filesystem::exists(SWO_BINARY_DIR "/systemd-workload-operator")) {
    GTEST_SKIP() << "the operator is not built";
  }
  SCOPED_TRACE("SWO_SEED=" + std::to_string(seed()));
  std::cout << "SWO_SEED=" << seed() << "\n";
  const End peace = live(std::nullopt);
  const End trouble = live(seed());
  EXPECT_EQ(trouble.objects, peace.objects);
  EXPECT_EQ(difference(trouble.writes, peace.writes), "");
}

}  // namespace
}  // namespace swo::test
