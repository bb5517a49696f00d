// The program as a person starts it: kubeconfigs, signals, bad flags. Needs the devcluster program
// beside this one's build, and skips where it was not built.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "files/shell.hpp"
#include "files/temporary_folder.hpp"
#include "program.hpp"

namespace {

using ::devcluster::Program;
using ::testing::HasSubstr;

class DevclusterProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(Program::path()))
      GTEST_SKIP() << Program::path() << " is not built";
  }
  swo::test::TemporaryFolder folder_;
};

TEST_F(DevclusterProgram, WritesPrivateKubeconfigsSaysWhatItIsAndStopsOnSigterm) {
  const auto admin = folder_.path() + "/admin";
  const auto account = folder_.path() + "/account";
  Program program({"--profile", "openshift-4.8", "--kubeconfig", admin, "--service-account",
                   "op/operator", "--service-account-kubeconfig", account});
  const auto output = program.read_until("controllers of");
  EXPECT_THAT(output, HasSubstr("a stand-in, not Kubernetes"));
  EXPECT_THAT(output, HasSubstr("openshift-4.8 (Kubernetes v1.21"));
  EXPECT_THAT(output, HasSubstr("https://127.0.0.1:"));
  namespace fs = std::filesystem;
  EXPECT_EQ(fs::status(admin).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_TRUE(fs::exists(account));
  EXPECT_EQ(program.stop(SIGTERM), 0);
}

TEST_F(DevclusterProgram, ServesPlainHttpWhereItIsAskedTo) {
  const auto admin = folder_.path() + "/admin";
  Program program({"--no-tls", "--kubeconfig", admin});
  EXPECT_THAT(program.read_until("server "), HasSubstr("http://127.0.0.1:"));
  program.read_until("controllers of");
  const auto config = nlohmann::json::parse(folder_.read("admin"));
  const std::string server = config["clusters"][0]["cluster"]["server"];
  const std::string token = config["users"][0]["user"]["token"];
  const auto namespaces = swo::test::sh("curl -sSf -H 'Authorization: Bearer " + token + "' " +
                                        server + "/api/v1/namespaces");
  EXPECT_EQ(namespaces.exit, 0) << namespaces.text;
  EXPECT_THAT(namespaces.text, HasSubstr("NamespaceList"));
}

TEST_F(DevclusterProgram, RefusesBadFlagsInWords) {
  Program profile({"--profile", "openshift-9"});
  EXPECT_THAT(profile.read_until(""), HasSubstr("openshift-4.20"));
  EXPECT_NE(profile.wait(), 0);
  Program fault({"--fault", "nonsense"});
  EXPECT_THAT(fault.read_until(""), HasSubstr("nonsense"));
  EXPECT_EQ(fault.wait(), 1);
  Program file({"--kubeconfig", "/no/such/directory/file"});
  EXPECT_THAT(file.read_until(""),
              HasSubstr("cannot write the kubeconfig /no/such/directory/file"));
  EXPECT_EQ(file.wait(), 1);
}

}  // namespace
