#include "runtime/clock.hpp"

#include <gtest/gtest.h>

#include "runtime/backoff.hpp"

namespace swo::runtime {
namespace {

TEST(Clock, WritesTimesAsKubernetesDoes) {
  ManualClock clock;
  EXPECT_EQ(to_rfc3339(clock.wall()), "2026-01-01T00:00:00Z");
  clock.advance(std::chrono::microseconds(90'000'012));
  EXPECT_EQ(to_rfc3339(clock.wall()), "2026-01-01T00:01:30Z");
  EXPECT_EQ(to_rfc3339_micro(clock.wall()), "2026-01-01T00:01:30.000012Z");
  EXPECT_EQ(parse_rfc3339(to_rfc3339_micro(clock.wall())), clock.wall());
}

TEST(Clock, ReadsEveryFormOfRfc3339) {
  auto noon = parse_rfc3339("2024-02-29T12:00:00Z");
  ASSERT_TRUE(noon);
  EXPECT_EQ(parse_rfc3339("2024-02-29T14:30:00+02:30"), noon);
  EXPECT_EQ(parse_rfc3339("2024-02-29T07:00:00.000-05:00"), noon);
  EXPECT_EQ(*parse_rfc3339("2024-02-29T12:00:00.123456789Z") - *noon,
            std::chrono::nanoseconds(123'456'789));
  for (const char* text : {"", "2024", "2024-02-30T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01",
                           "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:00",
                           "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00Zz", "2024-01-01 00:00:00Z",
                           "-024-01-01T00:00:00Z", "2024-01-01T00:00:00+1"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Backoff, DoublesFromFiveMillisecondsToAThousandSeconds) {
  Backoff backoff;
  EXPECT_EQ(backoff.delay(0).count(), 0);
  EXPECT_EQ(backoff.delay(1).count(), 5);
  EXPECT_EQ(backoff.delay(2).count(), 10);
  EXPECT_EQ(backoff.delay(10).count(), 2560);
  EXPECT_EQ(backoff.delay(18).count(), 655'360);
  EXPECT_EQ(backoff.delay(19).count(), 1'000'000);
  EXPECT_EQ(backoff.delay(2'000'000'000).count(), 1'000'000);
}

}  // namespace
}  // namespace swo::runtime
