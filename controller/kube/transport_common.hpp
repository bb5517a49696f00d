// What both transports do the same way: read URLs, refuse requests that could not be framed, and
// ask again once with a fresh token after a 401. Functions without state.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kube/result.hpp"
#include "kube/transport.hpp"
#include "kube/transport_config.hpp"

namespace swo::kube {

// Response bodies larger than this are refused. A page of 500 objects at etcd's limit of 1.5 MiB
// would be: the watcher then asks for smaller ones.
inline constexpr std::size_t kMaxBody = 64UL * 1024 * 1024;
// Header lines together.
inline constexpr std::size_t kMaxHeader = 64UL * 1024;

struct Endpoint {
  bool tls = false;
  std::string host;               // without the brackets of an IPv6 address
  std::string port;               // always set
  std::string prefix;             // "/k8s/clusters/c-1", without a slash at its end
  std::string credentials;        // "user:password", percent-decoded
  std::string authority() const;  // "host:port", brackets where needed
};

// Reads "http[s]://[user:password@]host[:port][/prefix]". Errors: kConfig, naming `field`.
Result<Endpoint> parse_url(std::string_view url, std::string_view field);

struct Endpoints {
  Endpoint server;
  std::optional<Endpoint> proxy;
};
// The two URLs of a config, its header values checked. Errors: kConfig.
Result<Endpoints> endpoints_of(const TransportConfig& config);

std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

bool is_control(char c);  // of ASCII

// kInvalid when method, target or a header would break the framing of HTTP (a CR, LF or blank
// smuggled in by a name).
Status check_request(const HttpRequest& request);

// Nothing that a GET asks can have been applied: without an answer it is safe to ask again.
inline bool is_read(std::string_view method) { return method == "GET" || method == "HEAD"; }

// That of an answer beyond kMaxBody or kMaxHeader.
Error too_large_error();
// The error of a request that was sent and not, or not wholly, answered.
Error unanswered(std::string_view method, std::string message);
inline Error cancelled() {
  return make_error(ErrorKind::kCancelled, "stopped: the transport is shut down");
}

inline int status_of(const HttpResponse& response) { return response.status; }
inline int status_of(const std::unique_ptr<ByteStream>& stream) { return stream->head().status; }

// Runs try_once(authorization). After a 401 it does so once more, if token or TLS material have
// changed: a request refused by 401 was not acted on. `reload_tls` tells whether the material
// changed.
template <class TryOnce, class ReloadTls>
auto with_authorization(const TransportConfig& config, const TryOnce& try_once,
                        const ReloadTls& reload_tls) -> decltype(try_once(std::string())) {
  constexpr int kUnauthorizedStatus = 401;
  std::string authorization;
  if (config.token) {
    auto value = config.token->authorization();
    if (!value) return value.error();
    authorization = *std::move(value);
  }
  auto first = try_once(authorization);
  if (!first || status_of(*first) != kUnauthorizedStatus) return first;
  std::string again = authorization;
  if (config.token) {
    config.token->refresh(authorization);
    auto value = config.token->authorization();
    if (!value) return value.error();
    again = *std::move(value);
  }
  const bool tls_changed = config.reread_tls && reload_tls();
  if (again == authorization && !tls_changed) return first;
  return try_once(again);
}

}  // namespace swo::kube
