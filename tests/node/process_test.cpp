// Child processes: what they inherit, their ends and their output. Needs /proc.
#include "node/process.hpp"

#include <array>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace node {
namespace {

std::string read_all(int fd) {
  std::string text;
  std::array<char, 256> part{};
  for (ssize_t n = 0; (n = read(fd, part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(n));
  return text;
}

TEST(Process, ItsOutputAndExitCodeComeBack) {
  const Finished done = run({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_EQ(done.output, "out\nerr\n");
  EXPECT_FALSE(done.timed_out);
}

TEST(Process, ABackgroundChildThatKeepsTheOutputIsNotWaitedFor) {
  const Finished done = run({"sh", "-c", "sleep 60 & echo $!"});
  EXPECT_EQ(done.exit_code, 0);
  run({"kill", done.output.substr(0, done.output.find('\n'))});
}

TEST(Process, WhatTakesTooLongIsKilledAsAGroup) {
  const Finished done =
      run({"sh", "-c", "sleep 60 & echo $!; wait"}, std::chrono::milliseconds(200));
  EXPECT_TRUE(done.timed_out);
  EXPECT_EQ(done.exit_code, 137);
}

TEST(Process, AProgramThatIsNotThereIsAnError) {
  EXPECT_THROW(run({"/no/such/program"}), std::system_error);
  EXPECT_THROW(run_or_throw({"false"}), std::runtime_error);
}

TEST(Process, AChildInheritsOnlyWhatIsNamed) {
  const auto [kept, unused] = make_pipe();
  const Fd inheritable(fcntl(kept.get(), F_DUPFD, 20));
  ASSERT_GE(inheritable.get(), 20);
  EXPECT_EQ(run({"sh", "-c",
                 "cd /proc/self/fd && test -e 1 && test ! -e " + std::to_string(inheritable.get()) +
                     " && echo closed"})
                .output,
            "closed\n");
}

TEST(Process, DescriptorsThatAreHighAmongOursReachTheChildAsNamed) {
  auto [first_read, first_write] = make_pipe();
  auto [second_read, second_write] = make_pipe();
  constexpr int kHigh = 100;
  Fd high_first(fcntl(first_write.get(), F_DUPFD_CLOEXEC, kHigh));
  Fd high_second(fcntl(second_write.get(), F_DUPFD_CLOEXEC, kHigh));
  first_write.reset();
  second_write.reset();
  const pid_t child = spawn({.argv = {"sh", "-c", "echo first; echo second >&2"},
                             .env = {},
                             .fds = {{1, high_first.get()}, {2, high_second.get()}}});
  const pid_t swapped = spawn({.argv = {"sh", "-c", "echo swapped; echo over >&2"},
                               .env = {},
                               .fds = {{1, high_second.get()}, {2, high_first.get()}}});
  EXPECT_EQ(wait_for(child), 0);
  EXPECT_EQ(wait_for(swapped), 0);
  high_first.reset();
  high_second.reset();
  EXPECT_THAT(read_all(first_read.get()),
              ::testing::AllOf(::testing::HasSubstr("first\n"), ::testing::HasSubstr("over\n")));
  EXPECT_THAT(read_all(second_read.get()), ::testing::AllOf(::testing::HasSubstr("second\n"),
                                                            ::testing::HasSubstr("swapped\n")));
}

}  // namespace
}  // namespace node
