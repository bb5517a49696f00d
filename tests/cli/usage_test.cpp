// What a person is told who has mistyped, or asks how it goes.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/app.hpp"
#include "cli/connection.hpp"
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
    EXPECT_THAT(help.out, AllOf(HasSubstr("--machine-config TEXT:{Apply,Off,Preview}=Apply"),
                                Not(HasSubstr("->")), Not(HasSubstr("ENUM"))));
    const Said wrong = say({"systemd-workload-operator", command, "--machine-config=0"});
    EXPECT_EQ(wrong.code, 2);
    EXPECT_THAT(wrong.err, HasSubstr("0 not in {Apply,Off,Preview}"));
  }
}

TEST(Usage, AnOutputThatCannotBeWrittenIsAFailureAndTold) {
  std::ofstream full("/dev/full");
  full << "kind: Pod\n";
  std::ostringstream err;
  EXPECT_EQ(end_of_output(0, full, err), 1);
  EXPECT_THAT(err.str(), HasSubstr("could not be written"));
  std::ofstream again("/dev/full");
  again << "kind: Pod\n";
  EXPECT_EQ(end_of_output(2, again, err), 2);
  std::ostringstream fine;
  std::ostringstream nothing;
  EXPECT_EQ(end_of_output(0, fine, nothing), 0);
  EXPECT_EQ(nothing.str(), "");
}

TEST(Usage, TheAddressOfAServerIsShownWithoutCredentials) {
  EXPECT_EQ(without_credentials("https://user:p@ss@host:6443/x@y"), "https://host:6443/x@y");
  EXPECT_EQ(without_credentials("https://host:6443/a@b?c@d"), "https://host:6443/a@b?c@d");
  EXPECT_EQ(without_credentials("user:pw@host"), "host");
  EXPECT_EQ(without_credentials(""), "");
}

}  // namespace
}  // namespace swo::cli
