#include "reference.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace swo::api_test {
namespace {

constexpr const char* kFile = SWO_SOURCE_DIR "/docs/reference.md";

TEST(Reference, IsWhatTheSchemaSays) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(kFile) << reference();
  std::ifstream file(kFile);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), reference()) << "run this test once with UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace swo::api_test
