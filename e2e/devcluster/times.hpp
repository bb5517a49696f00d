// RFC 3339 times, as metadata has them, and kubectl's short durations ("3d4h").
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace devcluster {

std::string rfc3339(std::chrono::system_clock::time_point time);  // whole seconds, UTC
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(const std::string& text);
// apimachinery util/duration HumanDuration.
std::string human_duration(std::chrono::seconds age);

}  // namespace devcluster
