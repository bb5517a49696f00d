#include "host.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/fd.hpp"
#include "node/machine.hpp"
#include "node/oci_config.hpp"
#include "node/process.hpp"

namespace e2e {

namespace fs = std::filesystem;

std::optional<node::HostView> init_of(pid_t devcluster, const Json& pod) {
  const std::string cgroup = node::pod_cgroup(pod, pod.at("metadata").at("uid"));
  for (const std::string& machine : node::machine_cgroups(devcluster)) {
    std::error_code ignored;
    for (const auto& container : fs::directory_iterator(machine + cgroup, ignored)) {
      if (container.path().extension() != ".scope") continue;
      if (const pid_t init = node::init_below(container.path()); init > 0) {
        return node::host_view_of(init, container.path());
      }
    }
  }
  return std::nullopt;
}

std::string start_time(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // Behind the name, which may hold anything, comes field 3; the start time is field 22.
  constexpr int kFields = 20;
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string field;
  for (int i = 0; i < kFields; ++i) fields >> field;
  return text.empty() ? "" : field;
}

std::string inside(pid_t init, const std::string& script) {
  std::string output = node::run({"nsenter", "--target", std::to_string(init), "--all", "--",
                                  "/bin/sh", "-c", script})
                           .output;
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

bool ends(pid_t process, std::chrono::milliseconds limit) {
  const node::Fd handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (!handle) return true;  // it has ended already
  pollfd waiting{handle.get(), POLLIN, 0};
  return poll(&waiting, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace e2e
