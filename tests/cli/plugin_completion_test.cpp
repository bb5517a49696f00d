#include "cli/plugin_completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swo::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class PluginCompletion : public ::testing::Test {
 protected:
  std::vector<std::string> after(const std::vector<std::string>& words) {
    return complete(words, [this](const NamesWanted& wanted) {
      asked = wanted;
      return std::vector<std::string>{"ipa", "nginx"};
    });
  }
  NamesWanted asked;
};

TEST_F(PluginCompletion, OffersCommandsThenNames) {
  EXPECT_THAT(after({"re"}), ElementsAre(StartsWith("restart\t"), StartsWith("resume\t")));
  EXPECT_THAT(after({"status", ""}), ElementsAre("ipa", "nginx"));
  EXPECT_THAT(after({"status", "n"}), ElementsAre("nginx"));
  EXPECT_THAT(after({"status", "nginx", ""}), IsEmpty()) << "one name is enough";
  EXPECT_THAT(after({"list", ""}), IsEmpty());
  EXPECT_THAT(after({"completion", ""}), ElementsAre("bash"));
}

TEST_F(PluginCompletion, AsksTheClusterAndNamespaceThatWereNamed) {
  EXPECT_THAT(after({"-n", "demo", "--context=prod", "wake", ""}), ElementsAre("ipa", "nginx"));
  EXPECT_EQ(asked.ns, "demo");
  EXPECT_EQ(asked.context, "prod");
  EXPECT_THAT(after({"wake", "-n", ""}), IsEmpty()) << "a namespace is not a workload";
}

TEST_F(PluginCompletion, OffersTheFlagsOfTheCommand) {
  EXPECT_THAT(after({"logs", "nginx", "--fo"}), ElementsAre(StartsWith("--follow\t")));
  EXPECT_THAT(after({"status", "nginx", "--fo"}), IsEmpty());
  EXPECT_THAT(after({"diagnose", "--mach"}), ElementsAre(StartsWith("--machine-config\t")));
  EXPECT_THAT(after({}), ::testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace swo::cli
