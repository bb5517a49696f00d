// The troubleshooting guide names every reason that the code can give, and none that it cannot.

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

namespace swo::diagnose {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void collect(const std::string& text, const char* pattern, std::set<std::string>& into) {
  const std::regex regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) {
    into.insert((*at)[1]);
  }
}

std::set<std::string> reasons_in_code() {
  std::set<std::string> reasons;
  const std::filesystem::path root = std::filesystem::path(SWO_SOURCE_DIR) / "controller";
  for (const char* floor : {"diagnose", "platform", "reconcile"}) {
    for (const auto& entry : std::filesystem::directory_iterator(root / floor)) {
      if (entry.path().extension() != ".cpp") {
        continue;
      }
      const std::string text = read(entry.path());
      collect(text, "Row\\{\"(?:[^\"\\\\]|\\\\.)*\",\\s*\"(\\w+)\"", reasons);
      collect(text, "(?:make|warn)\\(\\s*\"(\\w+)\"", reasons);
      collect(text, "\\.reason = \"(\\w+)\"", reasons);
      // Of the conditions: {"False", "NameTaken", …}, refused(view, key, "RouteRefused").
      collect(text, "\\{\\s*\"(?:True|False|Unknown)\",\\s*\"(\\w+)\"", reasons);
      collect(text, "\"(\\w+Refused)\"", reasons);
      // Of Events alone: Notice{true, "InstanceKilled", …}.
      collect(text, "\\{\\s*(?:true|false),\\s*\"(\\w+)\"", reasons);
      collect(text, "problems\\[[^\\]]*\\] = \\{\\s*\"(\\w+)\"", reasons);
    }
  }
  return reasons;
}

std::set<std::string> reasons_in_guide() {
  std::set<std::string> reasons;
  const std::string text = read(std::filesystem::path(SWO_SOURCE_DIR) / "docs/troubleshooting.md");
  collect(text, "\\n\\| ([A-Z]\\w+) \\|", reasons);
  return reasons;
}

TEST(TroubleshootingGuide, NamesEachReasonOfTheCodeAndNoOther) {
  const auto code = reasons_in_code();
  EXPECT_GT(code.size(), 90U);
  EXPECT_THAT(reasons_in_guide(), testing::ContainerEq(code));
}

}  // namespace
}  // namespace swo::diagnose
