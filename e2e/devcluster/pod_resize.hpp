// The resize subresource of Pods: what it takes, and what it refuses. Pure.
// Sources: kubernetes pkg/registry/core/pod/strategy.go (podResizeStrategy),
// pkg/apis/core/validation ValidatePodResize, as of 1.33.
#pragma once

#include <vector>

#include "devcluster/status.hpp"

namespace devcluster {

// `live` with the resources and resize policies of `sent`, and with nothing else of it; `sent`
// where their containers are not the same, which is refused below.
Json resized(const Json& live, const Json& sent);
std::vector<Cause> validate_resize(const Json& pod, const Json& old);

}  // namespace devcluster
