#include "runtime/log.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/json.hpp"

namespace swo::runtime {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void use(log::Format format, log::Level level = log::Level::kInfo) {
    log::configure({.format = format, .level = level, .sink = [this](std::string_view line) {
                      lines.emplace_back(line);
                    }});
  }
  ~LogTest() override { log::configure({}); }
  std::vector<std::string> lines;
};

TEST_F(LogTest, WritesOneLineOfKeysAndValues) {
  use(log::Format::kLogfmt);
  log::info("created the Pod",
            {{"workload", "demo/nginx"}, {"ordinal", 2}, {"ready", false}, {"why", ""}});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].substr(0, 7), "time=20");
  EXPECT_NE(
      lines[0].find(
          " level=info msg=\"created the Pod\" workload=demo/nginx ordinal=2 ready=false why=\"\""),
      std::string::npos)
      << lines[0];
}

TEST_F(LogTest, AUsersTextCannotForgeALine) {
  use(log::Format::kLogfmt);
  log::warning(
      "a\nb",
      {{"name", "x\ntime=now level=error"}, {"quote", "a\" b=c"}, {"bytes", "\xff\x1b[31m"}});
  ASSERT_EQ(lines.size(), 1U);
  for (char c : lines[0]) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  EXPECT_NE(lines[0].find(R"(name="x\ntime=now level=error")"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find(R"(quote="a\" b=c")"), std::string::npos) << lines[0];
}

// What a terminal obeys besides ESC: DEL, and the C1 controls, of which U+009B begins a sequence.
TEST_F(LogTest, NoControlReachesATerminal) {
  const std::string text =
      "a\x7f"
      "b\xc2\x80"
      "c\xc2\x9b"
      "31m\xc2\x9f"
      "\x9b"
      "\xc2\xa0\xc3\xa9";
  for (const auto format : {log::Format::kLogfmt, log::Format::kJson}) {
    lines.clear();
    use(format);
    log::info(text, {{"value", text}, {"plain", "x\x7fy"}});
    ASSERT_EQ(lines.size(), 1U);
    std::size_t shown = 0;
    for (std::size_t at = 0;
         (at = lines[0].find(R"(a\u007fb\u0080c\u009b31m\u009f)", at)) != std::string::npos; ++at) {
      ++shown;
    }
    EXPECT_EQ(shown, 2U) << lines[0];
    EXPECT_NE(lines[0].find(R"("x\u007fy")"), std::string::npos) << lines[0];
    EXPECT_NE(lines[0].find("\xef\xbf\xbd\xc2\xa0\xc3\xa9"), std::string::npos)
        << "what is no control stays: " << lines[0];
  }
  EXPECT_EQ(Json::parse(lines[0])["plain"], "x\x7fy") << "and is what it was to a machine";
}

TEST_F(LogTest, JsonLinesKeepNumbersAndBooleans) {
  use(log::Format::kJson);
  log::error("no \"route\"",
             {{"n", 3}, {"f", 0.5}, {"b", true}, {"s", std::string("\xc3\xa9\xff")}});
  auto line = Json::parse(lines.at(0));
  EXPECT_EQ(line["msg"], "no \"route\"");
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["n"], 3);
  EXPECT_EQ(line["f"], 0.5);
  EXPECT_EQ(line["b"], true);
  EXPECT_EQ(line["s"], "\xc3\xa9\xef\xbf\xbd");
}

TEST_F(LogTest, LeavesOutWhatIsBelowItsLevel) {
  use(log::Format::kLogfmt, log::Level::kWarning);
  log::debug("no");
  log::info("no");
  log::warning("yes");
  EXPECT_EQ(lines.size(), 1U);
}

}  // namespace
}  // namespace swo::runtime
