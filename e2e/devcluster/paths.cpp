#include "devcluster/paths.hpp"

#include <charconv>

#include "devcluster/status.hpp"

namespace devcluster {
namespace {

std::string decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::string Target::value(const std::string& key) const {
  const auto all = values(key);
  return all.empty() ? "" : all.back();
}

std::vector<std::string> Target::values(const std::string& key) const {
  std::vector<std::string> all;
  for (const auto& [name, value] : query) {
    if (name == key) all.push_back(value);
  }
  return all;
}

bool Target::flag(const std::string& key) const {
  const std::string text = value(key);
  return text == "true" || text == "1";
}

std::optional<std::int64_t> Target::number(const std::string& key) const {
  const std::string text = value(key);
  if (text.empty()) return std::nullopt;
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw bad_request("query parameter " + key + ": \"" + text + "\" is not a number");
  }
  return out;
}

Target parse_target(std::string_view text) {
  Target out;
  const std::size_t mark = text.find('?');
  const std::string_view path = text.substr(0, mark);
  out.path = decode(path, false);
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end > at) out.segments.push_back(decode(path.substr(at, end - at), false));
    at = end + 1;
  }
  if (mark == std::string_view::npos) return out;
  const std::string_view query = text.substr(mark + 1);
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string_view pair = query.substr(at, end - at);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (equals > 0) {
      out.query.emplace_back(decode(pair.substr(0, equals), true),
                             equals < pair.size() ? decode(pair.substr(equals + 1), true) : "");
    }
    at = end + 1;
  }
  return out;
}

std::optional<ResourcePath> resource_path(const Target& target) {
  const auto& s = target.segments;
  ResourcePath out;
  std::size_t at = 0;
  if (s.size() >= 3 && s[0] == "api") {
    out.version = s[1];
    at = 2;
  } else if (s.size() >= 4 && s[0] == "apis") {
    out.group = s[1];
    out.version = s[2];
    at = 3;
  } else {
    return std::nullopt;
  }
  // "namespaces/x" is the Namespace; "namespaces/x/pods" is what lives in it, unless the third word
  // is one of Namespace's own subresources.
  if (s[at] == "namespaces" && s.size() > at + 2 && s[at + 2] != "status" &&
      s[at + 2] != "finalize") {
    out.ns = s[at + 1];
    at += 2;
  }
  out.resource = s[at];
  if (s.size() > at + 1) out.name = s[at + 1];
  for (std::size_t i = at + 2; i < s.size(); ++i) {
    out.subresource += (out.subresource.empty() ? "" : "/") + s[i];
  }
  return out;
}

std::string group_of(const std::string& api_version) {
  const std::size_t slash = api_version.find('/');
  return slash == std::string::npos ? "" : api_version.substr(0, slash);
}

}  // namespace devcluster
