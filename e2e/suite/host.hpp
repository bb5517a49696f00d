// The host's own view of the Pods of a stand-in cluster that runs as a process: what the answers of
// that cluster are checked against.
//
// Nothing here asks the cluster. Needs root.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include "node/host_view.hpp"

namespace e2e {

using Json = nlohmann::json;

// The first process of a Pod (its API object) that `devcluster` runs, as the host sees it; nothing
// when none runs.
std::optional<node::HostView> init_of(pid_t devcluster, const Json& pod);

// When the process began, in the kernel's clock ticks: with its id it names one process for ever
// (proc(5), /proc/PID/stat). Empty when there is none.
std::string start_time(pid_t process);

// The output of a shell script as root inside the container of that first process, without the last
// newline: by nsenter, past runtime and cluster.
std::string inside(pid_t init, const std::string& script);

// Whether the process ends within the time.
bool ends(pid_t process, std::chrono::milliseconds limit);

}  // namespace e2e
