#include "kube/transport_common.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <openssl/evp.h>

namespace swo::kube {
namespace {

Error bad_url(std::string_view field, std::string_view problem) {
  // The URL itself may hold a password, so it stays out of the message.
  return make_error(ErrorKind::kConfig, std::string(field) + " " + std::string(problem) +
                                            ": write it as https://HOST:PORT");
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 2, byte, 16).ptr == &text[i + 1] + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65535;
}

// RFC 9110 section 5.6.2: the characters of methods and header names.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

Error unframeable(std::string message) {
  return make_error(ErrorKind::kInvalid, std::move(message));
}

}  // namespace

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

std::string Endpoint::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + port;
}

Result<Endpoint> parse_url(std::string_view url, std::string_view field) {
  Endpoint out;
  if (url.starts_with("https://")) {
    out.tls = true;
  } else if (!url.starts_with("http://")) {
    return bad_url(field, url.empty() ? "is empty" : "starts with neither https:// nor http://");
  }
  url.remove_prefix(out.tls ? 8 : 7);
  const std::size_t slash = std::min(url.find('/'), url.size());
  std::string_view authority = url.substr(0, slash);
  std::string_view prefix = url.substr(slash);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (url.find_first_of("?# ") != std::string_view::npos ||
      std::any_of(url.begin(), url.end(), is_control)) {
    return bad_url(field, "has a query, a fragment, a blank or a control character");
  }
  out.prefix = prefix;
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    out.credentials = percent_decode(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return bad_url(field, "has an unclosed [");
    out.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return bad_url(field, "has text after the ]");
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    out.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (out.host.empty()) return bad_url(field, "names no host");
  if (port.starts_with(':')) port.remove_prefix(1);
  if (port.empty()) port = out.tls ? "443" : "80";
  if (!is_port(port)) return bad_url(field, "has a port that is not a number from 1 to 65535");
  out.port = port;
  return out;
}

Result<Endpoints> endpoints_of(const TransportConfig& config) {
  auto server = parse_url(config.server, "cluster.server");
  if (!server) return server.error();
  Endpoints out{*std::move(server), std::nullopt};
  HttpRequest probe;
  probe.target = "/";
  probe.headers = config.extra_headers;
  probe.headers.emplace_back("User-Agent", config.user_agent);
  if (auto checked = check_request(probe); !checked) {
    return make_error(ErrorKind::kConfig,
                      "impersonation or user agent: " + checked.error().message);
  }
  if (config.proxy_url.empty()) return out;
  auto proxy = parse_url(config.proxy_url, "cluster.proxy-url");
  if (!proxy) {
    return make_error(ErrorKind::kConfig,
                      "cluster.proxy-url: only http://[USER:PASSWORD@]HOST:PORT is supported");
  }
  if (proxy->tls) {
    return make_error(ErrorKind::kConfig,
                      "cluster.proxy-url: a proxy behind https:// is not supported, give its "
                      "http:// address");
  }
  out.proxy = *std::move(proxy);
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty()) return std::string();
  std::string out(text.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  // EVP_DecodeBlock counts the padding as bytes.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

Status check_request(const HttpRequest& request) {
  if (!is_token(request.method)) return unframeable("the method is not an HTTP token");
  if (!request.target.starts_with('/') ||
      std::any_of(request.target.begin(), request.target.end(), [](char c) {
        return c == ' ' || c == '#' || is_control(c) || (c & 0x80) != 0;
      })) {
    return unframeable("the request path must start with / and be escaped");
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return unframeable("a header name holds a character that HTTP forbids");
    if (std::any_of(value.begin(), value.end(), is_control)) {
      return unframeable("the header " + name + " holds a control character");
    }
  }
  return Ok{};
}

Error too_large_error() {
  Error error = make_error(ErrorKind::kBadResponse, "the answer is too large");
  error.too_large = true;
  return error;
}

Error unanswered(std::string_view method, std::string message) {
  return make_error(is_read(method) ? ErrorKind::kUnreachable : ErrorKind::kAmbiguous,
                    std::move(message));
}

}  // namespace swo::kube
