// What `kubectl sdw status` and `list` print. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/workload.hpp"
#include "cli/paint.hpp"
#include "runtime/clock.hpp"

namespace swo::cli {

// One workload whole: what it is, its instances, its conditions.
std::string status_text(const api::Workload& workload, runtime::WallTime now, const Paint& paint);

// One a line, as the columns of `kubectl get sdw`; with their namespaces when `all`.
std::string list_text(const std::vector<api::Workload>& workloads, bool all, runtime::WallTime now,
                      const Paint& paint);

// Nobody has to do anything about it: it runs, it hibernates, or it is paused.
bool is_well(const api::Workload& workload);

// "OpenShift 4.20 (Kubernetes 1.33), cgroups v2, user namespaces by hostUsers".
std::string platform_text(const api::PlatformStatus& platform);

// "3s", "5m", "4h", "9d", as kubectl counts; "" when `since` is no time.
std::string age_text(const std::string& since, runtime::WallTime now);

}  // namespace swo::cli
