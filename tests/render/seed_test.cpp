// The script that fills a claim from the image, run for real by every shell of this machine.
#include <filesystem>

#include <gtest/gtest.h>

#include "files/shell.hpp"
#include "files/temporary_folder.hpp"
#include "support.hpp"

namespace swo::render::test {
namespace {

namespace fs = std::filesystem;

using swo::test::Output;
using swo::test::sh;

class Seed : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!fs::exists(GetParam())) GTEST_SKIP() << "no " << GetParam();
    const Json pod =
        pod_on("openshift-4.20",
               "storage: {claims: [{name: var, mountPath: /var, size: 1Gi, seedFromImage: true}]}");
    folder_.write("script", pod["spec"]["initContainers"][0]["command"][2]);
    folder_.write("image/lib/app/.hidden", "kept with the others");
    fs::create_symlink("../run", folder_.path() + "/image/run");
    fs::permissions(folder_.path() + "/image/lib", fs::perms::owner_all);
    fs::create_directory(folder_.path() + "/claim");
  }
  Output seed(const std::string& from = "image") {
    const std::string& at = folder_.path();
    return sh(std::string(GetParam()) + " " + at + "/script " + at + "/claim:" + at + "/" + from);
  }
  bool in_claim(const std::string& name) {
    return fs::exists(fs::symlink_status(folder_.path() + "/claim/" + name));
  }
  const swo::test::TemporaryFolder folder_;
};

TEST_P(Seed, GivesAnEmptyClaimAllThatTheImageHas) {
  fs::create_directory(folder_.path() + "/claim/lost+found");
  EXPECT_EQ(seed().exit, 0);
  EXPECT_EQ(folder_.read("claim/lib/app/.hidden"), "kept with the others");
  EXPECT_EQ(fs::read_symlink(folder_.path() + "/claim/run"), "../run");
  EXPECT_EQ(fs::status(folder_.path() + "/claim/lib").permissions(), fs::perms::owner_all);
  EXPECT_FALSE(in_claim(".systemd-workload-seeding"));
}

TEST_P(Seed, LeavesAClaimAloneThatHoldsAnything) {
  for (const char* there : {"file", ".hidden", "..odd"}) {
    SCOPED_TRACE(there);
    folder_.write(std::string("claim/") + there, "");
    EXPECT_EQ(seed().exit, 0);
    EXPECT_FALSE(in_claim("lib"));
    fs::remove(folder_.path() + "/claim/" + there);
  }
  fs::create_symlink("nowhere", folder_.path() + "/claim/dangling");
  EXPECT_EQ(seed().exit, 0);
  EXPECT_FALSE(in_claim("lib"));
}

TEST_P(Seed, MakesACopyAgainThatWasCutShort) {
  folder_.write("claim/.systemd-workload-seeding", "");
  folder_.write("claim/lib/app/.hidden", "kept wi");
  EXPECT_EQ(seed().exit, 0);
  EXPECT_EQ(folder_.read("claim/lib/app/.hidden"), "kept with the others");
  EXPECT_FALSE(in_claim(".systemd-workload-seeding"));
}

TEST_P(Seed, LeavesTheMarkAndSaysWhyWhenTheCopyFails) {
  folder_.write("claim/.systemd-workload-seeding", "");
  folder_.write("claim/lib", "a file where the image has a directory");
  const Output failed = seed();
  EXPECT_NE(failed.exit, 0);
  EXPECT_NE(failed.text.find("cp: "), std::string::npos) << failed.text;
  EXPECT_TRUE(in_claim(".systemd-workload-seeding"));
}

TEST_P(Seed, HasNothingToDoWhereTheImageHasNothing) {
  EXPECT_EQ(seed("absent").exit, 0);
  EXPECT_EQ(fs::is_empty(folder_.path() + "/claim"), true);
}

INSTANTIATE_TEST_SUITE_P(By, Seed, testing::Values("/bin/dash", "/bin/bash"),
                         [](const auto& shell) {
                           return fs::path(shell.param).filename().string();
                         });

}  // namespace
}  // namespace swo::render::test
