// What a person is told who has mistyped, or asks how it goes.
#include <algorithm>
#include <cstdlib>
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

// Set for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST(Usage, WhatAVariableSaysOfRunIsJudgedAsTheFlagIs) {
  const struct {
    const char* name;
    const char* value;
    const char* said;
  } cases[] = {
      {"MACHINE_CONFIG", "Never", "--machine-config: Never not in {Apply,Off,Preview}"},
      {"MACHINE_CONFIG_CLEANUP", "maybe", "--machine-config-cleanup: maybe not in {true,false}"},
      {"LOG_FORMAT", "xml", "--log-format: xml not in {logfmt,json}"},
      {"LOG_LEVEL", "loud", "--log-level: loud not in {debug,info,warning,error}"},
      {"WORKERS", "0", "--workers: Value 0 not in range 1 to 64"},
      {"TLS_MIN_VERSION", "1.2", "--tls-min-version: 1.2 not in {VersionTLS12,VersionTLS13}"},
  };
  const std::string help = say({"systemd-workload-operator", "run", "--help"}).out;
  for (const auto& c : cases) {
    EXPECT_THAT(help, HasSubstr("(Env:" + std::string(c.name) + ")"));
    const Variable variable(c.name, c.value);
    const Said wrong = say({"systemd-workload-operator", "run"});
    EXPECT_EQ(wrong.code, 2);
    EXPECT_THAT(wrong.err, HasSubstr(c.said));
    EXPECT_EQ(say({"systemd-workload-operator", "version"}).code, 0) << "not a matter of run";
  }
}

TEST(Usage, AnArgumentOfRunOutweighsTheVariable) {
  const Variable level("LOG_LEVEL", "loud");
  const Variable cleanup("MACHINE_CONFIG_CLEANUP", "true");
  const Variable mode("MACHINE_CONFIG", "preview");
  // All is well with these, so that the next thing is missed: a kubeconfig.
  const Said said = say({"systemd-workload-operator", "run", "--log-level=error",
                         "--kubeconfig=/nonexistent/kubeconfig"});
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.err, HasSubstr("/nonexistent/kubeconfig"));
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
