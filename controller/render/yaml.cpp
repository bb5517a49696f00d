#include "render/yaml.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "render/render.hpp"

namespace swo::render {
namespace {

constexpr int kIndent = 2;

// YAML 1.1 (go-yaml reads these as booleans and null) and 1.2.
constexpr std::array<std::string_view, 10> kWords = {"y",   "n",    "yes",   "no",   "on",
                                                     "off", "true", "false", "null", "nan"};

bool is_word_of_yaml(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

bool is_plain_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view(" ./_-+=@(),;%$").find(c) != std::string_view::npos;
}

// Strict on purpose: a letter or a slash first (so no number, no date), and nothing that means
// something.
bool is_plain(std::string_view text) {
  if (text.empty() || text.back() == ' ' || text.back() == ':' || is_word_of_yaml(text)) {
    return false;
  }
  if (std::isalpha(static_cast<unsigned char>(text.front())) == 0 && text.front() != '/') {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool colon_within = text[i] == ':' && i + 1 < text.size() && text[i + 1] != ' ';
    if (!is_plain_char(text[i]) && !colon_within) {
      return false;
    }
  }
  return true;
}

// Several lines of printable text; a first line that is blank or indented would need an indentation
// mark.
bool is_block(std::string_view text) {
  const std::size_t newline = text.find('\n');
  if (newline == std::string_view::npos || newline == 0 || text.front() == ' ') {
    return false;
  }
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n') || byte >= 0x7F;
  });
}

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// `indent` is that of the block's lines.
std::string block(std::string_view text, int indent) {
  std::string_view chomp = "-";  // no newline at the end
  if (text.ends_with('\n')) {
    chomp = text.ends_with("\n\n") ? "+" : "";
  }
  std::string out = "|" + std::string(chomp) + "\n";
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  while (true) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (!line.empty()) {
      out.append(static_cast<std::size_t>(indent), ' ').append(line);
    }
    out += '\n';
    if (end == std::string_view::npos) {
      return out;
    }
    text.remove_prefix(end + 1);
  }
}

std::string scalar(const Json& value, int indent) {
  if (!value.is_string()) {
    return value.dump() + "\n";
  }
  const auto& text = value.get_ref<const std::string&>();
  if (is_plain(text)) {
    return text + "\n";
  }
  return is_block(text) ? block(text, indent) : quoted(text) + "\n";
}

// What an object is comes before what it holds: `kubectl get -o yaml` sorts, but people do not
// write so.
constexpr std::array<std::string_view, 5> kFirstKeys = {"apiVersion", "kind", "metadata", "name",
                                                        "namespace"};

std::vector<std::string> keys_in_order(const Json& object) {
  std::vector<std::string> keys;
  for (const std::string_view key : kFirstKeys) {
    if (object.contains(key)) {
      keys.emplace_back(key);
    }
  }
  for (const auto& [key, member] : object.items()) {
    if (std::find(kFirstKeys.begin(), kFirstKeys.end(), key) == kFirstKeys.end()) {
      keys.push_back(key);
    }
  }
  return keys;
}

bool is_leaf(const Json& value) { return !value.is_structured() || value.empty(); }

// Appends `value`, whose first line begins where `out` ends and whose others are indented by
// `indent`.
void write(std::string& out, const Json& value, int indent) {
  bool first = true;
  const auto begin_line = [&] {
    if (!first) {
      out.append(static_cast<std::size_t>(indent), ' ');
    }
    first = false;
  };
  if (value.is_object() && !value.empty()) {
    for (const std::string& key : keys_in_order(value)) {
      const Json& member = value[key];
      begin_line();
      out += (is_plain(key) ? key : quoted(key)) + ":";
      if (is_leaf(member)) {
        out += " " + scalar(member, indent + kIndent);
        continue;
      }
      // As kubectl prints: the items of a list stand under their key.
      const int below = member.is_array() ? indent : indent + kIndent;
      out.append("\n").append(static_cast<std::size_t>(below), ' ');
      write(out, member, below);
    }
  } else if (value.is_array() && !value.empty()) {
    for (const Json& item : value) {
      begin_line();
      out += "- ";
      write(out, item, indent + kIndent);
    }
  } else {
    out += scalar(value, indent);
  }
}

}  // namespace

std::string document_to_yaml(const Json& document) {
  if (is_leaf(document)) {
    return scalar(document, kIndent);  // a block of lines at the margin could hold "---"
  }
  std::string out;
  write(out, document, 0);
  return out;
}

std::string to_yaml(const std::vector<Json>& documents) {
  std::string out;
  for (const Json& document : documents) {
    if (!out.empty()) {
      out += "---\n";
    }
    out += document_to_yaml(document);
  }
  return out;
}

}  // namespace swo::render
