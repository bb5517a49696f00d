#include "diagnose/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "api/utf8.hpp"

namespace swo::diagnose {
namespace {

constexpr char kEscape = '\x1b';
constexpr char kBell = '\x07';
constexpr std::string_view kHidden = "…";

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }
bool is_lower(char c) { return std::islower(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_space(char c) { return c == ' ' || c == '\t'; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return out;
}

// The position after the escape sequence that starts at `at` (ECMA-48, xterm's OSC).
std::size_t after_escape(std::string_view text, std::size_t at) {
  std::size_t next = at + 1;
  if (next >= text.size()) {
    return text.size();
  }
  const char kind = text[next++];
  if (kind == '[') {  // CSI: parameters, then one final byte
    while (next < text.size() && text[next] >= 0x20 && text[next] < 0x40) {
      ++next;
    }
    return std::min(next + 1, text.size());
  }
  if (kind == ']' || kind == 'P' || kind == '_' || kind == '^') {  // a string, to BEL or ESC \ (ST)
    while (next < text.size() && text[next] != kBell && text[next] != kEscape &&
           text[next] != '\n') {
      ++next;
    }
    if (next < text.size() && text[next] == kEscape) {
      return std::min(next + 2, text.size());
    }
    return next < text.size() && text[next] == kBell ? next + 1 : next;
  }
  while (next < text.size() && kind >= 0x20 && kind < 0x30 && text[next] < 0x30) {
    ++next;  // intermediate bytes of a shorter sequence
  }
  return kind >= 0x20 && kind < 0x30 ? std::min(next + 1, text.size()) : next;
}

// Length of the UTF-8 character at `at`; 0 when it is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length == 0 || at + length > text.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) {
      return 0;
    }
  }
  // Overlong forms, surrogates, and beyond U+10FFFF.
  const bool odd =
      length > 1 &&
      ((first == 0xE0 && byte(at + 1) < 0xA0) || (first == 0xED && byte(at + 1) > 0x9F) ||
       (first == 0xF0 && byte(at + 1) < 0x90) || (first == 0xF4 && byte(at + 1) > 0x8F));
  return odd ? 0 : length;
}

// What steers a terminal, or the order in which a text is shown, rather than being seen: C0, DEL
// and C1 (ECMA-48), the marks of bidirectional text (Unicode UAX #9; CVE-2021-42574), and the
// separators that some take for the end of a line.
bool is_control(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) {
    return byte(0) < 0x20 || byte(0) == 0x7F;
  }
  if (character.size() == 2) {
    return (byte(0) == 0xC2 && byte(1) < 0xA0) || character == "\u061C";
  }
  const bool general = character.size() == 3 && byte(0) == 0xE2;  // U+2000 to U+206F: E2 80, E2 81
  return general &&
         ((byte(1) == 0x80 && ((byte(2) >= 0x8E && byte(2) <= 0x8F) ||    // U+200E, U+200F
                               (byte(2) >= 0xA8 && byte(2) <= 0xAE))) ||  // U+2028 to U+202E
          (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9));       // U+2066 to U+2069
}

constexpr std::array<std::string_view, 12> kSecretKeys = {
    "password", "passwd",     "passphrase", "secret",  "token", "apikey",
    "api_key",  "credential", "private",    "api-key", "pwd",   "access_key"};
constexpr std::array<std::string_view, 5> kSpokenKeys = {"password", "passwd", "passphrase",
                                                         "token", "apikey"};

// Where the value of a key=value, key: value or "key": value starts that follows the key's name at
// `at`; npos: no value follows. Kubernetes writes `volume "x-token" : secret "y" not found`: a
// colon after a quote and a space is punctuation.
std::size_t value_start(std::string_view line, std::size_t at) {
  while (at < line.size() &&
         (is_alnum(line[at]) || line[at] == '_' || line[at] == '-' || line[at] == '.')) {
    ++at;
  }
  const bool quoted = at < line.size() && (line[at] == '"' || line[at] == '\'');
  at += quoted ? 1 : 0;
  const std::size_t before_spaces = at;
  while (at < line.size() && is_space(line[at])) {
    ++at;
  }
  const bool spaced = at != before_spaces;
  if (at < line.size() && (line[at] == '=' || (line[at] == ':' && !(quoted && spaced)))) {
    return at + 1;
  }
  return std::string_view::npos;
}

// "token abc123", "--password abc": the word after the key, if it does not read like prose.
std::size_t spoken_value_start(std::string_view line, std::size_t key, std::size_t end) {
  if (end >= line.size() || !is_space(line[end])) {
    return std::string_view::npos;
  }
  std::size_t start = end;
  while (start < line.size() && is_space(line[start])) {
    ++start;
  }
  if (line.substr(start).starts_with("is ")) {
    return start + 3;
  }
  const std::size_t stop = std::min(line.find(' ', start), line.size());
  const std::string_view word = line.substr(start, stop - start);
  const bool flag = key >= 2 && line.substr(0, key).find_last_of(' ') + 1 < key &&
                    line.substr(line.substr(0, key).find_last_of(' ') + 1).starts_with("--");
  const bool flag_at_key = key >= 2 && line.substr(key - 2, 2) == "--";
  const bool odd = word.size() >= 4 && std::ranges::any_of(word, is_digit);
  return flag || flag_at_key || odd ? start : std::string_view::npos;
}

// Where the first secret that is named as such starts; all from there on is hidden, for a value may
// hold spaces. npos: there is none.
std::size_t named_secret(std::string_view line) {
  const std::string low = lower(line);
  std::size_t first = std::string_view::npos;
  for (const std::string_view key : kSecretKeys) {
    for (std::size_t at = 0; (at = low.find(key, at)) != std::string::npos; at += key.size()) {
      first = std::min(first, value_start(line, at + key.size()));
      if (std::ranges::find(kSpokenKeys, key) != kSpokenKeys.end()) {
        first = std::min(first, spoken_value_start(line, at, at + key.size()));
      }
    }
  }
  for (const std::string_view header : {"authorization:", "bearer ", "cookie:", "-----begin "}) {
    const std::size_t at = low.find(header);
    if (at != std::string::npos) {
      first = std::min(first, at + header.size());
    }
  }
  return first;
}

bool looks_mixed(std::string_view run) {
  return std::ranges::any_of(run, is_upper) && std::ranges::any_of(run, is_lower) &&
         std::ranges::any_of(run, is_digit);
}

// A run of a key's alphabet: three kinds of characters, or hex alone, and long.
bool looks_like_key(std::string_view run) {
  constexpr std::size_t kMixedLength = 20;  // 119 bits in base64
  constexpr std::size_t kHexLength = 32;    // 128 bits
  const bool hex = std::ranges::all_of(
      run, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
  if (hex) {
    return run.size() >= kHexLength;
  }
  return run.size() >= kMixedLength && looks_mixed(run);
}

// Digests of images and names of cgroups are long and hex, and no secret.
bool well_known_hex(std::string_view word, std::size_t run) {
  const std::string_view before = word.substr(0, run);
  return before.ends_with("sha256:") || before.ends_with("crio-") ||
         before.ends_with("cri-containerd-") || before.ends_with("-pod") ||
         before.ends_with("rendered-worker-") || before.ends_with("rendered-master-");
}

std::string word_without_keys(std::string_view word) {
  // Credentials in a URL: scheme://user:password@host
  const std::size_t scheme = word.find("://");
  const std::size_t at_sign = word.rfind('@');
  if (scheme != std::string_view::npos && at_sign != std::string_view::npos && at_sign > scheme) {
    return std::string(word.substr(0, scheme + 3)) + std::string(kHidden) +
           word_without_keys(word.substr(at_sign));
  }
  // In base64 a slash is part of the key; in a path it is not.
  constexpr std::size_t kWithSlashes = 32;
  if (word.size() >= kWithSlashes && !word.starts_with('/') && looks_mixed(word) &&
      std::ranges::all_of(word, [](char c) {
        return is_alnum(c) || std::string_view("+/=_-").find(c) != std::string_view::npos;
      })) {
    return std::string(kHidden);
  }
  std::size_t start = 0;
  for (std::size_t i = 0; i <= word.size(); ++i) {
    const bool in_run = i < word.size() &&
                        (is_alnum(word[i]) || word[i] == '+' || word[i] == '=' || word[i] == '_');
    if (in_run) {
      continue;
    }
    if (looks_like_key(word.substr(start, i - start)) && !well_known_hex(word, start)) {
      return std::string(kHidden);
    }
    start = i + 1;
  }
  return std::string(word);
}

}  // namespace

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::vector<std::string> clean_lines(std::string_view text) {
  std::vector<std::string> lines;
  std::string line;
  const auto end_line = [&] {
    while (!line.empty() && is_space(line.back())) {
      line.pop_back();
    }
    if (!line.empty()) {
      lines.push_back(std::move(line));
    }
    line.clear();
  };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == kEscape) {
      i = after_escape(text, i);
    } else if (c == '\n' || c == '\r') {
      end_line();
      ++i;
    } else if (const std::size_t length = utf8_length(text, i); length == 0) {
      line += '?';
      ++i;
    } else {
      const std::string_view character = text.substr(i, length);
      if (c == '\t') {
        line += ' ';
      } else if (!is_control(character)) {
        line += character;
      }
      i += length;
    }
  }
  end_line();
  return lines;
}

std::string redacted(std::string_view line) {
  const std::size_t secret = named_secret(line);
  const std::string_view rest = line.substr(0, secret);
  std::string out;
  for (std::size_t i = 0; i < rest.size();) {
    const std::size_t stop = std::min(rest.find(' ', i), rest.size());
    out += word_without_keys(rest.substr(i, stop - i));
    if (stop < rest.size()) {
      out += ' ';
    }
    i = stop + 1;
  }
  if (secret != std::string_view::npos) {
    out += kHidden;
  }
  return out;
}

std::string shown(std::string_view line) {
  constexpr std::size_t kLongest = 400;  // a condition's message stays readable
  std::string joined;
  for (const std::string& part : clean_lines(line)) {
    joined += (joined.empty() ? "" : " ") + part;
  }
  return api::shortened(redacted(joined), kLongest);
}

}  // namespace swo::diagnose
