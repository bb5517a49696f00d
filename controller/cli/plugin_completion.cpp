#include "cli/plugin_completion.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace swo::cli {
namespace {

struct Word {
  std::string_view name;
  std::string_view help;
};

constexpr std::array kCommands = {Word{"status", "One workload with its instances and conditions"},
                                  Word{"list", "All workloads of a namespace"},
                                  Word{"diagnose", "The whole story, and what to do"},
                                  Word{"logs", "Console or journal of an instance"},
                                  Word{"restart", "Restart the instances, one after the other"},
                                  Word{"pause", "Leave everything as it is"},
                                  Word{"resume", "End the pause"},
                                  Word{"hibernate", "Shut the instances down, keep the storage"},
                                  Word{"wake", "End the hibernation"},
                                  Word{"completion", "Completion for a shell"},
                                  Word{"version", "Print the version"}};

constexpr std::array kFlags = {Word{"--namespace", "Namespace (default: the context's)"},
                               Word{"--context", "Context of the kubeconfig"},
                               Word{"--kubeconfig", "File that says where the API server is"},
                               Word{"--help", "Say more"}};

constexpr std::array kLogFlags = {Word{"--follow", "Go on printing"},
                                  Word{"--previous", "Of the run before"},
                                  Word{"--instance", "Ordinal or name"},
                                  Word{"--tail", "Lines"},
                                  Word{"--journal", "The journal inside the instance"},
                                  Word{"--unit", "One unit's journal"}};

constexpr std::array kDiagnoseFlags = {Word{"--machine-config", "As the operator runs"}};

constexpr std::array<std::string_view, 9> kWithValue = {
    "-n",         "--namespace", "--context", "--kubeconfig",    "-i",
    "--instance", "--tail",      "--unit",    "--machine-config"};

bool takes_value(std::string_view word) {
  return std::find(kWithValue.begin(), kWithValue.end(), word) != kWithValue.end();
}

template <class Words>
void add(const Words& words, std::string_view begin, std::vector<std::string>& out) {
  for (const Word& word : words) {
    if (word.name.starts_with(begin)) {
      out.push_back(std::string(word.name) + '\t' + std::string(word.help));
    }
  }
}

// What was said before the word to complete.
struct Said {
  std::vector<std::string> plain;
  NamesWanted wanted;
  bool value_follows = false;
};

Said read(const std::vector<std::string>& words) {
  Said said;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    std::string word = words[i];
    std::string value;
    if (const auto equals = word.find('='); word.starts_with("--") && equals != std::string::npos) {
      value = word.substr(equals + 1);
      word.resize(equals);
    } else if (takes_value(word)) {
      if (i + 2 == words.size()) {
        said.value_follows = true;
        return said;
      }
      value = words[++i];
    } else if (!word.starts_with('-')) {
      said.plain.push_back(word);
    }
    if (word == "-n" || word == "--namespace") {
      said.wanted.ns = value;
    } else if (word == "--context") {
      said.wanted.context = value;
    } else if (word == "--kubeconfig") {
      said.wanted.kubeconfig = value;
    }
  }
  return said;
}

}  // namespace

std::vector<std::string> complete(const std::vector<std::string>& words, const NameSource& names) {
  std::vector<std::string> out;
  const std::string last = words.empty() ? "" : words.back();
  const Said said = read(words);
  if (said.value_follows) {
    return out;
  }
  const std::string command = said.plain.empty() ? "" : said.plain.front();
  if (last.starts_with('-')) {
    add(kFlags, last, out);
    if (command == "logs") {
      add(kLogFlags, last, out);
    } else if (command == "diagnose") {
      add(kDiagnoseFlags, last, out);
    }
    return out;
  }
  if (command.empty()) {
    add(kCommands, last, out);
    return out;
  }
  if (command == "completion") {
    if (said.plain.size() == 1) {
      out.emplace_back("bash");
    }
    return out;
  }
  if (said.plain.size() == 1 && command != "list" && command != "version") {
    for (std::string& name : names(said.wanted)) {
      if (name.starts_with(last)) {
        out.push_back(std::move(name));
      }
    }
  }
  return out;
}

std::string bash_completion() {
  return R"(# bash completion of kubectl-sdw:  source <(kubectl-sdw completion bash)
# `kubectl sdw` itself is completed by kubectl's own completion, which asks kubectl_complete-sdw.
_kubectl_sdw() {
  local line
  COMPREPLY=()
  while IFS=$'\t' read -r line _; do
    [[ $line == :* ]] || COMPREPLY+=("$line")
  done < <(kubectl-sdw __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
}
complete -F _kubectl_sdw kubectl-sdw
)";
}

}  // namespace swo::cli
