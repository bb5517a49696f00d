#include "runtime/leader_election.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/log.hpp"

namespace swo::runtime {
namespace {

using std::chrono::seconds;

// One Lease, with optimistic concurrency and watches; can be away, lose answers, and be tampered
// with.
class LeaseApi {
 public:
  // Each replica has a connection of its own, which can be cut.
  class Connection : public kube::Transport {
   public:
    explicit Connection(LeaseApi& api) : api_(api) {}
    kube::Result<kube::HttpResponse> send(const kube::HttpRequest& request) override {
      if (down || api_.down)
        return kube::Error{kube::ErrorKind::kUnreachable, 0, "", "refused", {}, {}};
      auto answer = api_.handle(request);
      if (lose_answers) return kube::Error{kube::ErrorKind::kAmbiguous, 0, "", "timed out", {}, {}};
      return answer;
    }
    kube::Result<std::unique_ptr<kube::ByteStream>> open(const kube::HttpRequest&) override {
      if (down || api_.down || api_.no_watch) {
        return kube::Error{kube::ErrorKind::kUnreachable, 0, "", "refused", {}, {}};
      }
      return std::unique_ptr<kube::ByteStream>(std::make_unique<Stream>(*this));
    }
    void shutdown() override {}
    bool down = false;
    bool lose_answers = false;

   private:
    class Stream : public kube::ByteStream {
     public:
      explicit Stream(Connection& connection)
          : connection_(connection), at_(connection.api_.history.size()) {
        head_.status = 200;
      }
      const kube::HttpResponse& head() const override { return head_; }
      Read read(std::chrono::milliseconds) override {
        if (connection_.down || connection_.api_.down) return {Outcome::kEnd, "", {}};
        std::string data;
        while (at_ < connection_.api_.history.size())
          data += connection_.api_.history[at_++] + "\n";
        return {data.empty() ? Outcome::kTimeout : Outcome::kData, data, {}};
      }
      void close() override {}

     private:
      Connection& connection_;
      std::size_t at_;
      kube::HttpResponse head_;
    };
    LeaseApi& api_;
  };

  kube::HttpResponse handle(const kube::HttpRequest& request) {
    bool list = request.target.find("/leases/") == std::string::npos;
    if (request.method == "GET" && list) {
      return response(200, Json{{"metadata", {{"resourceVersion", std::to_string(version)}}},
                                {"items", lease.is_null() ? Json::array() : Json::array({lease})}});
    }
    if (request.method == "GET") return lease.is_null() ? status(404) : response(200, lease);
    Json body = Json::parse(request.body);
    if (request.method == "POST") {
      if (!lease.is_null()) return status(409, "AlreadyExists");
      return store("ADDED", body);
    }
    if (lease.is_null()) return status(404);
    if (body["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"]) {
      return status(409, "Conflict");
    }
    return store("MODIFIED", body);
  }
  kube::HttpResponse store(const std::string& type, Json body) {
    ++writes;
    body["metadata"]["resourceVersion"] = std::to_string(++version);
    lease = std::move(body);
    history.push_back(Json{{"type", type}, {"object", lease}}.dump());
    return response(200, lease);
  }
  void remove() {
    lease["metadata"]["resourceVersion"] = std::to_string(++version);
    history.push_back(Json{{"type", "DELETED"}, {"object", lease}}.dump());
    lease = nullptr;
  }
  static kube::HttpResponse response(int code, const Json& body) {
    kube::HttpResponse made;
    made.status = code;
    made.body = body.dump();
    return made;
  }
  static kube::HttpResponse status(int code, const std::string& reason = "") {
    return response(code, Json{{"kind", "Status"}, {"code", code}, {"reason", reason}});
  }
  std::string holder() const { return lease.is_null() ? "" : lease["spec"]["holderIdentity"]; }

  bool down = false;
  bool no_watch = false;
  Json lease;
  std::uint64_t version = 100;
  int writes = 0;
  std::vector<std::string> history;
};

class LeaderElectionTest : public ::testing::Test {
 protected:
  struct Replica {
    Replica(LeaderElectionTest& test, std::string name)
        : connection(test.api),
          client(connection),
          election(
              client,
              {.lease = {"operators", "operator"},
               .identity = name,
               .clock = &test.clock,
               .random = [] { return 0.5; },
               .on_started = [this] { told.push_back("started"); },
               .on_stopped = [this](const std::string& why) { told.push_back("stopped: " + why); },
               .on_new_leader =
                   [this](const std::string& holder) { told.push_back("sees " + holder); }}) {}
    LeaseApi::Connection connection;
    kube::Client client;
    std::vector<std::string> told;
    LeaderElection election;
  };
  LeaderElectionTest() {
    log::configure({.sink = [](std::string_view) {}});
  }
  ~LeaderElectionTest() override { log::configure({}); }

  // A second at a time, each replica in turn; never do two lead.
  void pass(seconds time) {
    for (seconds done{0}; done < time; done += seconds(1)) {
      clock.advance(seconds(1));
      step();
    }
  }
  void step() {
    for (Replica* replica : replicas) replica->election.step(clock.now());
    EXPECT_FALSE(leads(a) && leads(b)) << "two lead";
  }
  bool leads(const Replica& replica) const { return replica.election.is_leader(clock.now()); }
  // a leads, b stands by.
  void settle() {
    replicas = {&a, &b};
    step();
    pass(seconds(1));
    ASSERT_TRUE(leads(a));
    ASSERT_FALSE(leads(b));
  }

  ManualClock clock;
  LeaseApi api;
  Replica a{*this, "a"};
  Replica b{*this, "b"};
  std::vector<Replica*> replicas;
};

TEST_F(LeaderElectionTest, TheFirstMakesTheLeaseAndTheSecondStandsBy) {
  settle();
  EXPECT_EQ(api.holder(), "a");
  EXPECT_EQ(api.lease["spec"]["leaseDurationSeconds"], 137);
  EXPECT_EQ(a.told, (std::vector<std::string>{"sees a", "started"}));
  EXPECT_EQ(b.told, (std::vector<std::string>{"sees a"}));
  EXPECT_EQ(b.election.holder(), "a");
}

TEST_F(LeaderElectionTest, TheLeaderRenewsEveryRetryPeriodAndOnlyThen) {
  settle();
  int before = api.writes;
  pass(seconds(260));
  EXPECT_EQ(api.writes - before, 10);
  EXPECT_TRUE(leads(a));
  EXPECT_EQ(api.lease["spec"]["leaseTransitions"], 0);
}

TEST_F(LeaderElectionTest, ACleanStopHandsOverWithinASecond) {
  settle();
  a.election.release();
  EXPECT_FALSE(leads(a));
  EXPECT_EQ(api.holder(), "");
  pass(seconds(1));
  EXPECT_TRUE(leads(b));
  EXPECT_EQ(api.lease["spec"]["leaseTransitions"], 1);
  EXPECT_EQ(a.told.back(), "stopped: it was given back");
}

TEST_F(LeaderElectionTest, WithoutAWatchTheNextRetryTakesALeaseThatWasGivenBack) {
  api.no_watch = true;
  settle();
  a.election.release();
  replicas = {&b};
  pass(seconds(32));
  EXPECT_TRUE(leads(b));
}

TEST_F(LeaderElectionTest, ALeaderThatDiesIsReplacedAfterTheLeaseAndNotBefore) {
  settle();
  pass(seconds(26));
  replicas = {&b};
  pass(seconds(130));
  EXPECT_EQ(api.holder(), "a");
  pass(seconds(45));
  EXPECT_TRUE(leads(b));
}

TEST_F(LeaderElectionTest, AnApiServerAwayFor60Or78SecondsCostsNobodyTheLead) {
  for (int start = 0; start < 26; ++start) {
    for (int away : {60, 78}) {
      settle();
      pass(seconds(start));
      api.down = true;
      pass(seconds(away));
      EXPECT_TRUE(leads(a)) << start << " " << away;
      api.down = false;
      pass(seconds(30));
      EXPECT_TRUE(leads(a));
      EXPECT_EQ(api.holder(), "a");
    }
  }
}

TEST_F(LeaderElectionTest, AnApiServerAwayFor120SecondsEndsTheLeadBeforeTheLease) {
  settle();
  api.down = true;
  pass(seconds(120));
  EXPECT_FALSE(leads(a));
  EXPECT_EQ(a.told.back(), "stopped: it could not be renewed in time: refused");
  EXPECT_FALSE(leads(b));
  api.down = false;
  pass(seconds(60));
  EXPECT_TRUE(leads(a) || leads(b));
}

TEST_F(LeaderElectionTest, ALeaderThatIsCutOffStopsHalfAMinuteBeforeAnotherLeads) {
  settle();
  a.connection.down = true;
  Instant stopped{}, taken{};
  for (int second = 0; second < 200; ++second) {
    pass(seconds(1));
    if (stopped == Instant{} && !leads(a)) stopped = clock.now();
    if (taken == Instant{} && leads(b)) taken = clock.now();
  }
  ASSERT_NE(taken, Instant{});
  EXPECT_GE(taken - stopped, seconds(29));
}

TEST_F(LeaderElectionTest, TheFenceCountsFromBeforeTheRenewalWasSent) {
  settle();
  EXPECT_EQ(a.election.until(), clock.now() - seconds(1) + seconds(107));
  EXPECT_EQ(b.election.until(), Instant::min());
}

// However close the times are to each other: another counts from when it saw the renewal, which is
// not before it was sent.
TEST_F(LeaderElectionTest, AWriteMayTakeAsLongAsNobodyElseCanLead) {
  settle();
  const Instant renewed = a.election.until() - seconds(107);
  for (const auto after : {seconds(1), seconds(60), seconds(106)}) {
    EXPECT_EQ(renewed + after + a.election.may_write_for(renewed + after), renewed + seconds(137));
  }
  EXPECT_EQ(a.election.may_write_for(renewed + seconds(107)), seconds(0));
  EXPECT_EQ(b.election.may_write_for(clock.now()), seconds(0)) << "a standby";

  const LeaseTimes close{Milliseconds{15'900}, seconds(10), seconds(2)};
  const Instant until = renewed + seconds(10);
  EXPECT_EQ(close.write_limit(until - Milliseconds{1}, until), Milliseconds{5'001});
  EXPECT_EQ(close.write_limit(until, until), seconds(0));
  EXPECT_EQ(close.write_limit(renewed, Instant::min()), seconds(0));
}

TEST_F(LeaderElectionTest, AnAnswerThatIsLostIsNoLeadUntilItIsSeen) {
  replicas = {&a};
  a.connection.lose_answers = true;
  step();
  EXPECT_FALSE(leads(a));
  EXPECT_EQ(api.holder(), "") << "the read was lost already";
  a.connection.lose_answers = false;
  pass(seconds(32));
  EXPECT_TRUE(leads(a));
}

TEST_F(LeaderElectionTest, TheLeaseDeletedUnderItsHolderStaysWithIt) {
  settle();
  api.remove();
  pass(seconds(100));
  EXPECT_TRUE(leads(a));
  EXPECT_EQ(api.holder(), "a");
}

TEST_F(LeaderElectionTest, ALeaseThatAnotherHasTakenIsLostAtOnce) {
  settle();
  Json stolen = api.lease;
  stolen["spec"]["holderIdentity"] = "thief";
  stolen["spec"]["renewTime"] = "2026-01-01T00:00:09.000000Z";
  api.store("MODIFIED", stolen);
  pass(seconds(26));
  EXPECT_FALSE(leads(a));
  EXPECT_EQ(a.told.back(), "stopped: thief holds the lease");
}

TEST_F(LeaderElectionTest, AHolderWithAWrongClockIsJudgedByOurOwn) {
  api.store("ADDED", Json::parse(R"({"metadata":{"name":"operator","namespace":"operators"},
      "spec":{"holderIdentity":"old","leaseDurationSeconds":137,"renewTime":"1999-01-01T00:00:00.000000Z"}})"));
  replicas = {&a};
  step();
  pass(seconds(136));
  EXPECT_EQ(api.holder(), "old");
  pass(seconds(35));
  EXPECT_TRUE(leads(a));
}

TEST_F(LeaderElectionTest, WhatOthersKeepInTheLeaseStays) {
  api.store("ADDED", Json::parse(R"({"metadata":{"name":"operator","namespace":"operators",
      "labels":{"x":"y"}},"spec":{"holderIdentity":"","preferredHolder":"z"}})"));
  replicas = {&a};
  step();
  EXPECT_TRUE(leads(a));
  EXPECT_EQ(api.lease["metadata"]["labels"]["x"], "y");
  EXPECT_EQ(api.lease["spec"]["preferredHolder"], "z");
}

TEST(LeaseTimes, ContradictionsAreNamed) {
  EXPECT_EQ(LeaseTimes{}.fault(), "");
  EXPECT_EQ((LeaseTimes{seconds(15), seconds(10), seconds(2)}).fault(), "") << "client-go's own";
  EXPECT_NE((LeaseTimes{Milliseconds{10'900}, Milliseconds{10'500}, seconds(2)}).fault(), "")
      << "another replica waits for 10 s";
  LeaseTimes times;
  times.renew_deadline = seconds(200);
  EXPECT_NE(times.fault().find("--leader-elect-lease-duration"), std::string::npos);
  times = {};
  times.retry_period = seconds(100);
  EXPECT_NE(times.fault().find("--leader-elect-renew-deadline"), std::string::npos);
  times = {};
  times.retry_period = Milliseconds{0};
  EXPECT_NE(times.fault().find("--leader-elect-retry-period"), std::string::npos);
}

}  // namespace
}  // namespace swo::runtime
