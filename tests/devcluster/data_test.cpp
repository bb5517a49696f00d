// The tables that are built in: a fault in one is told with its place.
#include "devcluster/data.hpp"

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace devcluster {
namespace {

using ::testing::StartsWith;

std::string fault(const std::string& file, const EntryKeys& keys) {
  try {
    each_entry(file,
               [&](const std::string&, const nlohmann::json& entry) { check_keys(entry, keys); });
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "";
}

TEST(Data, AFaultIsToldWithFileEntryAndKey) {
  const EntryKeys right = {{"name", "kubernetes", "runtime", "kernel"}, {"openshift"}};
  EXPECT_EQ(fault("profiles.yaml", right), "");
  EXPECT_EQ(fault("profiles.yaml", {{"name", "colour"}, {}}),
            "data/profiles.yaml: 0: lacks colour");
  EXPECT_EQ(fault("profiles.yaml", {{"name"}, {"kubernetes", "runtime", "openshift"}}),
            "data/profiles.yaml: 0: kernel is no key here");
  EXPECT_THAT(fault("protobuf.yaml", {{"name"}, {}}), StartsWith("data/protobuf.yaml: "));
  EXPECT_EQ(fault("nonesuch.yaml", {}), "data/nonesuch.yaml: there is no such file");
}

}  // namespace
}  // namespace devcluster
