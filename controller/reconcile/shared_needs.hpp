// What the workloads of the cluster need of the pieces they share, counted as they come and go.
//
// Thread-safe. Each workload's reconcile reports its need; the shared pieces are planned from the
// sum, so that ten thousand workloads are not read again for each that changes.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kube/resource.hpp"
#include "platform/strategy.hpp"

namespace swo::reconcile {

struct Need {
  std::string scc;  // name of the operator's SCC it runs under; "" = none of the operator's
  std::vector<std::string> capabilities;  // that SCC allows
  bool scc_user_namespace_level = false;
  std::optional<platform::MachineConfigNeed> machine_config;
  bool cgroup_mode = false;  // nodes.config/cluster must say cgroupMode v2
  bool unknown = false;      // it may need more than that
  bool operator==(const Need&) const = default;
};

struct NeededScc {
  std::vector<std::string> capabilities;
  bool user_namespace_level = false;
  int users = 0;
};

struct SharedNeedsSum {
  std::map<std::string, NeededScc> sccs;
  std::map<std::string, platform::MachineConfigNeed> machine_configs;  // by pool
  bool cgroup_mode = false;
  std::size_t unknown = 0;  // workloads that have reported, but cannot say what they need
};

class SharedNeeds {
 public:
  // True when the sum has changed in what it asks for, or when now, with this one, all `of` them
  // have reported.
  bool report(const kube::ObjectKey& workload, const Need& need, std::size_t of);
  // The same of a workload that cannot say what it needs: it needs what it needed before, if that
  // is known.
  bool report_unknown(const kube::ObjectKey& workload, std::size_t of);
  // True also of one that had not reported: it may have been the last that was waited for.
  bool forget(const kube::ObjectKey& workload);
  bool has_reported(const kube::ObjectKey& workload) const;
  SharedNeedsSum sum() const;

 private:
  mutable std::mutex mutex_;
  std::map<kube::ObjectKey, std::size_t> by_workload_;  // index into kinds_: few are distinct
  struct Kind {
    Need need;
    std::size_t users = 0;
  };
  std::vector<Kind> kinds_;
  std::size_t index_of(const Need& need);
};

}  // namespace swo::reconcile
