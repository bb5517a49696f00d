// What a write can come back with, at each write of each scenario: the end is the same as without
// it (oracle L), and so is the number of writes to each object (oracle S).
//
// A failure names (scenario, fault, write); SWO_FAULT=scenario/fault/write tries that one alone.
// By default each fault meets the first attempt of every write, and one write by itself, chosen by
// SWO_SEED; with SWO_ALL_FAULTS each write by itself.
#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "scenarios.hpp"

namespace swo::test {
namespace {

constexpr int kEveryWrite = 0;

struct WriteFault {
  const char* name;
  Fate fate = Fate::kAnswer;
  int status = 0;  // 0: as `fate` says
  const char* reason = "";
  const char* message = "";
};

const WriteFault write_faults[] = {
    {"unreachable", Fate::kRefuse},
    {"lost_answer", Fate::kLoseAnswer},
    {"conflict", Fate::kAnswer, 409, "Conflict",
     "Operation cannot be fulfilled: the object has been modified; please apply your changes to "
     "the latest version and try again"},
    {"apply_conflict", Fate::kAnswer, 409, "Conflict",
     R"(Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .spec.ports)"},
    {"unauthorized", Fate::kAnswer, 401, "Unauthorized", "Unauthorized"},
    {"quota", Fate::kAnswer, 403, "Forbidden",
     "is forbidden: exceeded quota: compute, requested: pods=1, used: pods=9, limited: pods=9"},
    {"invalid", Fate::kAnswer, 422, "Invalid",
     "is invalid: spec: Invalid value: refused by a policy"},
    {"too_large", Fate::kAnswer, 413, "RequestEntityTooLarge", "limit is 3145728"},
    {"too_many", Fate::kAnswer, 429, "TooManyRequests", "please try again later"},
    {"admission_timeout", Fate::kAnswer, 500, "InternalError",
     R"(failed calling webhook "w.example.com": context deadline exceeded)"},
    {"unavailable", Fate::kAnswer, 503, "ServiceUnavailable", "etcdserver: leader changed"},
};

kube::HttpResponse answer_of(const WriteFault& fault) {
  kube::HttpResponse response = refusal(fault.status, fault.reason, fault.message);
  if (fault.status == 429) {
    response.headers.emplace_back("retry-after", "1");
  }
  return response;
}

// Whether this request is to meet the fault; asked once for each.
class Aim {
 public:
  explicit Aim(int write) : write_(write) {}
  bool hits(const kube::HttpRequest& request) {
    if (!is_write(request)) {
      return false;
    }
    ++seen_;
    // Each odd attempt at an object fails, and the repetition succeeds.
    return write_ == kEveryWrite ? ++attempts_[request.method + request.target] % 2 == 1
                                 : seen_ == write_;
  }
  int seen() const { return seen_; }

 private:
  int write_;
  int seen_ = 0;
  std::map<std::string, int> attempts_;
};

// False: the scenario makes fewer writes than that.
bool meets(const Scenario& scenario, const WriteFault& fault, int write) {
  SCOPED_TRACE("SWO_FAULT=" + scenario.name + "/" + fault.name + "/" + std::to_string(write));
  undisturbed(scenario);  // first: the log is that of the newest simulation
  Simulation simulation;
  scenario.prepare(simulation);
  simulation.forget_writes();
  Aim aim(write);
  if (fault.status == 0) {
    simulation.fate = [&](const auto& request) {
      return aim.hits(request) ? fault.fate : Fate::kAnswer;
    };
  } else {
    simulation.instead = [&](const auto& request) -> std::optional<kube::HttpResponse> {
      if (aim.hits(request)) {
        return answer_of(fault);
      }
      return std::nullopt;
    };
  }
  scenario.change(simulation);
  expect_as_undisturbed(simulation, scenario);
  return aim.seen() >= write;
}

// SWO_FAULT, taken apart; empty: everything.
bool is_wanted(const std::string& scenario, const std::string& fault) {
  const char* given = std::getenv("SWO_FAULT");
  return given == nullptr || std::string(given).starts_with(scenario + "/" + fault + "/");
}

class WriteFaults : public testing::TestWithParam<WriteFault> {};

TEST_P(WriteFaults, AtTheFirstAttemptOfEveryWriteChangeNothingInTheEnd) {
  // By default half of the scenarios for each fault: which, SWO_SEED says.
  auto turn = place_of(write_faults, GetParam().name) + seed();
  const bool all = try_all() || std::getenv("SWO_FAULT") != nullptr;
  for (const Scenario& scenario : scenarios()) {
    if (is_wanted(scenario.name, GetParam().name) && (all || ++turn % 2 == 0)) {
      meets(scenario, GetParam(), kEveryWrite);
    }
  }
}

TEST_P(WriteFaults, AtOneWriteChangeNothingInTheEnd) {
  if (const char* given = std::getenv("SWO_FAULT")) {
    const std::string replay = given;
    for (const Scenario& scenario : scenarios()) {
      if (is_wanted(scenario.name, GetParam().name)) {
        meets(scenario, GetParam(), std::atoi(replay.substr(replay.rfind('/') + 1).c_str()));
      }
    }
    return;
  }
  if (try_all()) {
    for (const Scenario& scenario : scenarios()) {
      for (int write = 1; meets(scenario, GetParam(), write); ++write) {
      }
    }
    return;
  }
  SCOPED_TRACE("SWO_SEED=" + std::to_string(seed()));
  std::seed_seq mixed{seed(), static_cast<std::uint32_t>(place_of(write_faults, GetParam().name))};
  std::mt19937 random(mixed);
  constexpr int kWritesOfAll = 12;
  meets(scenarios()[random() % scenarios().size()], GetParam(),
        1 + static_cast<int>(random() % kWritesOfAll));
}

INSTANTIATE_TEST_SUITE_P(Each, WriteFaults, testing::ValuesIn(write_faults),
                         [](const auto& fault) { return fault.param.name; });

}  // namespace
}  // namespace swo::test
