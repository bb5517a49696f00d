// What becomes of a Pod on a machine: the rules by which an unmodified systemd boots, or fails and
// how.
//
// Pure. The rules are those of runtimes and of systemd as seen on real nodes, each cited where it
// stands; log lines are what systemd prints on its console (v246 on Fedora 33 in the older form,
// 257 for the newer).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "devcluster/controller.hpp"

namespace devcluster {

struct Fate {
  enum class Kind {
    kFails,  // never starts
    kExits,  // starts, and PID 1 exits by itself
    kRuns,
  } kind = Kind::kRuns;
  // kFails: as node::ContainerState has it, in the words of the runtime or the init container.
  std::string error, error_reason;
  int exit_code = 0;
  bool oom = false;
  bool at_once = true;           // kExits: right after start; else when the boot would be over
  std::vector<std::string> log;  // lines on the console; empty without a terminal
  // kRuns:
  bool systemd = true;  // PID 1 is systemd
  bool boot_ends = true;
  std::vector<std::string> failed_units;  // what makes it degraded
  std::string waiting_for;                // the job that keeps the boot from ending
  std::string probe_fault;                // what every probe says; "": as it is
  bool flaps = false;                     // ready and not ready by turns
  bool stops = true;                      // honours the stop that it is sent
  bool user_namespace = false;            // false: root inside is root on the host
};

// `nfs` names the Pod's claims whose volumes cannot be id-mapped.
Fate fate_of(const Json& pod, const Machine& machine, const Profile& profile,
             const std::set<std::string>& nfs_claims);

// What is asked of an application for a test or a demo: the words of the image's name and tag and
// of the annotation devcluster/behaviour. Known words: degraded, hang, exitN, oom, missing, nostop,
// nostopsignal, flap.
std::set<std::string> behaviours(const Json& pod);

// The words of a fault that is asked for by the annotation devcluster/fault, as in "image: manifest
// unknown": at image, mount, config, sandbox, create, init, boot or probe. "": none at that place.
// Some faults are beyond a stand-in, and what others say of them is not.
std::string fault_at(const Json& pod, const std::string& place);

}  // namespace devcluster
