// What is common to those who read Events. Pure.
#pragma once

#include <string>

#include "api/json_read.hpp"

namespace swo::kube {

// When it was last seen, RFC 3339: by the older recorders' field or the newer one's
// (events.k8s.io).
inline std::string event_time(const Json& event) {
  std::string when = text(at(event, "lastTimestamp"));
  return when.empty() ? text(at(event, "eventTime")) : when;
}

}  // namespace swo::kube
