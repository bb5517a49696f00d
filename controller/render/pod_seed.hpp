// The init container that gives empty claims what the image has where they are mounted, so that a
// claim at /var does not hide the application's own files there. Internal to this folder. Pure.
#pragma once

#include "api/json.hpp"
#include "api/workload.hpp"

namespace swo::render {

// spec.initContainers for the claims with seedFromImage; empty where there is none. `security` is
// the container's securityContext: the same ids and rights as the machine's own, so that owners and
// modes come out as they are in the image.
//
// A claim that holds anything but lost+found is left alone. A copy that was cut short (node lost,
// volume full) is recognised by the mark it leaves, and made again from the start.
Json seed_containers(const api::Workload& workload, const Json& security);

}  // namespace swo::render
