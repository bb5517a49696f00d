// What Route, Ingress and HTTPRoute have in common. Internal to this folder. Pure.
#pragma once

#include "api/workload.hpp"

namespace swo::render {

// The port that route.targetPort names, else the first; nullptr where the workload has none.
const api::Port* exposed_port(const api::Workload& workload);

bool is_passthrough(const api::RouteSpec& route);

}  // namespace swo::render
