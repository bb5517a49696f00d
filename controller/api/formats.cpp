#include "api/formats.hpp"

#include <algorithm>
#include <array>

namespace swo::api {
namespace {

// ASCII only: <cctype> depends on the locale and is undefined for negative chars.
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }
// As \s of the schema's patterns has it (RE2): without the vertical tab.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v'); }

template <class Predicate>
bool all(std::string_view text, Predicate allowed) {
  return std::all_of(text.begin(), text.end(), allowed);
}

bool is_any_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// Applies `part` to what lies between separators; empty parts are handed on as well.
template <class Predicate>
bool all_parts(std::string_view text, char separator, Predicate part) {
  for (;;) {
    const auto end = text.find(separator);
    if (!part(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool dns_label(std::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         all(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool dns_subdomain(std::string_view text) { return all_parts(text, '.', dns_label); }

bool service_name(std::string_view text) { return dns_label(text) && is_lower(text.front()); }

bool port_name(std::string_view text) {
  return service_name(text) && text.find("--") == std::string_view::npos;
}

constexpr std::array<std::string_view, 11> kUnitTypes = {
    ".service", ".socket", ".target", ".timer", ".mount", ".automount",
    ".path",    ".slice",  ".scope",  ".swap",  ".device"};

bool unit_stem(std::string_view text) {
  return !text.empty() &&
         all(text, [](char c) { return is_alnum(c) || is_any_of(c, R"(:_.\@-)"); });
}

bool unit_name(std::string_view text) {
  return std::any_of(kUnitTypes.begin(), kUnitTypes.end(), [&](std::string_view type) {
    return text.ends_with(type) && unit_stem(text.substr(0, text.size() - type.size()));
  });
}

bool target_name(std::string_view text) { return unit_name(text) && text.ends_with(".target"); }

bool data_key(std::string_view text) {
  return !text.empty() && all(text, [](char c) { return is_alnum(c) || is_any_of(c, "-._"); });
}

bool capability(std::string_view text) {
  return !text.empty() && is_upper(text.front()) &&
         all(text, [](char c) { return is_upper(c) || is_digit(c) || c == '_'; });
}

// A whole number of bytes with at most one suffix. Kubernetes' quantities are wider (fractions,
// exponents); one spelling per size keeps two equal claims equal as text.
bool size(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || text.front() == '0') return false;
  text.remove_prefix(digits);
  if (text.size() == 2) return is_any_of(text.front(), "KMGTPE") && text.back() == 'i';
  return text.empty() || (text.size() == 1 && is_any_of(text.front(), "kMGTPE"));
}

// Whether the address is one is left to the API server.
bool cidr(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == 0 || slash == std::string_view::npos) return false;
  const std::string_view bits = text.substr(slash + 1);
  return all(text.substr(0, slash),
             [](char c) { return is_digit(c) || is_any_of(c, "abcdefABCDEF:."); }) &&
         !bits.empty() && bits.size() <= 3 && all(bits, is_digit);
}

bool absolute_path(std::string_view text) {
  return text.size() > 1 && text.front() == '/' && text.find(':') == std::string_view::npos;
}

bool path_component(std::string_view text) {
  return !text.empty() && text.front() != '.' && data_key(text);
}

bool relative_path(std::string_view text) { return all_parts(text, '/', path_component); }

bool url_path(std::string_view text) {
  return text.starts_with('/') &&
         all(text, [](char c) { return !is_space(c) && c != '?' && c != '#'; });
}

bool no_white_space(std::string_view text) {
  return !text.empty() && all(text, [](char c) { return !is_space(c); });
}

bool certificates(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  if (!text.starts_with(kBegin)) return false;
  text.remove_prefix(kBegin.size());
  return text.starts_with('\n') || text.starts_with("\r\n");
}

bool label_value(std::string_view text) {
  return text.empty() ||
         (text.size() <= 63 && is_alnum(text.front()) && is_alnum(text.back()) && data_key(text));
}

bool qualified_name(std::string_view text) {
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    if (slash > 253 || !dns_subdomain(text.substr(0, slash))) return false;
    text.remove_prefix(slash + 1);
  }
  return !text.empty() && label_value(text);
}

}  // namespace

const Format kDnsLabel = {
    dns_label, "use lower-case letters, digits and '-', with a letter or digit at both ends"};
const Format kDnsSubdomain = {dns_subdomain,
                              "use lower-case letters, digits, '-' and '.', with a letter or digit "
                              "at both ends of each part"};
const Format kPortName = {
    port_name,
    "use lower-case letters, digits and single '-', starting with a letter, as in https-alt"};
const Format kServiceName = {service_name,
                             "use lower-case letters, digits and '-', starting with a letter"};
const Format kUnitName = {unit_name, "name a systemd unit with its type, as in nginx.service"};
const Format kTargetName = {target_name, "name a systemd target, as in multi-user.target"};
const Format kDataKey = {data_key, "use letters, digits, '-', '_' and '.'"};
const Format kCapability = {capability, "name a capability in upper case, as in NET_ADMIN"};
const Format kSize = {size, "write a whole number with a unit, as in 10Gi or 500M"};
const Format kCidr = {cidr, "write a range of addresses, as in 192.0.2.0/24"};
const Format kAbsolutePath = {absolute_path,
                              "write an absolute path below / without ':', as in /var/lib/ipa"};
const Format kRelativePath = {
    relative_path,
    "write a relative path of letters, digits, '-', '_' and '.', no part of which starts with '.'"};
const Format kUrlPath = {url_path, "start it with '/' and leave out white space, '?' and '#'"};
const Format kNoWhiteSpace = {
    no_white_space, "write an image reference without white space, as in quay.io/example/app:1.0"};
const Format kCertificates = {
    certificates,
    "put PEM there that begins with -----BEGIN CERTIFICATE----- on a line of its own"};
const Format kLabelValue = {
    label_value,
    "use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"};
const Format kQualifiedName = {
    qualified_name, "write it as a label's key: [example.com/]name, the name at most 63 long"};

std::size_t length(std::string_view text) {
  constexpr unsigned kTopTwoBits = 0xC0;
  constexpr unsigned kContinuation = 0x80;
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & kTopTwoBits) != kContinuation;
  }));
}

}  // namespace swo::api
