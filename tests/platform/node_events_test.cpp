// What the kubelets' Events tell of cgroups, and how seldom they are asked for.
#include "platform/node_events.hpp"

#include <gmock/gmock.h>

#include "fake_server.hpp"

namespace swo::platform {
namespace {

using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const std::string events_path = "/api/v1/namespaces/default/events";

Json event(const std::string& node, const std::string& reason, const std::string& at) {
  return {{"involvedObject", {{"kind", "Node"}, {"name", node}}},
          {"reason", reason},
          {"lastTimestamp", at}};
}

TEST(CgroupWarning, CountsWhileTheNodeHasNotStartedSinceWithoutOne) {
  EXPECT_THAT(warned_at_last_start({{"n1", "Starting", "2026-01-01T10:00:00Z"},
                                    {"n1", "CgroupV1", "2026-01-01T10:00:00Z"},
                                    {"n2", "CgroupV1", "2026-01-01T10:00:01Z"},
                                    {"n2", "Starting", "2026-01-01T10:00:00Z"},
                                    {"n3", "CgroupV1", "2026-01-01T10:00:00Z"},
                                    {"n3", "Starting", "2026-01-01T10:20:00Z"},
                                    {"n4", "Starting", "2026-01-01T10:00:00Z"}}),
              ElementsAre(Pair("n1", true), Pair("n2", true), Pair("n3", false)));
}

TEST(CgroupWarning, IsReadFromEventsOfNodesAlone) {
  Json other = event("n2", "CgroupV1", "2026-01-01T10:00:00Z");
  other["involvedObject"]["kind"] = "Pod";
  Json by_event_time = event("n3", "CgroupV1", "");
  by_event_time["lastTimestamp"] = nullptr;
  by_event_time["eventTime"] = "2026-01-01T10:00:00.000000Z";
  const Json list = {{"kind", "EventList"},
                     {"metadata", {{"resourceVersion", "7"}}},
                     {"items",
                      {event("n1", "CgroupV1", "2026-01-01T10:00:00Z"), other, by_event_time,
                       event("n4", "NodeReady", "2026-01-01T10:00:00Z")}}};
  const auto found = node_events(list.dump());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].node, "n1");
  EXPECT_EQ(found[1].node, "n3");
  EXPECT_EQ(found[1].at, "2026-01-01T10:00:00.000000Z");
  EXPECT_THAT(node_events("no list"), IsEmpty());
}

class NodeEventsTest : public testing::Test {
 protected:
  void serve(const std::vector<Json>& items) {
    server.raw[events_path] =
        Json({{"kind", "EventList"}, {"metadata", {{"resourceVersion", "7"}}}, {"items", items}})
            .dump();
  }
  CgroupVersion told() {
    node.cgroups = CgroupVersion::kUnknown;
    next = events.tell({&node}, now);
    return node.cgroups;
  }
  int asked() { return std::exchange(server.asked[events_path], 0); }

  test::FakeServer server;
  kube::Client client{server};
  NodeEvents events{client};
  NodeFacts node{.name = "n1", .boot_id = "b1"};
  kube::Instant now{std::chrono::hours(1)};
  kube::Instant next{};
};

TEST_F(NodeEventsTest, AWarningIsKeptForItsBootThoughTheEventExpires) {
  serve({event("n1", "Starting", "2026-01-01T10:00:00Z"),
         event("n1", "CgroupV1", "2026-01-01T10:00:00Z")});
  EXPECT_EQ(told(), CgroupVersion::kV1);
  EXPECT_EQ(node.cgroups_source, "the kubelet's Event CgroupV1");
  serve({});
  now += minutes(90);
  EXPECT_EQ(told(), CgroupVersion::kV1);
  node.boot_id = "b2";
  EXPECT_EQ(told(), CgroupVersion::kUnknown) << "another boot, of which nothing is said";
}

TEST_F(NodeEventsTest, AWarningOfTheBootBeforeIsTakenBackOnceTheNewStartIsSeen) {
  serve({event("n1", "Starting", "2026-01-01T10:00:00Z"),
         event("n1", "CgroupV1", "2026-01-01T10:00:00Z")});
  node.boot_id = "b2";  // the boot id has come before the Event of the start
  EXPECT_EQ(told(), CgroupVersion::kV1);
  serve({event("n1", "Starting", "2026-01-01T10:30:00Z"),
         event("n1", "CgroupV1", "2026-01-01T10:00:00Z")});
  EXPECT_EQ(next, now + minutes(1));
  now = next;
  EXPECT_EQ(told(), CgroupVersion::kUnknown);
}

TEST_F(NodeEventsTest, AsksAtABootAMinuteLaterAndThenEveryTenMinutes) {
  serve({});
  told();
  EXPECT_EQ(asked(), 1) << "without a warning there is no second question";
  told();
  EXPECT_EQ(asked(), 0);
  for (int minute = 0; minute < 60; ++minute) {
    now += minutes(1);
    told();
  }
  EXPECT_EQ(asked(), 6);
  events.tell({}, now + minutes(60));
  EXPECT_EQ(asked(), 0) << "no node is in doubt";
}

TEST_F(NodeEventsTest, AsksOnceAnHourWhereItMayNot) {
  server.forbidden = {events_path};
  EXPECT_EQ(told(), CgroupVersion::kUnknown);
  now += minutes(1);
  told();
  asked();
  for (int minute = 0; minute < 59; ++minute) {
    now += minutes(1);
    told();
  }
  EXPECT_EQ(asked(), 0);
}

}  // namespace
}  // namespace swo::platform
