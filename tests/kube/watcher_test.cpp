#include "kube/watcher.hpp"

#include <string>

#include <gtest/gtest.h>

namespace swo::kube {
namespace {

using State = Watcher::State;
using Effect = Watcher::Effect;
using std::chrono::milliseconds;
using std::chrono::seconds;

Error error(ErrorKind kind, int status = 0) {
  return {kind, status, "", "fault", std::nullopt, {}};
}

WatchEvent event(EventType type, std::uint64_t version) {
  WatchEvent made;
  made.type = type;
  made.resource_version = version;
  return made;
}

WatchEvent error_event(ErrorKind kind) {
  WatchEvent made;
  made.type = EventType::kError;
  made.error = error(kind);
  return made;
}

// Virtual time, and no chance: a draw of 0 makes every delay its shortest.
class WatcherTest : public ::testing::Test {
 protected:
  template <class T>
  T command() {
    auto next = watcher.next(now);
    EXPECT_TRUE(std::holds_alternative<T>(next)) << "state " << to_string(watcher.state());
    return std::get<T>(next);
  }
  // Milliseconds until it goes on, 0 if it does at once.
  long delay() {
    auto next = watcher.next(now);
    auto* wait = std::get_if<Watcher::Wait>(&next);
    return wait == nullptr ? 0
                           : std::chrono::duration_cast<milliseconds>(wait->until - now).count();
  }
  void sit_out() { now += milliseconds(delay()); }
  void list_to(std::uint64_t version) {
    command<Watcher::List>();
    ASSERT_EQ(watcher.on_page({version, "", 0}, now), Effect::kCommit);
  }
  void open() {
    command<Watcher::Watch>();
    watcher.on_watch_opened(now);
  }

  double draw = 0;
  Instant now{std::chrono::hours(1)};
  Watcher watcher{WatcherOptions{}, [this] { return draw; }};
};

TEST_F(WatcherTest, ListsThenWatchesFromTheListsVersion) {
  EXPECT_EQ(command<Watcher::List>().limit, 500U);
  list_to(10);
  EXPECT_EQ(command<Watcher::Watch>().resource_version, 10U);
  open();
  EXPECT_EQ(command<Watcher::Read>().until, now + seconds(75));
}

TEST_F(WatcherTest, FetchesPagesUntilThereIsNoToken) {
  command<Watcher::List>();
  EXPECT_EQ(watcher.on_page({10, "p2", 9}, now), Effect::kStage);
  EXPECT_EQ(command<Watcher::List>().continue_token, "p2");
  EXPECT_EQ(watcher.on_page({10, "p3", 0}, now), Effect::kStage) << "an empty page is no end";
  EXPECT_EQ(command<Watcher::List>().continue_token, "p3");
  EXPECT_EQ(watcher.on_page({10, "", 0}, now), Effect::kCommit);
}

TEST_F(WatcherTest, AnExpiredTokenListsAnewInOnePiece) {
  command<Watcher::List>();
  watcher.on_page({10, "p2", 9}, now);
  EXPECT_EQ(watcher.on_list_failed(error(ErrorKind::kGone, 410), now), Effect::kDiscard);
  auto list = command<Watcher::List>();
  EXPECT_EQ(list.continue_token, "");
  EXPECT_EQ(list.limit, 0U);
  list_to(12);
  open();
  watcher.on_event(error_event(ErrorKind::kGone), now);
  sit_out();
  EXPECT_EQ(command<Watcher::List>().limit, 500U) << "the next list is paged again";
}

TEST_F(WatcherTest, AListThatIsTooMuchInOnePieceIsPagedAgain) {
  for (const auto kind : {ErrorKind::kBadResponse, ErrorKind::kUnreachable}) {
    command<Watcher::List>();
    watcher.on_page({12, "p2", 9}, now);
    watcher.on_list_failed(error(ErrorKind::kGone, 410), now);
    sit_out();
    EXPECT_EQ(command<Watcher::List>().limit, 0U);
    watcher.on_list_failed(error(kind), now);
    sit_out();
    EXPECT_EQ(command<Watcher::List>().limit, 500U);
    list_to(12);
    open();
    watcher.on_event(error_event(ErrorKind::kGone), now);
    sit_out();
  }
}

Error too_large() {
  Error made = error(ErrorKind::kBadResponse);
  made.too_large = true;
  return made;
}

TEST_F(WatcherTest, APageThatIsTooLargeIsAskedForInHalvesAtOnce) {
  command<Watcher::List>();
  watcher.on_page({10, "p2", 900}, now);
  for (const std::uint32_t limit : {500U, 250U, 125U, 62U, 31U, 15U, 7U, 3U}) {
    EXPECT_EQ(command<Watcher::List>().limit, limit);
    EXPECT_EQ(watcher.on_list_failed(too_large(), now), Effect::kNothing);
    EXPECT_EQ(delay(), 0);
  }
  EXPECT_EQ(command<Watcher::List>().limit, 1U);
  EXPECT_EQ(command<Watcher::List>().continue_token, "p2") << "what has been staged stays";
  EXPECT_EQ(watcher.on_list_failed(too_large(), now), Effect::kDiscard);
  EXPECT_GT(delay(), 0) << "one object alone is too large";
}

TEST_F(WatcherTest, PagesGrowAgainWithEachListThatIsWhole) {
  command<Watcher::List>();
  watcher.on_list_failed(too_large(), now);
  watcher.on_list_failed(too_large(), now);
  EXPECT_EQ(command<Watcher::List>().limit, 125U);
  watcher.on_page({10, "p2", 9}, now);
  EXPECT_EQ(command<Watcher::List>().limit, 125U);
  for (const std::uint32_t limit : {250U, 500U, 500U}) {
    list_to(10);
    open();
    watcher.on_event(error_event(ErrorKind::kGone), now);
    sit_out();
    EXPECT_EQ(command<Watcher::List>().limit, limit);
  }
}

TEST_F(WatcherTest, AListInOnePieceThatIsTooLargeIsPaged) {
  command<Watcher::List>();
  watcher.on_page({12, "p2", 9}, now);
  watcher.on_list_failed(error(ErrorKind::kGone, 410), now);
  EXPECT_EQ(command<Watcher::List>().limit, 0U);
  watcher.on_list_failed(too_large(), now);
  EXPECT_EQ(command<Watcher::List>().limit, 500U);

  WatcherOptions unpaged;
  unpaged.page_size = 0;
  watcher = Watcher(unpaged, [] { return 0.0; });
  EXPECT_EQ(command<Watcher::List>().limit, 0U);
  watcher.on_list_failed(too_large(), now);
  EXPECT_EQ(command<Watcher::List>().limit, 500U);
  list_to(10);
  open();
  watcher.on_event(error_event(ErrorKind::kGone), now);
  sit_out();
  EXPECT_EQ(command<Watcher::List>().limit, 0U);
}

TEST_F(WatcherTest, AFaultBetweenPagesGoesOnWithTheSamePage) {
  command<Watcher::List>();
  watcher.on_page({10, "p2", 9}, now);
  EXPECT_EQ(watcher.on_list_failed(error(ErrorKind::kServer, 503), now), Effect::kNothing);
  EXPECT_EQ(delay(), 800);
  sit_out();
  EXPECT_EQ(command<Watcher::List>().continue_token, "p2");
}

TEST_F(WatcherTest, AnUnreadablePageStartsTheListAgain) {
  command<Watcher::List>();
  watcher.on_page({10, "p2", 9}, now);
  EXPECT_EQ(watcher.on_list_failed(error(ErrorKind::kBadResponse), now), Effect::kDiscard);
  sit_out();
  EXPECT_EQ(command<Watcher::List>().continue_token, "");
}

TEST_F(WatcherTest, ATokenThatRepeatsIsNotFollowedForEver) {
  command<Watcher::List>();
  watcher.on_page({10, "p2", 9}, now);
  EXPECT_EQ(watcher.on_page({10, "p2", 9}, now), Effect::kDiscard);
  EXPECT_EQ(delay(), 800);
}

TEST_F(WatcherTest, RefusesAListThatWentBackInTime) {
  list_to(10);
  open();
  watcher.on_event(event(EventType::kModified, 20), now);
  watcher.on_event(error_event(ErrorKind::kGone), now);
  command<Watcher::List>();
  const auto heard = watcher.last_heard();
  now += seconds(1);
  EXPECT_EQ(watcher.on_page({19, "", 0}, now), Effect::kDiscard);
  EXPECT_EQ(watcher.last_heard(), heard) << "to be told such a thing for ever is not to be well";
  EXPECT_NE(watcher.last_error()->message.find("went back in time"), std::string::npos);
  EXPECT_EQ(watcher.resource_version(), 20U);
  EXPECT_GT(delay(), 0);
  sit_out();
  list_to(20);
  EXPECT_FALSE(watcher.last_error());
}

TEST_F(WatcherTest, EventsRaiseTheVersionThatAReconnectStartsFrom) {
  list_to(10);
  open();
  EXPECT_EQ(watcher.on_event(event(EventType::kAdded, 11), now), Effect::kUpsert);
  EXPECT_EQ(watcher.on_event(event(EventType::kDeleted, 12), now), Effect::kRemove);
  EXPECT_EQ(watcher.on_event(event(EventType::kBookmark, 30), now), Effect::kBookmark);
  now += seconds(10);
  watcher.on_stream_end(std::nullopt, now);
  EXPECT_EQ(command<Watcher::Watch>().resource_version, 30U);
  EXPECT_EQ(watcher.reconnects(), 0U);
  open();
  EXPECT_EQ(watcher.reconnects(), 1U);
}

TEST_F(WatcherTest, AReplayedEventChangesNothing) {
  list_to(10);
  open();
  watcher.on_event(event(EventType::kModified, 20), now);
  EXPECT_EQ(watcher.on_event(event(EventType::kAdded, 15), now), Effect::kNothing);
  EXPECT_EQ(watcher.resource_version(), 20U);
}

TEST_F(WatcherTest, AnUnknownEventIsPassedOver) {
  list_to(10);
  open();
  EXPECT_EQ(watcher.on_event(WatchEvent{}, now), Effect::kNothing);
  EXPECT_TRUE(watcher.stream_wanted());
}

TEST_F(WatcherTest, SilenceIsDeathAfter75Seconds) {
  list_to(10);
  open();
  now += seconds(74);
  command<Watcher::Read>();
  watcher.on_bytes(now);
  now += milliseconds(74'999);
  command<Watcher::Read>();
  now += milliseconds(1);
  EXPECT_EQ(command<Watcher::Watch>().resource_version, 10U) << "the first time at once";
  EXPECT_FALSE(watcher.stream_wanted());
  EXPECT_NE(watcher.last_error()->message.find("silent for 75 s"), std::string::npos);
  open();
  now += seconds(75);
  EXPECT_EQ(delay(), 1600) << "then with a delay: the server may be the one that is dead";
  sit_out();
  command<Watcher::List>();  // or it was restored from a backup, and waits for our version to come
}

TEST_F(WatcherTest, BookmarksAloneKeepItAliveForAnHour) {
  list_to(10);
  open();
  for (std::uint64_t minute = 1; minute <= 60; ++minute) {
    now += seconds(60);
    command<Watcher::Read>();
    watcher.on_bytes(now);
    ASSERT_EQ(watcher.on_event(event(EventType::kBookmark, 10 + minute), now), Effect::kBookmark);
  }
  EXPECT_EQ(watcher.reconnects() + watcher.relists(), 0U);
}

TEST_F(WatcherTest, GoneInTheStreamOrOnOpeningListsAgain) {
  list_to(10);
  open();
  watcher.on_event(error_event(ErrorKind::kGone), now);
  command<Watcher::List>();
  EXPECT_EQ(watcher.relists(), 1U);
  list_to(20);
  command<Watcher::Watch>();
  watcher.on_watch_failed(error(ErrorKind::kGone, 410), now);
  EXPECT_EQ(delay(), 1600) << "again and at once: not without a delay";
  sit_out();
  command<Watcher::List>();
}

TEST_F(WatcherTest, RefusedCredentialsAreRereadOnceAtOnce) {
  command<Watcher::List>();
  watcher.on_list_failed(error(ErrorKind::kUnauthorized, 401), now);
  EXPECT_EQ(delay(), 0);
  command<Watcher::List>();
  watcher.on_list_failed(error(ErrorKind::kUnauthorized, 401), now);
  EXPECT_EQ(delay(), 800);
  sit_out();
  list_to(10);
  open();
  watcher.on_event(error_event(ErrorKind::kUnauthorized), now);
  EXPECT_EQ(command<Watcher::Watch>().resource_version, 10U);
}

TEST_F(WatcherTest, WhatRbacForbidsIsSurfacedAndTriedAgain) {
  list_to(10);
  command<Watcher::Watch>();
  watcher.on_watch_failed(error(ErrorKind::kForbidden, 403), now);
  EXPECT_EQ(watcher.last_error()->kind, ErrorKind::kForbidden);
  EXPECT_EQ(delay(), 800);
  sit_out();
  EXPECT_EQ(command<Watcher::Watch>().resource_version, 10U);
  open();
  EXPECT_FALSE(watcher.last_error());
}

TEST_F(WatcherTest, IsRefusedFromTheFirst403OnUntilTheServerSaysSomethingElse) {
  list_to(10);
  command<Watcher::Watch>();
  const auto refuse = [this](ErrorKind kind, int code) {
    watcher.on_watch_failed(error(kind, code), now);
    sit_out();
    command<Watcher::Watch>();
  };
  const Instant first = now;
  refuse(ErrorKind::kForbidden, 403);
  refuse(ErrorKind::kForbidden, 403);
  ASSERT_TRUE(watcher.refusal());
  EXPECT_EQ(watcher.refusal()->since, first);
  EXPECT_EQ(watcher.refusal()->verb, "watch");
  refuse(ErrorKind::kServer, 500);
  EXPECT_FALSE(watcher.refusal());
  refuse(ErrorKind::kForbidden, 403);
  EXPECT_GT(watcher.refusal()->since, first);
  watcher.on_watch_opened(now);
  EXPECT_FALSE(watcher.refusal());
  watcher.on_event(error_event(ErrorKind::kGone), now);
  sit_out();
  command<Watcher::List>();
  watcher.on_list_failed(error(ErrorKind::kForbidden, 403), now);
  EXPECT_EQ(watcher.refusal()->verb, "list");
}

TEST_F(WatcherTest, ATypeThatIsGoneIsListedAgainOnceItIsBack) {
  list_to(10);
  command<Watcher::Watch>();
  watcher.on_watch_failed(error(ErrorKind::kNotFound, 404), now);
  sit_out();
  command<Watcher::List>();
  watcher.on_list_failed(error(ErrorKind::kNotFound, 404), now);
  EXPECT_EQ(watcher.last_error()->kind, ErrorKind::kNotFound);
  sit_out();
  list_to(30);
  EXPECT_EQ(command<Watcher::Watch>().resource_version, 30U);
}

TEST_F(WatcherTest, HonoursRetryAfterWithinReason) {
  command<Watcher::List>();
  auto busy = error(ErrorKind::kTooManyRequests, 429);
  busy.retry_after = seconds(17);
  watcher.on_list_failed(busy, now);
  EXPECT_EQ(delay(), 17'000);
  sit_out();
  busy.retry_after = milliseconds(1);
  watcher.on_list_failed(busy, now);
  EXPECT_EQ(delay(), 1600) << "never less than the backoff";
  sit_out();
  busy.retry_after = std::chrono::hours(24 * 365);
  watcher.on_list_failed(busy, now);
  EXPECT_EQ(delay(), 600'000);
}

TEST_F(WatcherTest, BacksOffFromEightTenthsToThirtySeconds) {
  for (long expected : {800, 1600, 3200, 6400, 12'800, 25'600, 30'000, 30'000}) {
    command<Watcher::List>();
    watcher.on_list_failed(error(ErrorKind::kUnreachable), now);
    EXPECT_EQ(delay(), expected);
    sit_out();
  }
  draw = 0.5;
  watcher.on_list_failed(error(ErrorKind::kUnreachable), now);
  EXPECT_EQ(delay(), 45'000) << "and up to as much again by chance";
}

TEST_F(WatcherTest, StartsTheBackoffAgainAfterTwoGoodMinutesOrAnEvent) {
  list_to(10);
  for (int i = 0; i < 4; ++i) {
    watcher.on_watch_failed(error(ErrorKind::kServer, 500), now);
    sit_out();
  }
  open();
  for (int i = 0; i < 3; ++i) {
    now += seconds(40);
    watcher.on_bytes(now);
  }
  watcher.on_event(error_event(ErrorKind::kServer), now);
  EXPECT_EQ(delay(), 800);
  sit_out();
  open();
  watcher.on_event(event(EventType::kModified, 11), now);
  watcher.on_event(error_event(ErrorKind::kServer), now);
  EXPECT_EQ(delay(), 800);
}

TEST_F(WatcherTest, AStreamThatIsResetAfterEachEventIsReopenedAtOnce) {
  list_to(10);
  for (std::uint64_t version = 11; version < 40; ++version) {
    open();
    watcher.on_event(event(EventType::kModified, version), now);
    watcher.on_stream_end(error(ErrorKind::kUnreachable), now);
    ASSERT_EQ(command<Watcher::Watch>().resource_version, version);
  }
}

TEST_F(WatcherTest, AStreamThatEndsAtOnceWithNothingIsAFault) {
  list_to(10);
  open();
  watcher.on_stream_end(std::nullopt, now);
  EXPECT_EQ(delay(), 800);
  sit_out();
  open();
  now += seconds(300);
  watcher.on_stream_end(std::nullopt, now);
  EXPECT_EQ(delay(), 0) << "but its timeout is none";
}

TEST_F(WatcherTest, AsksForWatchesOfFiveToTenMinutes) {
  list_to(10);
  EXPECT_EQ(command<Watcher::Watch>().timeout, seconds(300));
  draw = 0.999;
  EXPECT_EQ(command<Watcher::Watch>().timeout, seconds(300)) << "one draw for each watch";
  open();
  now += seconds(2);
  watcher.on_stream_end(std::nullopt, now);
  EXPECT_EQ(command<Watcher::Watch>().timeout, seconds(599));
}

}  // namespace
}  // namespace swo::kube
