#include "olm/yaml.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <yaml-cpp/yaml.h>

namespace olm {
namespace {

Json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_number() || value.is_boolean() ? value : Json(text);
}

Json to_json(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar(node);
    case YAML::NodeType::Sequence: {
      Json list = Json::array();
      for (const auto& item : node) list.push_back(to_json(item));
      return list;
    }
    case YAML::NodeType::Map: {
      Json map = Json::object();
      for (const auto& entry : node) map[entry.first.Scalar()] = to_json(entry.second);
      return map;
    }
    default:
      return nullptr;
  }
}

// Words that YAML 1.1 readers, of which there still are some, take for something else than text.
constexpr std::array<std::string_view, 11> kWords = {"true", "false", "yes", "no", "on", "off",
                                                     "null", "y",     "n",   "~",  ""};

bool is_plain(const std::string& text) {
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return c < 0x80 ? static_cast<char>(std::tolower(c)) : ' ';
  });
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end()) return false;
  if (text.front() != '/' && std::isalpha(static_cast<unsigned char>(text.front())) == 0)
    return false;
  return text.back() != ':' && text.back() != ' ' && text.find(": ") == std::string::npos &&
         text.find(" #") == std::string::npos &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= ' '; });
}

class Writer {
 public:
  std::string take() { return std::move(out_); }

  // The value after "key:" or "-", from the middle of a line to the end of one.
  void value(const Json& node, int indent, bool in_list) {
    if (node.is_structured() && node.empty()) {
      out_ += node.is_array() ? " []\n" : " {}\n";
    } else if (node.is_object()) {
      if (!in_list) out_ += "\n";
      map(node, indent, in_list);
    } else if (node.is_array()) {
      out_ += "\n";
      list(node, in_list ? indent : indent - kStep);
    } else if (node.is_string()) {
      text(node.get_ref<const std::string&>(), indent);
    } else {
      out_ += " " + node.dump() + "\n";
    }
  }

  void map(const Json& node, int indent, bool first_in_line) {
    for (const auto& [key, child] : node.items()) {
      out_ += first_in_line ? " " : std::string(static_cast<std::size_t>(indent), ' ');
      first_in_line = false;
      out_ += (is_plain(key) ? key : Json(key).dump()) + ":";
      value(child, indent + kStep, /*in_list=*/false);
    }
  }

 private:
  static constexpr int kStep = 2;

  void list(const Json& node, int indent) {
    for (const Json& item : node) {
      out_ += std::string(static_cast<std::size_t>(indent), ' ') + "-";
      value(item, indent + kStep, /*in_list=*/true);
    }
  }

  void text(const std::string& text, int indent) {
    const bool block = text.size() > 1 && text.back() == '\n' && text.front() != ' ' &&
                       std::all_of(text.begin(), text.end(),
                                   [](unsigned char c) { return c >= ' ' || c == '\n'; });
    if (!block) {
      out_ += " " + (is_plain(text) ? text : Json(text).dump()) + "\n";
      return;
    }
    out_ += text[text.size() - 2] == '\n' ? " |+\n" : " |\n";
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) out_ += std::string(static_cast<std::size_t>(indent), ' ') + line;
      out_ += "\n";
    }
  }

  std::string out_;
};

}  // namespace

std::vector<Json> parse_yaml(const std::string& text) {
  std::vector<Json> documents;
  for (const auto& node : YAML::LoadAll(text)) documents.push_back(to_json(node));
  return documents;
}

std::vector<Json> read_yaml(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error(file.string() + ": cannot be read");
  std::stringstream text;
  text << in.rdbuf();
  try {
    return parse_yaml(text.str());
  } catch (const YAML::Exception& error) {
    throw std::runtime_error(file.string() + ": " + error.what());
  }
}

std::string to_yaml(const Json& document) {
  Writer writer;
  writer.map(document, 0, /*first_in_line=*/false);
  return writer.take();
}

}  // namespace olm
