// What configures systemd from outside its image, seen from inside: arguments, environment,
// volumes.
#include <fstream>

#include <gmock/gmock.h>

#include "support.hpp"

namespace node::testing {
namespace {

using ::testing::HasSubstr;

class Inside : public RealBoot {};

TEST_F(Inside, ItsArgumentsAreItsKernelCommandLine) {
  node();
  const std::string uid =
      start(right_pod({{"args",
                        {"systemd.unit=multi-user.target", "systemd.mask=nginx.service",
                         "systemd.journald.forward_to_console=1", "systemd.log_level=info"}}}));
  ASSERT_EQ(boot(uid), "running");
  EXPECT_EQ(sh(uid, "systemctl is-enabled nginx.service"), "masked-runtime");
  EXPECT_EQ(sh(uid, "systemctl is-active nginx.service"), "inactive");
  sh(uid, "logger -t demo from-the-journal; journalctl --sync");
  EXPECT_THAT(log(uid), HasSubstr("from-the-journal"));
}

TEST_F(Inside, TheJournalStaysOffTheConsoleUnlessAsked) {
  node();
  const std::string uid = start(right_pod());
  ASSERT_EQ(boot(uid), "running");
  sh(uid, "logger -t demo from-the-journal; journalctl --sync");
  EXPECT_EQ(log(uid).find("from-the-journal"), std::string::npos);
}

TEST_F(Inside, ContainerUuidBecomesTheMachineId) {
  node();
  const std::string uid = start(right_pod(
      {{"env",
        {{{"name", "container_uuid"}, {"value", "0d1e2f30-4152-6374-8596-a7b8c9daebfc"}}}}}));
  ASSERT_EQ(boot(uid), "running");
  EXPECT_EQ(sh(uid, "cat /etc/machine-id"), "0d1e2f30415263748596a7b8c9daebfc");
}

}  // namespace
}  // namespace node::testing
