// unsupported_because(): what this machine lacks, found by trying.
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

#include "node/machine.hpp"
#include "node/pod_runtime.hpp"
#include "node/process.hpp"

namespace node {
namespace {

std::string find_out() {
  if (geteuid() != 0) return "running Pods for real needs root";
  for (const char* program : {"crun", "conmon", "unshare", "nsenter", "ip", "tar"}) {
    if (run({"sh", "-c", "command -v \"$0\"", program}).exit_code != 0) {
      return std::string(program) +
             " is not installed (Debian: crun conmon util-linux iproute2 tar)";
    }
  }
  if (cgroup2_mount().empty()) {
    return "no cgroup2 is mounted (mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified)";
  }
  std::string shared = std::filesystem::temp_directory_path() / "swo-try.XXXXXX";
  if (mkdtemp(shared.data()) == nullptr) return "cannot write to " + shared;
  std::string problem;
  try {
    const Machine machine(shared, "10.244.0.1/24");
    machine.run_inside({"ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1"});
  } catch (const std::exception& e) {
    problem = std::string("the kernel refuses: ") + e.what();
  }
  std::filesystem::remove(shared);
  return problem;
}

}  // namespace

std::string unsupported_because() {
  static const std::string because = find_out();
  return because;
}

}  // namespace node
