// docs/security.md: each claim names a test, and each test that it names is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents.hpp"

namespace swo::docs_test {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

// "Suite.Test" and "Suite" of every test in tests/.
const std::set<std::string>& tests() {
  static const std::set<std::string> kTests = [] {
    std::set<std::string> found;
    const std::regex test(R"(TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\))");
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / "tests")) {
      if (entry.path().extension() != ".cpp") continue;
      const std::string text = read(entry.path());
      for (std::sregex_iterator at(text.begin(), text.end(), test), end; at != end; ++at) {
        found.insert((*at)[1]);
        found.insert((*at)[1].str() + "." + (*at)[2].str());
      }
    }
    return found;
  }();
  return kTests;
}

struct Claim {
  std::string text;
  std::set<std::string> tests;
};

// The rows of the tables "| claim | tests |".
std::vector<Claim> claims() {
  std::vector<Claim> found;
  bool in_table = false;
  for (const std::string& line : lines(read("docs/security.md"))) {
    if (!line.starts_with("|")) {
      in_table = false;
    } else if (line == "| claim | tests |") {
      in_table = true;
    } else if (in_table && !line.starts_with("|---")) {
      const std::size_t middle = line.find(" | ");
      const std::string second = middle == std::string::npos ? "" : line.substr(middle);
      found.push_back({line.substr(0, middle), all(second, "`(\\w+(?:\\.\\w+)?)`")});
    }
  }
  return found;
}

TEST(SecurityGuide, EachClaimNamesTestsThatExist) {
  ASSERT_GT(tests().size(), 500U);
  ASSERT_GT(claims().size(), 20U);
  for (const Claim& claim : claims()) {
    EXPECT_THAT(claim.tests, Not(IsEmpty())) << claim.text;
    for (const std::string& test : claim.tests) {
      EXPECT_THAT(tests(), Contains(test)) << claim.text;
    }
  }
}

}  // namespace
}  // namespace swo::docs_test
