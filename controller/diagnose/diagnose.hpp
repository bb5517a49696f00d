// Names the cause of what an instance suffers from, with the evidence and the remedy.
//
// Pure: an ordered chain of small functions, most specific first; the first that applies wins.
// Rows and sources: docs/troubleshooting.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/facts.hpp"
#include "platform/strategy.hpp"

namespace swo::diagnose {

// All that is known of one instance, as plain values. Fields are empty where nothing is known.
struct Evidence {
  std::string pod_name = {};
  std::string phase = {};  // Pod status.phase
  bool ready = false;
  bool ready_means_running =
      false;                    // the readiness probe wants systemd "running", not certain units
  std::string pod_reason = {};  // status.reason: Evicted, NodeLost, …
  std::string pod_message = {};
  std::string scheduled_message = {};  // condition PodScheduled=False: its message
  std::string waiting_reason = {};     // container state: CrashLoopBackOff, ImagePullBackOff,
                                       // CreateContainerError, …
  std::string waiting_message = {};
  std::string terminated_reason = {};  // current or last: Error, OOMKilled, Completed, …
  std::string terminated_message = {};
  std::optional<int> exit_code = {};
  std::optional<int> exit_signal = {};
  int restarts = 0;
  bool tty = true;  // what the live Pod has, not what was rendered
  std::optional<bool>
      host_users;  // live spec.hostUsers; nullopt: absent (an old API server drops it)
  bool user_namespace_asked = false;  // the live Pod asks CRI-O for one, by its annotation
  bool run_as_user_set = true;
  std::int64_t run_as_user = 0;
  std::string scc = {};           // annotation openshift.io/scc
  bool seeding = false;           // an empty claim is being filled from the image
  std::string seed_failure = {};  // what ended that, in its own words
  std::vector<std::string> command = {};
  std::string log_tail = {};             // last lines; may hold escape sequences
  bool log_known = false;                // false: the log was not (or could not be) read
  std::vector<std::string> events = {};  // "Reason: message", newest last
  std::string create_error =
      {};  // the API server's answer to creating the Pod, where it was refused
  const platform::NodeFacts* node = nullptr;
};

// Of a live Pod it is told though the instance be ready: its container is root of the node.
inline constexpr std::string_view kUserNamespaceDropped = "UserNamespaceDropped";

struct Diagnosis {
  std::string reason = {};    // CamelCase, the STATUS column: "CgroupNotDelegated"
  std::string cause = {};     // one sentence
  std::string evidence = {};  // the very line, stripped of escape sequences and of anything secret
  std::string remedy = {};    // what to do
  bool transient = false;     // expected to pass by itself (Pending, starting)
  bool operator==(const Diagnosis&) const = default;
  std::string message() const;  // "cause. Seen: “evidence”. To do: remedy"
};

std::optional<Diagnosis> diagnose(const Evidence& evidence, const platform::Strategy& strategy);

// The same for a saved log alone (`diagnose --log FILE`).
std::optional<Diagnosis> diagnose_log(std::string_view log);

// systemd's state as far as the console and the probe's messages tell it, without exec.
struct SystemdState {
  std::string state = {};  // a word of systemctl is-system-running; "" where none is known
  std::vector<std::string> failed_units = {};
  std::string waiting_for = {};  // the job that keeps the boot from ending
};
SystemdState systemd_state(const Evidence& evidence);

}  // namespace swo::diagnose
