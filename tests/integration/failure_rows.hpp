// Everything that a workload is known to suffer from, as rows of a table: how it is met on a
// cluster, what must then be told, and how it ends.
//
// A row is run by failure_rows_test.cpp in virtual time, from the operator's own eyes to the object
// that a person looks at. The rows of the troubleshooting guide that no row here meets are listed
// there, each with the reason why.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "scenarios.hpp"

namespace swo::test {

// Where a failure is told besides the STATUS column, the condition Ready and an Event.
enum class Told {
  kByInstance,   // in the instance's diagnosis: its Pod is there
  kByCondition,  // there alone: no Pod is made
  kByWarning,    // by the condition PlatformReady=True alone: the workload may run all the same
  kByDegraded,   // by the condition Degraded=True alone: it runs
};

struct FailureRow {
  std::string name;  // CamelCase; reads on from "AWorkload"
  std::string reason;
  std::string evidence;  // a part of the line that it was judged by, or of the state found
  std::string remedy;    // a part of what is to be done
  Told told = Told::kByInstance;
  std::string profile = "openshift-4.20";
  std::function<void(devcluster::Profile&)> adjust = nullptr;
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
  Json spec = Json::object();                         // over that of nginx
  std::function<void(Simulation&)> hinder = nullptr;  // before the workload is written
  std::function<void(Simulation&)> spoil = nullptr;   // once it runs; empty: it never ran
  std::function<void(Simulation&)> mend = nullptr;    // does what the remedy says
};
std::ostream& operator<<(std::ostream& out, const FailureRow& row);

// By what is at fault: what others have, the cluster, its admission, a place on a node, the
// container, the boot, what runs.
std::vector<FailureRow> whole_rows();
std::vector<FailureRow> platform_rows();
std::vector<FailureRow> warning_rows();
std::vector<FailureRow> admission_rows();
std::vector<FailureRow> placement_rows();
std::vector<FailureRow> container_rows();
std::vector<FailureRow> boot_rows();
std::vector<FailureRow> running_rows();

// ---- what rows are made of

// Changes the spec: what it leaves out stays.
std::function<void(Simulation&)> respec(Json spec);
// An annotation of the Pod by which the stand-in fails in those words (boot_rules.hpp).
Json faulty(const std::string& fault);
// Takes it away.
std::function<void(Simulation&)> without_fault();
std::function<void(Simulation&)> on_every_worker(std::function<void(devcluster::Machine&)> change);
std::function<void(Simulation&)> with_software(std::function<void(devcluster::Profile&)> change);
// A webhook that changes each Pod that is created, as long as `webhook_gone` has not run.
std::function<void(Simulation&)> webhook(std::function<void(Json& pod)> change);
// … or refuses it in those words.
std::function<void(Simulation&)> refusing_webhook(std::string words);
// Ends them, and deletes the instance that they have made, as a person would.
std::function<void(Simulation&)> webhook_gone();
std::function<void(Simulation&)> both(std::function<void(Simulation&)> first,
                                      std::function<void(Simulation&)> second);
std::function<void(Simulation&)> create(std::string collection, Json object);
std::function<void(Simulation&)> remove(std::string collection, std::string name);
std::function<void(Simulation&)> patch(std::string collection, std::string name, Json patch);

// SecurityContextConstraints "mine" of that SELinux type ("": none), which the workload's
// ServiceAccount may use.
std::function<void(Simulation&)> own_scc(const std::string& selinux_type);
// Takes a resource out of what the operator may do, and starts it anew.
std::function<void(Simulation&)> restarted_without_right(const std::string& resource);
// … or one verb alone, without a restart.
std::function<void(Simulation&)> without_right(const std::string& resource,
                                               const std::string& verb);
// Ends the watches that are open: they are opened anew, where they may be. (An API server asks for
// a right when a watch begins, and lets it run on.)
void cut_watches(Simulation& simulation);
// As shipped.
std::function<void(Simulation&)> with_all_rights();

inline const std::string configs_path = "/apis/machineconfiguration.openshift.io/v1/machineconfigs";
inline const std::string pools_path =
    "/apis/machineconfiguration.openshift.io/v1/machineconfigpools";

}  // namespace swo::test
