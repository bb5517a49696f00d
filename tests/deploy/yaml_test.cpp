#include "olm/yaml.hpp"

#include <gtest/gtest.h>

namespace olm {
namespace {

TEST(Yaml, WhatIsWrittenIsReadBackTheSame) {
  const Json documents[] = {
      Json::parse(
          R"({"a": {"b": [1, [2, {"c": []}], {"d": {}, "e": "f"}], "g": true, "h": null}})"),
      Json::parse(
          R"({"texts": ["true", "No", "null", "~", "", "1", "1.5", "-", "a: b", "a #b", "a:",
                                " a", "a ", "*a", "&a", "@a", "%a", "/etc/x", "ä", "👋", "\ttab"]})"),
      Json::parse(R"({"block": "line one\n\n  indented\nlast\n", "two": "a\n\n", "no": "a\nb"})"),
      Json::parse(R"({"y": {"true": "on", "a: b": 1, "*.x": 2}})"),
  };
  for (const Json& document : documents) {
    const std::string text = to_yaml(document);
    EXPECT_EQ(parse_yaml(text).at(0), document) << text;
  }
}

TEST(Yaml, AnchorsAreResolved) {
  EXPECT_EQ(parse_yaml("a: &x {k: 1}\nb: *x\n").at(0), Json::parse(R"({"a":{"k":1},"b":{"k":1}})"));
}

TEST(Yaml, AFileThatCannotBeReadIsNamed) {
  try {
    read_yaml("/nonexistent/x.yaml");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "/nonexistent/x.yaml: cannot be read");
  }
}

}  // namespace
}  // namespace olm
