// The TLS settings that an OpenShift cluster asks of the servers in it: spec.tlsSecurityProfile of
// the APIServer object "cluster".
//
// Pure; safe from any thread. Types and names: openshift/api config/v1/types_tlssecurityprofile.go.
// TLS 1.2 is the least that is spoken here, whatever a profile allows: clients that read metrics
// have no need of less, and a server may leave out what it does not support (ibid., ciphers).
#pragma once

#include <string>
#include <vector>

#include "api/json.hpp"
#include "kube/resource.hpp"
#include "kube/result.hpp"
#include "runtime/rest_listener.hpp"

namespace swo::platform {

inline constexpr kube::ResourceType kApiServers{"config.openshift.io", "v1", "apiservers",
                                                "APIServer", false};

// What to keep of it.
const std::vector<std::string>& api_server_fields();

// No object, no profile, one of a type that is not known, or a Custom one with no cipher that
// OpenSSL has: Intermediate, as OpenShift's own servers take it.
runtime::TlsSettings tls_settings(const Json& api_server);

// What the command line says in their place, each for itself.
struct TlsFlags {
  std::string min_version = {};           // "" or as in Kubernetes: VersionTLS12, VersionTLS13
  std::vector<std::string> ciphers = {};  // IANA's names, as Kubernetes has them, or OpenSSL's
  bool decide_all() const { return !min_version.empty() && !ciphers.empty(); }
};
runtime::TlsSettings with_flags(runtime::TlsSettings settings, const TlsFlags& flags);
// The first name in `flags` that means nothing, as a sentence with the remedy; "" when there is
// none.
std::string fault_of(const TlsFlags& flags);

}  // namespace swo::platform
