// The probes that ask systemd how it is. Internal to this folder. Pure.
//
// Each runs /bin/sh in the container and prints one line when it fails, which the kubelet puts into
// an "Unhealthy" Event: so the operator learns systemd's state without the right to exec. The
// lines:
//   systemd is starting; waiting for: a.service b.service
//   systemd is degraded; failed: a.service b.service
//   systemd is running; not active: a.service b.service
// The part after the state is left out where there is nothing to name. The state is one of those of
// `systemctl is-system-running` (systemctl(1)); "unknown" where systemd does not answer.
#pragma once

#include "api/json.hpp"
#include "api/workload.hpp"

namespace swo::render {

// Whether the startup probe looks for a user namespace too.
enum class ProveUserNamespace { kNo, kYes };

// Until the boot is over (running or degraded), at most readiness.startupTimeoutSeconds. Without
// the user namespace that it is to prove it never is, and the line printed is
//   no user namespace: root here is root of the node
Json startup_probe(const api::ReadinessSpec& readiness,
                   ProveUserNamespace prove = ProveUserNamespace::kNo);

// The named units are active; without names: the system is running, or degraded where that is
// accepted. There is no liveness probe: PID 1's end is the container's.
Json readiness_probe(const api::ReadinessSpec& readiness);

// `text` as one word of a POSIX shell, whatever it holds.
std::string shell_quote(std::string_view text);

}  // namespace swo::render
