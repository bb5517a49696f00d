// What the subcommands of `kubectl sdw` do, each one or two requests to the API server.
//
// Each returns the exit status: 0 done, 1 not (told on `err`, with what to do about it).
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/paint.hpp"
#include "kube/client.hpp"
#include "runtime/clock.hpp"

namespace swo::cli {

// Where the changes of this program are recorded in metadata.managedFields.
inline constexpr const char* kPluginFieldManager = "kubectl-sdw";

struct PluginContext {
  kube::Client& client;
  std::string ns;
  std::ostream& out;
  std::ostream& err;
  Paint paint;
  bool terminal = false;  // `out` is one: a console's bytes are not to steer it
  const runtime::Clock& clock = runtime::system_clock();
};

// 1 also when the workload is not as it should be, so that scripts can ask.
int plugin_status(const PluginContext& context, const std::string& name);
int plugin_list(const PluginContext& context, bool all_namespaces);

enum class Change { kRestart, kPause, kResume, kHibernate, kWake };
int plugin_change(const PluginContext& context, const std::string& name, Change change);

struct LogRequest {
  std::string name = {};
  std::string instance = {};  // an ordinal or an instance's name; "" = the first
  bool previous = false;
  bool follow = false;
  int tail = 200;  // lines; 0 = all
};
// The console of an instance: what systemd and, with spec.init.journalToConsole, the journal write.
// Follows until the container ends, or nobody takes the output.
int plugin_logs(const PluginContext& context, const LogRequest& request);

struct JournalRequest {
  std::vector<std::string> connection = {};  // --context X, --kubeconfig Y, for kubectl
  std::string ns = {};
  std::string instance = {};  // name of the Pod
  std::string unit = {};      // "" = all
  bool follow = false;
  int tail = 200;
};
// `kubectl exec … journalctl …`: the journal itself is inside the instance.
std::vector<std::string> journal_command(const JournalRequest& request);

// "nginx-0" for "", "0" and "nginx-0"; nullopt, told on `err`, when it is not an instance of the
// workload's.
std::optional<std::string> instance_name(const std::string& workload, const std::string& instance,
                                         std::ostream& err);

}  // namespace swo::cli
