// Words that can stand at the place of the last argument, for a shell.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace swo::cli {

// The names of the workloads, of the namespace given ("" = the context's), for a completion.
struct NamesWanted {
  std::string ns;
  std::string context;
  std::string kubeconfig;
};
using NameSource = std::function<std::vector<std::string>(const NamesWanted&)>;

// `words` are the arguments so far; the last is the one to complete, "" when it is not begun.
// Candidates that begin with it; a candidate's help follows after a tab, as Cobra's protocol has
// it.
std::vector<std::string> complete(const std::vector<std::string>& words, const NameSource& names);

// A bash function for kubectl-sdw called by that name; with kubectl the completion is kubectl's
// own.
std::string bash_completion();

}  // namespace swo::cli
