// What the suite's programs leave on this machine once they have ended: it should be nothing.
// Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace e2e {

// Every program of the suite has this and the suite's process id in its environment, which its own
// children inherit.
inline constexpr const char* kMark = "SWO_E2E=";

// A devcluster has ended, whose scratch files were all below that folder.
void note_end_of(pid_t devcluster, const std::string& folder);

// Processes of the suite's programs, and the cgroups and files of devclusters that have ended; each
// as a line.
std::vector<std::string> leftovers();

// What of this machine has to be the same afterwards: its mounts, its network devices and the limit
// that a test raises.
std::vector<std::string> machine_state();

}  // namespace e2e
