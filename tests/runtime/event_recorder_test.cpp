#include "runtime/event_recorder.hpp"

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace swo::runtime {
namespace {

// Keeps Events as an API server would, and counts what reaches it.
class EventApi : public kube::Transport {
 public:
  kube::Result<kube::HttpResponse> send(const kube::HttpRequest& request) override {
    std::lock_guard lock(mutex);
    ++requests;
    if (!faults.empty()) {
      int fault = faults.front();
      faults.erase(faults.begin());
      if (fault == 0) return kube::Error{kube::ErrorKind::kUnreachable, 0, "", "refused", {}, {}};
      return response(fault, R"({"kind":"Status","code":)" + std::to_string(fault) + "}");
    }
    Json body = Json::parse(request.body);
    std::string path = request.target.substr(0, request.target.find('?'));
    if (request.method == "POST") {
      body["metadata"]["resourceVersion"] = "1";
      paths.push_back(path);
      events[body["metadata"]["name"]] = body;
      order.push_back(body["metadata"]["name"]);
      return response(201, body.dump());
    }
    auto known = events.find(path.substr(path.rfind('/') + 1));
    if (known == events.end()) return response(404, R"({"kind":"Status","code":404})");
    known->second.merge_patch(body);
    return response(200, known->second.dump());
  }
  kube::Result<std::unique_ptr<kube::ByteStream>> open(const kube::HttpRequest&) override {
    return kube::Error{};
  }
  void shutdown() override {}
  static kube::HttpResponse response(int status, std::string body) {
    kube::HttpResponse made;
    made.status = status;
    made.body = std::move(body);
    return made;
  }

  const Json& event(std::size_t at) { return events.at(order.at(at)); }

  std::mutex mutex;
  std::vector<int> faults;  // statuses of the next answers; 0 = no connection
  int requests = 0;
  std::map<std::string, Json> events;
  std::vector<std::string> order, paths;
};

class EventRecorderTest : public ::testing::Test {
 protected:
  using Type = EventRecorder::Type;
  void tell(const std::string& message, const std::string& reason = "Created",
            const std::string& name = "nginx") {
    recorder.event({"v1", "Pod", {"demo", name}, "uid-" + name}, Type::kNormal, reason, message);
    recorder.flush();
  }
  ManualClock clock;
  EventApi api;
  kube::Client client{api};
  EventRecorder recorder{client, {.component = "operator", .instance = "pod-1", .clock = &clock}};
};

TEST_F(EventRecorderTest, AnEventSaysWhatHappenedToWhat) {
  recorder.event({"example.dev/v1", "Workload", {"demo", "nginx"}, "u1"}, Type::kWarning, "Foreign",
                 "Service nginx is not ours");
  recorder.flush();
  ASSERT_EQ(api.order.size(), 1U);
  const Json& event = api.event(0);
  EXPECT_EQ(api.paths[0], "/api/v1/namespaces/demo/events");
  EXPECT_EQ(
      event["involvedObject"].dump(),
      R"({"apiVersion":"example.dev/v1","kind":"Workload","name":"nginx","namespace":"demo","uid":"u1"})");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "Foreign");
  EXPECT_EQ(event["message"], "Service nginx is not ours");
  EXPECT_EQ(event["count"], 1);
  EXPECT_EQ(event["firstTimestamp"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(event["source"]["component"], "operator");
  EXPECT_EQ(event["reportingInstance"], "pod-1");
}

TEST_F(EventRecorderTest, EventsOfClusterScopedObjectsLiveInTheDefaultNamespace) {
  recorder.event({"v1", "Node", {"", "w1"}, "u"}, Type::kNormal, "Seen", "m");
  recorder.flush();
  EXPECT_EQ(api.paths.at(0), "/api/v1/namespaces/default/events");
  EXPECT_FALSE(api.event(0)["involvedObject"].contains("namespace"));
}

TEST_F(EventRecorderTest, ARepetitionRaisesTheCount) {
  tell("made nginx-0");
  clock.advance(std::chrono::minutes(5));
  tell("made nginx-0");
  tell("made nginx-1");
  ASSERT_EQ(api.order.size(), 2U);
  EXPECT_EQ(api.event(0)["count"], 2);
  EXPECT_EQ(api.event(0)["firstTimestamp"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(api.event(0)["lastTimestamp"], "2026-01-01T00:05:00Z");
  EXPECT_EQ(recorder.counts().sent, 3U);
}

TEST_F(EventRecorderTest, ARepetitionAfterTenMinutesIsANewEvent) {
  tell("made nginx-0");
  clock.advance(std::chrono::minutes(11));
  tell("made nginx-0");
  EXPECT_EQ(api.order.size(), 2U);
}

TEST_F(EventRecorderTest, ARepetitionOfAnEventThatHasExpiredIsMadeAnew) {
  tell("made nginx-0");
  api.events.clear();
  tell("made nginx-0");
  EXPECT_EQ(api.order.size(), 2U);
  EXPECT_EQ(api.event(1)["count"], 2);
  tell("made nginx-0");
  EXPECT_EQ(api.event(1)["count"], 3);
}

TEST_F(EventRecorderTest, SimilarEventsAreCombinedAfterTen) {
  for (int i = 0; i < 15; ++i) tell("made nginx-" + std::to_string(i));
  ASSERT_EQ(api.order.size(), 11U);
  EXPECT_EQ(api.event(10)["message"], "(combined from similar events): made nginx-14");
  EXPECT_EQ(api.event(10)["count"], 5);
}

TEST_F(EventRecorderTest, AnObjectThatFloodsIsHeldBackAndOthersAreNot) {
  for (int i = 0; i < 40; ++i) tell("same");
  EXPECT_EQ(api.requests, 25);
  EXPECT_EQ(recorder.counts().held_back, 15U);
  tell("same", "Created", "other");
  EXPECT_EQ(api.requests, 26);
  clock.advance(std::chrono::minutes(5));
  tell("same");
  tell("same");
  EXPECT_EQ(api.requests, 27) << "one more every five minutes";
}

TEST_F(EventRecorderTest, TheQueueIsBoundedAndNeverBlocks) {
  EventRecorder small(client, {.component = "operator", .queue_limit = 3, .clock = &clock});
  for (int i = 0; i < 10; ++i) {
    small.event({"v1", "Pod", {"demo", "p" + std::to_string(i)}, ""}, Type::kNormal, "R", "m");
  }
  EXPECT_EQ(small.counts().dropped, 7U);
  small.flush();
  EXPECT_EQ(api.order.size(), 3U);
}

TEST_F(EventRecorderTest, ARefusedEventIsDroppedAndCounted) {
  api.faults = {403, 0};
  tell("one");
  tell("two");
  tell("three");
  EXPECT_EQ(recorder.counts().dropped, 2U);
  EXPECT_EQ(recorder.counts().sent, 1U);
}

TEST_F(EventRecorderTest, LongAndBrokenTextIsMadeToFit) {
  std::string long_name(253, 'n');
  recorder.event({"v1", "Pod", {"demo", long_name}, "u"}, Type::kNormal, std::string(200, 'R'),
                 std::string(1000, 'x') + std::string(100, '\xff'));
  recorder.flush();
  const Json& event = api.event(0);
  const std::string message = event["message"];
  EXPECT_LE(message.size(), 1024U) << "what replaces a byte is longer";
  EXPECT_TRUE(message.ends_with("\xef\xbf\xbd\xe2\x80\xa6")) << message;
  EXPECT_EQ(event["reason"].get<std::string>().size(), 128U);
  EXPECT_EQ(event["metadata"]["name"].get<std::string>().size(), 253U);
}

TEST_F(EventRecorderTest, AMessageIsCutBetweenCharactersAndSoIsWhatCombinesIt) {
  std::string text;
  while (text.size() < 2000) text += "\xf0\x9f\x90\xa7\xe2\x82\xac";  // of four bytes, of three
  for (int i = 0; i < 14; ++i) {
    tell(std::string(static_cast<std::size_t>(i), 'x') + text);
    recorder.flush();
  }
  EXPECT_GT(api.order.size(), 0U);
  for (std::size_t i = 0; i < api.order.size(); ++i) {
    const std::string message = api.event(i)["message"];
    EXPECT_LE(message.size(), 1024U);
    EXPECT_GT(message.size(), 1024U - 7U);
    EXPECT_EQ(message.find("\xef\xbf\xbd"), std::string::npos) << "cut within a character";
    EXPECT_TRUE(message.ends_with("\xe2\x80\xa6"));
  }
}

TEST(TruncateUtf8, EndsAtACharacter) {
  EXPECT_EQ(truncate_utf8("abc", 3), "abc");
  EXPECT_EQ(truncate_utf8("abcdef", 5), "ab\xe2\x80\xa6");
  EXPECT_EQ(truncate_utf8("a\xc3\xa9\xc3\xa9\xc3\xa9", 5), "a\xe2\x80\xa6");
  EXPECT_EQ(truncate_utf8("abcdef", 2), "");
}

TEST(EventRecorder, SendsWhatIsQueuedBeforeItStops) {
  EventApi api;
  kube::Client client(api);
  EventRecorder recorder(client, {.component = "operator"});
  recorder.start();
  for (int i = 0; i < 20; ++i) {
    recorder.event({"v1", "Pod", {"demo", "p" + std::to_string(i)}, ""},
                   EventRecorder::Type::kNormal, "R", "m");
  }
  recorder.stop(Milliseconds{10'000});
  EXPECT_EQ(recorder.counts().sent, 20U);
  recorder.event({"v1", "Pod", {"demo", "late"}, ""}, EventRecorder::Type::kNormal, "R", "m");
  EXPECT_EQ(recorder.counts().dropped, 1U);
}

}  // namespace
}  // namespace swo::runtime
