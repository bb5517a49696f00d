// What PID 1 is told, and by which means: its arguments, its environment, the files put in front of
// it. Internal to this folder. Pure.
//
// systemd in a container reads its own arguments as the kernel's command line, and its environment
// as the container manager's word (systemd docs/CONTAINER_INTERFACE.md, docs/CREDENTIALS.md;
// kernel-command-line(7)).
#pragma once

#include <string>

#include "api/json.hpp"
#include "api/workload.hpp"
#include "platform/strategy.hpp"

namespace swo::render {

Json init_args(const api::Workload& workload);

// The workload's own variables win over the operator's of the same name.
Json init_env(const api::Workload& workload, const platform::Strategy& strategy, int ordinal);

struct Mounts {
  Json volumes = Json::array();  // of the Pod
  Json mounts = Json::array();   // of the container
};
Mounts init_mounts(const api::Workload& workload, const platform::Strategy& strategy, int ordinal);

// Of a claim's volume, at that path.
Json claim_mount(const api::Claim& claim, const std::string& path);

// preStop tells PID 1 to shut down, before the runtime sends the image's stop signal. postStart,
// where the runtime's mounts are emptyDirs, gives them the modes that the runtime's have.
Json lifecycle(const platform::Strategy& strategy);

}  // namespace swo::render
