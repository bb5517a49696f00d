#include "node/host_view.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <sys/stat.h>

namespace node {
namespace {

namespace fs = std::filesystem;

// The text behind "NAME:" in /proc/PID/status.
std::string status_of(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name + ":", 0) == 0) return line.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

pid_t init_below(const std::string& cgroup) {
  std::error_code ignored;
  std::vector<fs::path> cgroups{cgroup};
  for (auto it = fs::recursive_directory_iterator(cgroup, ignored);
       it != fs::recursive_directory_iterator(); it.increment(ignored)) {
    if (it->is_directory(ignored)) cgroups.push_back(it->path());
  }
  for (const fs::path& dir : cgroups) {
    std::ifstream processes(dir / "cgroup.procs");
    for (pid_t pid = 0; processes >> pid;) {
      // NSpid: the process's number in each nested pid namespace, the innermost last.
      const std::string numbers = status_of(pid, "NSpid");
      if (!numbers.empty() && numbers.substr(numbers.find_last_of('\t') + 1) == "1") return pid;
    }
  }
  return 0;
}

HostView host_view_of(pid_t pid, const std::string& cgroup) {
  HostView view;
  view.pid = pid;
  const std::string proc = "/proc/" + std::to_string(pid);
  std::istringstream(status_of(pid, "Uid")) >> view.host_uid;
  std::ifstream map(proc + "/uid_map");
  view.uid_map.assign(std::istreambuf_iterator<char>(map), {});
  struct stat info {};
  if (stat(cgroup.c_str(), &info) == 0) view.cgroup_owner_uid = info.st_uid;
  for (const char* kind : {"pid", "net", "ipc", "uts", "mnt", "cgroup", "user"}) {
    std::error_code ignored;
    const fs::path own = fs::read_symlink(std::string("/proc/self/ns/") + kind, ignored);
    const fs::path its = fs::read_symlink(proc + "/ns/" + kind, ignored);
    if (!its.empty() && own != its) view.namespaces.emplace_back(kind);
  }
  return view;
}

}  // namespace node
