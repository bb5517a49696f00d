#include "leftovers.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <unistd.h>

#include "node/machine.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

// Found at the end of a devcluster, and those whose cgroups are still to be looked for.
std::vector<std::string> files_left;
std::vector<pid_t> devclusters;

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::vector<std::string> lines_of(const fs::path& path, char end = '\n') {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line, end);) lines.push_back(line);
  return lines;
}

}  // namespace

void note_end_of(pid_t devcluster, const std::string& folder) {
  devclusters.push_back(devcluster);
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    files_left.push_back("file " + entry.path().string());
  }
}

std::vector<std::string> leftovers() {
  std::vector<std::string> found = files_left;
  for (const pid_t devcluster : devclusters) {
    for (const std::string& cgroup : node::machine_cgroups(devcluster)) {
      found.push_back("cgroup " + cgroup);
    }
  }
  const std::string mark = kMark + std::to_string(getpid());
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string pid = entry.path().filename();
    if (!is_number(pid)) continue;
    const auto environment = lines_of(entry.path() / "environ", '\0');
    if (std::find(environment.begin(), environment.end(), mark) == environment.end()) continue;
    const auto name = lines_of(entry.path() / "comm");
    found.push_back("process " + pid + (name.empty() ? "" : " " + name.front()));
  }
  return found;
}

std::vector<std::string> machine_state() {
  std::vector<std::string> state = lines_of("/proc/self/mounts");
  std::error_code ignored;
  for (const auto& device : fs::directory_iterator("/sys/class/net", ignored)) {
    state.push_back("network device " + device.path().filename().string());
  }
  for (const std::string& limit : lines_of("/proc/sys/fs/inotify/max_user_instances")) {
    state.push_back("fs.inotify.max_user_instances " + limit);
  }
  std::sort(state.begin(), state.end());
  return state;
}

}  // namespace e2e
