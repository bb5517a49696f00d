// What a transport must know of the server and of us, and the factories of the two transports.
//
// Aggregates, copied freely. What may change while the program runs (token, CA, client certificate)
// is behind functions that the transports ask again; these must be thread-safe. Secrets live here
// in the clear and never go into an Error or a log.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/result.hpp"
#include "kube/transport.hpp"

namespace swo::kube {

// PEM texts. No CA means the system's.
struct TlsMaterial {
  std::string ca;
  std::string client_certificate;
  std::string client_key;
  bool operator==(const TlsMaterial&) const = default;
};

// Where the Authorization header comes from. Thread-safe.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // The header's whole value ("Bearer …", "Basic …"), "" for none. May read a file or run a plugin,
  // so the implementations remember it for a while. Errors: kConfig.
  virtual Result<std::string> authorization() = 0;
  // The server answered 401 to `refused`: forget it, if it is still what is remembered.
  virtual void refresh(std::string_view refused) = 0;
};

struct TransportConfig {
  std::string server;  // "https://host:port", with a path prefix where a proxy wants one
  TlsMaterial tls;
  // Asked for each new connection and after a 401 when set, in place of `tls`. Errors: kConfig.
  std::function<Result<TlsMaterial>()> reread_tls;
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name;         // "" = the host in `server`
  std::string proxy_url;               // "" = none; "http://[user:password@]host:port"
  std::shared_ptr<TokenSource> token;  // null = none
  std::string user_agent = "systemd-workload-operator";
  // Impersonate-User, Impersonate-Group, … as they go on the wire with each request.
  std::vector<std::pair<std::string, std::string>> extra_headers;
};

// Neither connects: a server that is not there shows at the first request. Errors: kConfig.
Result<std::unique_ptr<Transport>> make_beast_transport(const TransportConfig& config);
Result<std::unique_ptr<Transport>> make_cpprest_transport(const TransportConfig& config);

// cpprestsdk starts 40 threads at its first use; this makes it `threads`. Call it first in main():
// false when the pool is already there. It also keeps OpenSSL from tearing itself down at exit
// under the pool's running threads (microsoft/cpprestsdk #1480, #1482).
bool initialize_cpprest_threads(std::size_t threads);

}  // namespace swo::kube
