// `kubectl sdw`: the program under the name kubectl-sdw, for the people who own workloads.
//
// kubectl finds plugins by name in the PATH
// (kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins) and, from 1.26 on, asks
// kubectl_complete-sdw for completions (KEP-859 and k8s.io/kubectl pkg/cmd/plugin_completion.go).
// Everything is done with the rights of who runs it.
#pragma once

#include <iosfwd>
#include <string_view>

namespace swo::cli {

inline constexpr std::string_view kPluginName = "kubectl-sdw";
inline constexpr std::string_view kCompletionName = "kubectl_complete-sdw";

// Exit status: 0 done (of status and diagnose: and the workload is well), 1 not, 2 bad usage.
int plugin_main(int argc, char** argv, std::ostream& out, std::ostream& err);

// What may stand at the place of the last argument, one a line, and the directive for the shell.
int plugin_complete(int argc, char** argv, std::ostream& out);

}  // namespace swo::cli
