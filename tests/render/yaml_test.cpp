#include "render/yaml.hpp"

#include <string>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace swo::render {
namespace {

std::vector<Json> read(const std::string& text) {
  const auto result = read_yaml(text);
  if (const auto* error = std::get_if<YamlError>(&result)) {
    ADD_FAILURE() << error->line << ": " << error->text;
    return {};
  }
  return std::get<std::vector<Json>>(result);
}

YamlError fault(const std::string& text) {
  const auto result = read_yaml(text);
  if (const auto* error = std::get_if<YamlError>(&result)) return *error;
  ADD_FAILURE() << "was taken: " << text;
  return {};
}

TEST(YamlWriting, QuotesWhatAReaderCouldTakeForSomethingElse) {
  for (const char* text :
       {"true", "False", "YES",          "no",   "on",  "Off",  "y",  "N",   "null", "Null",
        "~",    "",      "0755",         "0x1F", "1e3", "12",   "-1", "1.5", ".5",   ".inf",
        ".nan", "1:30",  "2026-01-02",   "<<",   "=",   "- a",  "-",  "? a", ": a",  "a: b",
        "a:",   "a #b",  "#a",           "&a",   "*a",  "!a",   "|",  ">",   "%a",   "@a",
        "`a",   "'a'",   "\"a\"",        "[a]",  "{a}", "a, b", " a", "a ",  "a\tb", "a\rb",
        "\x01", "é",     "\xE2\x80\xA8", "a\\b"}) {
    const Json document = {{"key", text}, {text, "value"}};
    const std::string yaml = document_to_yaml(document);
    EXPECT_EQ(read(yaml), std::vector<Json>{document}) << yaml;
    EXPECT_EQ(YAML::Load(yaml)["key"].as<std::string>(), text);
  }
  EXPECT_EQ(document_to_yaml({{"a", "true"}}), "a: \"true\"\n");
  EXPECT_EQ(document_to_yaml({{"a", "quay.io/x/y:latest"}}), "a: quay.io/x/y:latest\n");
}

TEST(YamlWriting, PutsTextOfSeveralLinesIntoBlocks) {
  EXPECT_EQ(document_to_yaml({{"a", {{"b", "x\n  y\n\nz\n"}}}}),
            "a:\n  b: |\n    x\n      y\n\n    z\n");
  EXPECT_EQ(document_to_yaml({{"a", Json::array({"x\ny"})}}), "a:\n- |-\n  x\n  y\n");
  for (const char* text :
       {"a\nb", "a\nb\n", "a\nb\n\n", "a\n\n\nb\n\n\n", "\na", " a\nb", "a\n b\n", "a \nb ",
        "a\n\tb\n", "\n", "\n\n", "a: b\n# c\n--- \n", "---\na\n"}) {
    const Json document = {{"key", {{"list", Json::array({text, Json::array({text})})}}},
                           {"z", text}};
    EXPECT_EQ(read(document_to_yaml(document)), std::vector<Json>{document})
        << document_to_yaml(document);
  }
}

TEST(YamlWriting, BeginsWithWhatTheObjectIs) {
  EXPECT_EQ(
      document_to_yaml({{"apiVersion", "v1"},
                        {"kind", "Pod"},
                        {"automount", false},
                        {"metadata", {{"name", "a"}, {"labels", {{"b", "c"}}}}}}),
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels:\n    b: c\nautomount: false\n");
}

TEST(YamlWriting, KeepsEmptyAndNestedCollectionsApart) {
  const Json document = {
      {"list", Json::array()},
      {"map", Json::object()},
      {"null", nullptr},
      {"nested", {{{"a", 1}, {"b", {1, 2}}}, Json::array({Json::array(), 1.5})}}};
  EXPECT_EQ(read(document_to_yaml(document)), std::vector<Json>{document})
      << document_to_yaml(document);
}

TEST(YamlWriting, SurvivesTextThatIsNoUtf8) {
  EXPECT_NE(document_to_yaml({{"a", "\xff\xfe"}}), "");
}

TEST(YamlWriting, SeparatesDocuments) {
  const std::vector<Json> documents = {{{"a", 1}}, {{"b", 2}}};
  EXPECT_EQ(to_yaml(documents), "a: 1\n---\nb: 2\n");
}

TEST(YamlReading, TakesPlainScalarsAsKubectlDoes) {
  const Json read_back = read(
      "a: yes\nb: 'yes'\nc: 0755\nd: 0x10\ne: 1.5\nf: ~\ng: 1e3\nh: -7\ni: 1.2.3\nj: Off\nk: nO\n"
      "l: 18446744073709551615\nm: .5\nn: 99999999999999999999\no: '7'\np: 5m\nq: +3\n")[0];
  EXPECT_EQ(read_back, (Json{{"a", true},
                             {"b", "yes"},
                             {"c", 493},
                             {"d", 16},
                             {"e", 1.5},
                             {"f", nullptr},
                             {"g", 1000.0},
                             {"h", -7},
                             {"i", "1.2.3"},
                             {"j", false},
                             {"k", "nO"},
                             {"l", 18446744073709551615ULL},
                             {"m", 0.5},
                             {"n", 1e20},
                             {"o", "7"},
                             {"p", "5m"},
                             {"q", 3}}));
}

TEST(YamlReading, SkipsEmptyDocuments) {
  EXPECT_EQ(read("---\n# nothing\n---\na: 1\n---\n"), (std::vector<Json>{{{"a", 1}}}));
  EXPECT_TRUE(read("").empty());
}

TEST(YamlReading, ResolvesAliases) {
  EXPECT_EQ(read("a: &x {b: 1}\nc: *x\n")[0], (Json{{"a", {{"b", 1}}}, {"c", {{"b", 1}}}}));
}

TEST(YamlReading, NamesTheLineOfAFault) {
  EXPECT_EQ(fault("a: 1\nb: [1\nc: 2\n").line, 3);
  EXPECT_EQ(fault("a: 1\nb: 2\na: 3\n").line, 3);
  EXPECT_NE(fault("a: 1\na: 3\n").text.find("\"a\" is given twice"), std::string::npos);
  EXPECT_EQ(fault("? [a]\n: b\n").line, 1);
  for (const char* latin1 : {"a: 1\nb: J\xFCrgen\n", "a: 1\nJ\xFCrgen: b\n"}) {
    EXPECT_EQ(fault(latin1).line, 2);
    EXPECT_NE(fault(latin1).text.find("UTF-8"), std::string::npos);
  }
  EXPECT_NE(fault("a: \x1B[2J\n").text.find("control characters"), std::string::npos);
}

TEST(YamlReading, RefusesWhatTheParserWouldNeverEndWith) {
  for (const char* stray : {",a", "a: 1\n---\n,", ",a.![b"}) {
    EXPECT_FALSE(fault(stray).text.empty()) << stray;
  }
}

TEST(YamlReading, RefusesWhatWouldExhaustIt) {
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) laughs += "," + before;
    laughs += "]\n";
  }
  EXPECT_NE(fault(laughs).text.find("too large"), std::string::npos);
  EXPECT_NE(fault(std::string(500, '[') + std::string(500, ']')).text, "");
  EXPECT_NE(fault(std::string(100'000, '[')).text, "");
  EXPECT_NE(fault("a: {<<: {b: 1}}\n").text.find("merge keys"), std::string::npos);
}

}  // namespace
}  // namespace swo::render
