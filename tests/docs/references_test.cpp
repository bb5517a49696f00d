// What the documentation points to is there: files, headings, make's targets, flags.
#include <algorithm>
#include <cctype>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents.hpp"

namespace swo::docs_test {
namespace {

using ::testing::ContainerEq;
using ::testing::Contains;

TEST(Documentation, EachFileThatItNamesIsThere) {
  std::size_t named = 0;
  for (const std::string& document : documents()) {
    if (document == "docs/platforms.md") continue;  // names other projects' files as sources
    for (const std::string& path :
         all(read(document),
             "(?:`|-[kf] )((?:config|controller|crds|deploy|docs|e2e|tests)/[\\w./-]*\\w)")) {
      EXPECT_TRUE(fs::exists(kRoot / path)) << document << " names " << path;
      ++named;
    }
  }
  EXPECT_GT(named, 20U);
}

// As GitHub makes them: lower case, spaces to hyphens, punctuation left out.
std::set<std::string> anchors_of(const std::string& text) {
  std::set<std::string> anchors;
  for (const std::string& heading : all(text, "\n#+ ([^\n]*)")) {
    std::string anchor;
    for (const char c : heading) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == ' ') anchor += '-';
      if (std::isalnum(byte) != 0 || c == '-' || c == '_') {
        anchor += static_cast<char>(std::tolower(byte));
      }
    }
    anchors.insert(anchor);
  }
  return anchors;
}

TEST(Documentation, EachLinkLeadsToAHeadingOrAFile) {
  std::size_t links = 0;
  for (const std::string& document : documents()) {
    for (const std::string& link : all(read(document), "\\]\\(([^):]+)\\)")) {
      const std::size_t hash = link.find('#');
      const std::string file = link.substr(0, hash);
      const fs::path target =
          file.empty() ? fs::path(document) : fs::path(document).parent_path() / file;
      EXPECT_TRUE(fs::exists(kRoot / target)) << document << " links to " << link;
      if (hash != std::string::npos) {
        EXPECT_THAT(anchors_of("\n" + read(target)), Contains(link.substr(hash + 1)))
            << document << " links to " << link;
      }
      ++links;
    }
  }
  EXPECT_GT(links, 10U);
}

TEST(Documentation, EachTargetOfMakeThatItNamesIsThere) {
  const auto targets = all("\n" + read("Makefile"), "\n([a-z][a-z-]*):");
  for (const std::string& document : documents()) {
    for (const std::string& target : all(read(document), "(?:`|\n *)make ([a-z][a-z-]+)")) {
      EXPECT_THAT(targets, Contains(target)) << document;
    }
  }
}

TEST(Documentation, TheTableOfFlagsIsTheFlagsOfRun) {
  const std::string guide = read("docs/operations.md");
  const std::size_t from = guide.find("## Flags of `run`");
  ASSERT_NE(from, std::string::npos);
  const std::string table = guide.substr(from, guide.find("\n## ", from + 1) - from);
  std::set<std::string> told;
  for (const std::string& line : lines(table)) {
    if (!line.starts_with("| `")) continue;
    const std::string cell = line.substr(0, line.find(" | "));
    for (const std::string& flag : all(cell, "`(-[a-z-]+)")) {
      // "`--leader-elect-lease-duration`, `-renew-deadline`": the beginning is said once.
      told.insert(flag.starts_with("--") ? flag : "--leader-elect" + flag);
    }
  }
  const std::string source = read("controller/cli/app.cpp");
  const std::size_t begin = source.find("CLI::App* add_run(");
  std::set<std::string> real =
      all(source.substr(begin, source.find("\n}\n", begin) - begin), "\"(--[a-z-]+)[\",]");
  real.merge(
      all(source.substr(source.find("void add_connection("), begin), "\n *\"(--[a-z-]+)\","));
  real.merge(all(source.substr(0, begin), "add_option\\(\"(--[a-z-]+)\""));
  EXPECT_THAT(told, ContainerEq(real));
}

}  // namespace
}  // namespace swo::docs_test
