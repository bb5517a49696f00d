// What a person is told who has mistyped, or asks how it goes.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/app.hpp"
#include "cli/plugin.hpp"

namespace swo::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Said {
  int code = -1;
  std::string out;
  std::string err;
};

Said say(std::vector<std::string> words) {
  std::vector<char*> argv;
  argv.reserve(words.size());
  std::transform(words.begin(), words.end(), std::back_inserter(argv),
                 [](std::string& word) { return word.data(); });
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = main(static_cast<int>(argv.size()), argv.data());
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(Usage, AWordThatIsNoCommandIsNamedBesideThoseThatAre) {
  const Said program = say({"systemd-workload-operator", "frob", "-n", "demo"});
  EXPECT_EQ(program.code, 2);
  EXPECT_EQ(program.err,
            "\"frob\" is none of the commands: run render diagnose version\n"
            "Run with --help for more information.\n");
  const Said plugin = say({std::string(kPluginName), "frob", "nginx"});
  EXPECT_EQ(plugin.code, 2);
  EXPECT_THAT(plugin.err, AllOf(HasSubstr("\"frob\" is none of the commands: status list"),
                                Not(HasSubstr("is required"))));
  EXPECT_THAT(say({"systemd-workload-operator"}).err, HasSubstr("A subcommand is required"));
}

TEST(Usage, TheHelpNamesTheChoicesOfAFlagAndNothingOfTheProgramsInside) {
  for (const char* command : {"run", "render", "diagnose"}) {
    SCOPED_TRACE(command);
    const Said help = say({"systemd-workload-operator", command, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, AllOf(HasSubstr("--machine-config TEXT:{Apply,Preview,Off}=Apply"),
                                Not(HasSubstr("->")), Not(HasSubstr("ENUM"))));
    const Said wrong = say({"systemd-workload-operator", command, "--machine-config=0"});
    EXPECT_EQ(wrong.code, 2);
    EXPECT_THAT(wrong.err, HasSubstr("0 not in {Apply,Preview,Off}"));
  }
}

}  // namespace
}  // namespace swo::cli
