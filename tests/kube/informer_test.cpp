#include "kube/informer.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "scripted_transport.hpp"

namespace swo::kube {
namespace {

struct PodFacts {
  ObjectKey key;
  std::string uid;
  std::uint64_t resource_version = 0;
  std::string node;
};

std::string pod(const std::string& name, int version, const std::string& node = "w1",
                const std::string& ns = "n") {
  return R"({"metadata":{"name":")" + name + R"(","namespace":")" + ns + R"(","uid":"u-)" + name +
         R"(","resourceVersion":")" + std::to_string(version) + R"("},"spec":{"nodeName":")" +
         node + R"("},"status":{"phase":"Running"}})";
}

std::string list(int version, const std::vector<std::string>& items, const std::string& more = "") {
  std::string text = R"({"metadata":{"resourceVersion":")" + std::to_string(version) +
                     R"(","continue":")" + more + R"("},"items":[)";
  for (std::size_t i = 0; i < items.size(); ++i) text += (i == 0 ? "" : ",") + items[i];
  return text + "]}";
}

std::string event(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

std::string bookmark(int version) {
  return event("BOOKMARK",
               R"({"metadata":{"resourceVersion":")" + std::to_string(version) + R"("}})");
}

std::string status(int code, const std::string& reason) {
  return R"({"kind":"Status","code":)" + std::to_string(code) + R"(,"reason":")" + reason +
         R"(","message":"because"})";
}

class InformerTest : public ::testing::Test {
 protected:
  InformerOptions<PodFacts> options() {
    return {.type = {"", "v1", "pods", "Pod"},
            .label_selector = "app=a b",
            .mask = {"spec.nodeName"},
            .from =
                [](const Json& object) {
                  PodFacts facts;
                  facts.node = object.at("spec").at("nodeName").get<std::string>();
                  return facts;
                },
            .random = [] { return 0.0; },
            .note = [this](const std::string& note) { notes.push_back(note); }};
  }
  void SetUp() override { make(options()); }
  void make(InformerOptions<PodFacts> wanted) {
    informer = std::make_unique<Informer<PodFacts>>(client, std::move(wanted));
    informer->on_change([this](const PodFacts* before, const PodFacts* after) {
      told.push_back((after == nullptr    ? "-"
                      : before == nullptr ? "+"
                                          : "~") +
                     (after != nullptr ? after : before)->key.name);
    });
  }
  // Steps until it would only wait for the network.
  void step() { next = informer->step(now); }
  void advance(std::chrono::milliseconds time) {
    now += time;
    step();
  }
  std::vector<std::string> take_told() {
    std::sort(told.begin(), told.end());
    return std::exchange(told, {});
  }
  using Told = std::vector<std::string>;

  test::ScriptedTransport transport;
  Client client{transport};
  std::unique_ptr<Informer<PodFacts>> informer;
  Instant now{std::chrono::hours(1)};
  Instant next{};
  Told told;
  std::vector<std::string> notes;
};

TEST_F(InformerTest, FillsTheStoreAndFollowsTheWatch) {
  transport.will_answer(200, list(10, {pod("a", 1), pod("b", 2)}));
  auto watch = transport.will_open();
  step();
  EXPECT_TRUE(informer->synced());
  EXPECT_TRUE(informer->store().synced());
  EXPECT_EQ(take_told(), (Told{"+a", "+b"}));
  EXPECT_EQ(informer->store().get({"n", "a"})->node, "w1");
  EXPECT_EQ(informer->store().get({"n", "a"})->uid, "u-a");

  watch->chunks.push_back(event("MODIFIED", pod("a", 11, "w2")) + event("DELETED", pod("b", 12)) +
                          event("ADDED", pod("c", 13)));
  step();
  EXPECT_EQ(take_told(), (Told{"+c", "-b", "~a"}));
  EXPECT_EQ(informer->store().get({"n", "a"})->node, "w2");
  EXPECT_EQ(informer->store().seen("n"), 13U);
  watch->chunks.push_back(bookmark(50));
  step();
  EXPECT_EQ(informer->store().seen("n"), 50U);
  EXPECT_TRUE(take_told().empty());
  EXPECT_TRUE(notes.empty());
}

TEST_F(InformerTest, AsksForWhatTheProtocolNeeds) {
  transport.will_answer(200, list(10, {}));
  transport.will_open();
  step();
  ASSERT_EQ(transport.requests.size(), 2U);
  const std::string& watch = transport.requests[1].target;
  EXPECT_EQ(watch.substr(0, watch.find('?')), "/api/v1/pods");
  for (const char* part : {"watch=true", "allowWatchBookmarks=true", "resourceVersion=10",
                           "timeoutSeconds=300", "labelSelector=app%3Da%20b"}) {
    EXPECT_NE(watch.find(part), std::string::npos) << part << " in " << watch;
  }
}

TEST_F(InformerTest, AnEventMayBeSplitAtEveryByte) {
  transport.will_answer(200, list(10, {}));
  auto watch = transport.will_open();
  step();
  int version = 11;
  const std::size_t length = event("ADDED", pod("a", version)).size();
  for (std::size_t cut = 0; cut < length; ++cut, ++version) {
    std::string bytes = event("ADDED", pod("a", version));
    watch->chunks.push_back(bytes.substr(0, cut));
    step();
    watch->chunks.push_back(bytes.substr(cut));
    step();
    ASSERT_EQ(informer->store().version({"n", "a"})->resource_version, version) << cut;
  }
}

TEST_F(InformerTest, AnObjectOfAMegabyteAndAHalfIsNoTrouble) {
  transport.will_answer(200, list(10, {}));
  auto watch = transport.will_open();
  step();
  std::string big = pod("big", 11);
  big.insert(1, R"("data":")" + std::string(1'500'000, 'x') + R"(",)");
  std::string bytes = event("ADDED", big);
  for (std::size_t at = 0; at < bytes.size(); at += 16'384) {
    watch->chunks.push_back(bytes.substr(at, 16'384));
  }
  step();
  EXPECT_EQ(take_told(), Told{"+big"});
}

TEST_F(InformerTest, WhatVanishedDuringADisconnectIsDeleted) {
  transport.will_answer(200, list(10, {pod("a", 1), pod("b", 2)}));
  auto watch = transport.will_open();
  step();
  take_told();
  watch->chunks.push_back(event("ERROR", status(410, "Expired")));
  transport.will_answer(200, list(30, {pod("b", 2), pod("c", 25)}));
  transport.will_open();
  step();
  EXPECT_EQ(take_told(), (Told{"+c", "-a"}));
  EXPECT_TRUE(watch->closed);
  EXPECT_EQ(informer->restarts(), 1U);
}

TEST_F(InformerTest, PagesAreOneList) {
  transport.will_answer(200, list(10, {pod("a", 1)}, "p2"));
  transport.will_answer(200, list(10, {pod("b", 2)}));
  transport.will_open();
  step();
  EXPECT_EQ(take_told(), (Told{"+a", "+b"}));
  EXPECT_NE(transport.requests[1].target.find("continue=p2"), std::string::npos);
}

TEST_F(InformerTest, AListThatFailsHalfWayShowsNothing) {
  transport.will_answer(200, list(10, {pod("a", 1)}, "p2"));
  transport.will_answer(410, status(410, "Expired"));
  transport.will_answer(200, list(12, {pod("b", 2)}));
  transport.will_open();
  step();
  EXPECT_EQ(take_told(), Told{"+b"});
}

TEST_F(InformerTest, AServerThatWentBackInTimeIsNotBelieved) {
  transport.will_answer(200, list(10, {pod("a", 9)}));
  auto watch = transport.will_open();
  step();
  take_told();
  watch->chunks.push_back(event("ERROR", status(410, "Expired")));
  transport.will_answer(200, list(5, {}));
  step();
  EXPECT_TRUE(take_told().empty());
  EXPECT_NE(informer->store().get({"n", "a"}), nullptr);
  ASSERT_TRUE(informer->last_error());
  EXPECT_NE(informer->last_error()->message.find("went back in time"), std::string::npos);
  transport.will_answer(200, list(11, {pod("a", 9)}));
  transport.will_open();
  now = next;
  step();
  EXPECT_FALSE(informer->last_error());
  EXPECT_TRUE(take_told().empty());
}

TEST_F(InformerTest, ATruncatedEventReconnectsFromTheLastVersion) {
  transport.will_answer(200, list(10, {}));
  auto watch = transport.will_open();
  step();
  watch->chunks.push_back(event("ADDED", pod("a", 11)) + R"({"type":"ADDED","obj)");
  watch->ended = true;
  auto again = transport.will_open();
  step();
  EXPECT_NE(transport.requests.back().target.find("resourceVersion=11"), std::string::npos);
  again->chunks.push_back("{\"type\":\"ADDED\",\"object\":{]}\n");
  step();
  EXPECT_EQ(informer->last_error()->kind, ErrorKind::kBadResponse);
  EXPECT_EQ(next - now, std::chrono::milliseconds(800));
}

TEST_F(InformerTest, LosingItsRightsIsToldOnceAndOvercome) {
  transport.will_answer(403, status(403, "Forbidden"));
  transport.will_answer(403, status(403, "Forbidden"));
  step();
  now = next;
  step();
  EXPECT_EQ(informer->last_error()->kind, ErrorKind::kForbidden);
  EXPECT_EQ(notes.size(), 1U) << "the same fault is one line";
  EXPECT_FALSE(informer->synced());
  transport.will_answer(200, list(10, {pod("a", 1)}));
  transport.will_open();
  now = next;
  step();
  EXPECT_EQ(take_told(), Told{"+a"});
  EXPECT_EQ(notes.size(), 2U);
  EXPECT_FALSE(informer->last_error());
}

TEST_F(InformerTest, AWatchThatIsRefusedForAMinuteIsToldOnceAndIsNotSilent) {
  using std::chrono::minutes;
  int changes = 0;
  informer->on_refused([&](const std::string& ns) {
    EXPECT_EQ(ns, "");
    ++changes;
  });
  transport.will_answer(200, list(10, {pod("a", 1)}));
  step();  // no stream is to be had
  const Instant since = now = next;
  while (now - since < minutes(20)) {
    transport.will_refuse_stream(403, status(403, "Forbidden"));
    step();
    EXPECT_EQ(informer->refused("n").has_value(), now - since >= std::chrono::minutes(1));
    now = next;
  }
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(informer->refused("n")->since, since);
  EXPECT_EQ(informer->refused("n")->verb, "watch");
  EXPECT_GT(informer->age(now), minutes(10));
  EXPECT_FALSE(informer->silent(now, minutes(10))) << "the server answers";
  transport.will_open();
  step();
  EXPECT_EQ(changes, 2);
  EXPECT_FALSE(informer->refused("n"));
}

TEST_F(InformerTest, AWatchThatFindsNoServerForLongIsSilent) {
  transport.will_answer(200, list(10, {}));
  transport.will_open()->ended = true;
  step();
  EXPECT_FALSE(informer->silent(now, std::chrono::minutes(10)));
  advance(std::chrono::minutes(11));
  EXPECT_TRUE(informer->silent(now, std::chrono::minutes(10)));
}

TEST_F(InformerTest, ARefusalConcernsTheNamespaceThatItIsOf) {
  auto wanted = options();
  wanted.namespaces = {"n", "m"};
  make(wanted);
  std::vector<std::string> changed;
  informer->on_refused([&](const std::string& ns) { changed.push_back(ns); });
  transport.will_answer(200, list(10, {}));
  transport.will_answer(200, list(20, {}));
  transport.will_open();
  for (int i = 0; i < 2; ++i) {
    transport.will_refuse_stream(403, status(403, "Forbidden"));
    advance(std::chrono::seconds(61));
  }
  EXPECT_EQ(changed, std::vector<std::string>{"m"});
  EXPECT_FALSE(informer->refused("n"));
  EXPECT_EQ(informer->refused("m")->ns, "m");
}

TEST_F(InformerTest, AnExpiredTokenIsRereadAndRetriedAtOnce) {
  transport.will_answer(200, list(10, {}));
  transport.will_refuse_stream(401, status(401, "Unauthorized"));
  transport.will_open();
  step();
  EXPECT_EQ(transport.requests.size(), 3U);
  EXPECT_FALSE(informer->last_error());
}

TEST_F(InformerTest, ASilentWatchIsGivenUp) {
  transport.will_answer(200, list(10, {}));
  auto watch = transport.will_open();
  step();
  EXPECT_EQ(next, now + std::chrono::seconds(75));
  auto again = transport.will_open();
  advance(std::chrono::seconds(75));
  EXPECT_TRUE(watch->closed);
  again->chunks.push_back(event("ADDED", pod("a", 11)));
  step();
  EXPECT_EQ(take_told(), Told{"+a"});
  EXPECT_EQ(informer->age(now), Instant::duration::zero());
  EXPECT_EQ(informer->age(now + std::chrono::seconds(9)), std::chrono::seconds(9));
}

TEST_F(InformerTest, AnUnknownEventIsNotedAndPassedOver) {
  transport.will_answer(200, list(10, {}));
  auto watch = transport.will_open();
  step();
  watch->chunks.push_back(event("RENAMED", pod("a", 11)) + event("ADDED", pod("b", 12)));
  step();
  EXPECT_EQ(take_told(), Told{"+b"});
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("RENAMED"), std::string::npos);
}

TEST_F(InformerTest, AnObjectThatCannotBeReadIsKeptAsItWas) {
  transport.will_answer(200, list(10, {pod("a", 1)}));
  auto watch = transport.will_open();
  step();
  take_told();
  watch->chunks.push_back(event(
      "MODIFIED", R"({"metadata":{"name":"a","namespace":"n","resourceVersion":"11"},"spec":7})"));
  step();
  EXPECT_TRUE(take_told().empty());
  EXPECT_EQ(informer->store().get({"n", "a"})->node, "w1");
  EXPECT_EQ(informer->store().seen(), 11U);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("Pod n/a"), std::string::npos);

  watch->chunks.push_back(event("ERROR", status(410, "Expired")));
  transport.will_answer(
      200, list(20, {R"({"metadata":{"name":"a","namespace":"n","resourceVersion":"11"}})"}));
  transport.will_open();
  step();
  EXPECT_TRUE(take_told().empty()) << "it is still there";
}

TEST_F(InformerTest, WatchesEachNamespaceByItself) {
  auto wanted = options();
  wanted.namespaces = {"n", "m"};
  make(wanted);
  transport.will_answer(200, list(10, {pod("a", 1)}));
  transport.will_answer(200, list(20, {pod("b", 1, "w1", "m")}));
  transport.will_open();
  auto watch = transport.will_open();
  step();  // the first takes the first answers
  EXPECT_EQ(take_told(), (Told{"+a", "+b"}));
  EXPECT_EQ(informer->store().seen("n"), 10U);
  EXPECT_EQ(informer->store().seen("m"), 20U);
  watch->chunks.push_back(event("ERROR", status(410, "Expired")));
  transport.will_answer(200, list(30, {}));
  transport.will_open();
  step();
  EXPECT_EQ(take_told(), Told{"-b"}) << "the other namespace's list says nothing of a";
}

TEST_F(InformerTest, StopsWhileItWaitsForTheServer) {
  std::jthread thread([&](const std::stop_token& stop) { informer->run(stop); });
  while (!informer->last_error()) std::this_thread::yield();
  // It is in a backoff of most of a second now; the destructor asks it to stop and joins.
}

// One list, then a stream that says nothing and blocks until it is closed.
class QuietTransport : public Transport {
 public:
  class Stream : public ByteStream {
   public:
    explicit Stream(std::atomic<bool>& reading) : reading_(reading) { head_.status = 200; }
    const HttpResponse& head() const override { return head_; }
    Read read(std::chrono::milliseconds limit) override {
      std::unique_lock lock(mutex_);
      reading_ = true;
      bool closed = wake_.wait_for(lock, limit, [this] { return closed_; });
      return {closed ? Outcome::kEnd : Outcome::kTimeout, "", {}};
    }
    void close() override {
      std::lock_guard lock(mutex_);
      closed_ = true;
      wake_.notify_all();
    }

   private:
    std::atomic<bool>& reading_;
    HttpResponse head_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool closed_ = false;
  };
  Result<HttpResponse> send(const HttpRequest&) override {
    HttpResponse response;
    response.status = 200;
    response.body = list(10, {});
    return response;
  }
  Result<std::unique_ptr<ByteStream>> open(const HttpRequest&) override {
    return std::unique_ptr<ByteStream>(std::make_unique<Stream>(reading));
  }
  void shutdown() override {}
  std::atomic<bool> reading{false};
};

TEST_F(InformerTest, StopsInTheMiddleOfAQuietWatch) {
  QuietTransport quiet;
  Client quiet_client(quiet);
  Informer<PodFacts> quiet_informer(quiet_client, options());
  std::jthread thread([&](const std::stop_token& stop) { quiet_informer.run(stop); });
  while (!quiet.reading) std::this_thread::yield();
  EXPECT_TRUE(quiet_informer.synced());
  auto before = std::chrono::steady_clock::now();
  thread.request_stop();
  thread.join();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(60))
      << "not by the idle limit";
}

}  // namespace
}  // namespace swo::kube
