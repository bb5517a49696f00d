// Whether the process is alive and ready, as named checks, and what the endpoints answer.
//
// A failed liveness check (/healthz, /livez) means that only a restart helps: a watch silent past
// its limit, a worker that hangs. A failed readiness check (/readyz) means: not yet, or not now.
// Thread-safe. Format as k8s.io/apiserver pkg/server/healthz: "ok", or one line per check with
// ?verbose and on failure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/guarded.hpp"

namespace swo::runtime {

class Health {
 public:
  enum class Kind { kLive, kReady };
  // Empty, or why not. Called for each request: must be quick.
  using Check = std::function<std::optional<std::string>()>;
  void add(Kind kind, std::string name, Check check);

  struct Answer {
    int status = 200;  // 500 when a check fails, 404 for any other path
    std::string body;
  };
  // `path` is /healthz, /livez or /readyz, or one of them with a check's name: /readyz/caches.
  Answer answer(std::string_view path, bool verbose) const;

 private:
  struct Named {
    Kind kind;
    std::string name;
    Check check;
  };
  kube::Guarded<std::vector<Named>> checks_;
};

}  // namespace swo::runtime
