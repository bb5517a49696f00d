#include "kube/line_splitter.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kube/resource_version.hpp"

namespace swo::kube {
namespace {

std::vector<std::string> drain(LineSplitter& splitter) {
  std::vector<std::string> lines;
  while (auto line = splitter.next()) lines.emplace_back(*line);
  return lines;
}

TEST(LineSplitter, GivesTheSameLinesWhereverTheBytesWereCut) {
  const std::string text = "{\"a\":1}\n\r\n{\"bb\":22}\r\n\n{\"c\":\"\xc3\xa9\"}\n";
  const std::vector<std::string> expected{"{\"a\":1}", "{\"bb\":22}", "{\"c\":\"\xc3\xa9\"}"};
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      LineSplitter splitter;
      std::vector<std::string> lines;
      for (auto part :
           {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
        ASSERT_TRUE(splitter.append(part));
        for (auto& line : drain(splitter)) lines.push_back(line);
      }
      ASSERT_EQ(lines, expected) << first << " " << second;
      ASSERT_EQ(splitter.pending(), 0U);
    }
  }
}

TEST(LineSplitter, TellsOfAnUnfinishedLine) {
  LineSplitter splitter;
  ASSERT_TRUE(splitter.append("whole\npart"));
  EXPECT_EQ(drain(splitter), std::vector<std::string>{"whole"});
  EXPECT_EQ(splitter.pending(), 4U);
  splitter.clear();
  EXPECT_EQ(splitter.pending(), 0U);
}

TEST(LineSplitter, GivesUpOnALineWithoutEnd) {
  LineSplitter splitter;
  const std::string chunk(1 << 20, 'x');
  int taken = 0;
  while (splitter.append(chunk)) ++taken;
  EXPECT_EQ(taken, 32);
}

TEST(ResourceVersion, IsADecimalNumberAndNothingElse) {
  EXPECT_EQ(parse_resource_version("1"), 1U);
  EXPECT_EQ(parse_resource_version("18446744073709551615"), 18446744073709551615U);
  for (const char* text :
       {"", "0", "01", "-1", "+1", " 1", "1 ", "1a", "1.0", "18446744073709551616"}) {
    EXPECT_FALSE(parse_resource_version(text)) << text;
  }
}

}  // namespace
}  // namespace swo::kube
