#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "render/yaml.hpp"

namespace swo::render {
namespace {

constexpr int kMaxDepth = 100;
constexpr int kMaxValues = 100'000;

// Thrown within this file alone.
struct Fault {
  YAML::Mark mark;
  std::string text;
};

// Digits of any base that Go's strconv.ParseInt(text, 0, 64) takes: 0x, 0o, 0b, and 0 for octal.
std::optional<Json> as_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!negative) return Json(value);
  if (value > kMax) return std::nullopt;
  return Json(-static_cast<std::int64_t>(value));
}

std::optional<Json> as_float(std::string_view text) {
  if (text.find_first_not_of("0123456789.eE+-") != std::string_view::npos ||
      text.find_first_of("0123456789") == std::string_view::npos) {
    return std::nullopt;
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return Json(value);
}

// True for the word in lower case, Capitalised, and in UPPER CASE: the forms that YAML 1.1 lists.
bool is_word(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  const auto upper = [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); };
  std::string capitalised(word);
  capitalised[0] = upper(capitalised[0]);
  std::string capitals(word);
  for (char& c : capitals) c = upper(c);
  return text == word || text == capitalised || text == capitals;
}

Json plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || is_word(text, "null")) return nullptr;
  for (const char* word : {"true", "yes", "on"}) {
    if (is_word(text, word)) return true;
  }
  for (const char* word : {"false", "no", "off"}) {
    if (is_word(text, word)) return false;
  }
  if (auto integer = as_integer(text)) return *integer;
  if (auto real = as_float(text)) return *real;
  return text;
}

Json scalar(const YAML::Node& node) {
  // yaml-cpp marks a quoted scalar with the tag "!", and a plain one with "?".
  const std::string& tag = node.Tag();
  if (tag == "?" || tag.empty()) return plain_scalar(node.Scalar());
  return node.Scalar();
}

// yaml-cpp 0.7 makes one empty document after the other of what it cannot place, as of a comma
// outside of a list, and never comes to an end. Walks through a text first, and stops where that
// begins.
class Walk final : public YAML::EventHandler {
 public:
  static void through(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Walk walk;
    while (parser.HandleNextDocument(walk)) {
    }
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos == last_) throw Fault{mark, "this does not belong here"};
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_ = -1;
};

class Converter {
 public:
  Json convert(const YAML::Node& node, int depth = 0) {
    if (depth > kMaxDepth) throw Fault{node.Mark(), "nested too deeply"};
    if (++values_ > kMaxValues) throw Fault{node.Mark(), "too large"};
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return scalar(node);
      case YAML::NodeType::Sequence:
        return sequence(node, depth);
      case YAML::NodeType::Map:
        return map(node, depth);
      default:
        return nullptr;
    }
  }

 private:
  Json sequence(const YAML::Node& node, int depth) {
    Json result = Json::array();
    for (const YAML::Node& item : node) {
      result.push_back(convert(item, depth + 1));
    }
    return result;
  }

  Json map(const YAML::Node& node, int depth) {
    Json result = Json::object();
    for (const auto& member : node) {
      if (!member.first.IsScalar()) throw Fault{member.first.Mark(), "a key must be text"};
      const std::string& key = member.first.Scalar();
      if (key == "<<" && member.first.Tag() == "?") {
        throw Fault{member.first.Mark(), "merge keys (<<) are not supported: write the fields out"};
      }
      if (result.contains(key)) {
        throw Fault{member.first.Mark(), "key \"" + key + "\" is given twice: remove one"};
      }
      result[key] = convert(member.second, depth + 1);
    }
    return result;
  }

  int values_ = 0;
};

bool is_utf8(std::string_view text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) {
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
  });
}

// What YAML may not hold (YAML 1.2, 5.1). yaml-cpp takes anything, and some of it for ever.
std::optional<YamlError> foreign_bytes(std::string_view text) {
  if (is_utf8(text) && !has_control_characters(text)) return std::nullopt;
  for (int line = 1;; ++line) {
    const std::size_t end = text.find('\n');
    const std::string_view one = text.substr(0, end);
    if (!is_utf8(one)) return YamlError{line, "not UTF-8: save the file in that encoding"};
    if (has_control_characters(one)) {
      return YamlError{line, "control characters are not allowed: write them as escapes in quotes"};
    }
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::variant<std::vector<Json>, YamlError> read_yaml(const std::string& text) {
  if (auto error = foreign_bytes(text)) {
    return *std::move(error);
  }
  std::vector<Json> documents;
  try {
    Walk::through(text);
    Converter converter;
    for (const YAML::Node& node : YAML::LoadAll(text)) {
      Json document = converter.convert(node);
      if (!document.is_null()) {
        documents.push_back(std::move(document));
      }
    }
  } catch (const Fault& fault) {
    return YamlError{fault.mark.line + 1, fault.text};
  } catch (const YAML::Exception& error) {
    return YamlError{error.mark.line + 1, error.msg};
  }
  return documents;
}

}  // namespace swo::render
