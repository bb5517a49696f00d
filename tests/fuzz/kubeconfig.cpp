// A kubeconfig of any content.
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "kube/client_config.hpp"
#include "target.hpp"

namespace {

using swo::fuzz::require;

// A file in memory, by a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : fd_(memfd_create("kubeconfig", 0)) {
    require(fd_ >= 0 && write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()),
            "there is memory for a file");
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = swo::fuzz::text_of(data, size);
  // A path in it could name a device that never ends.
  if (text.find("/dev") != std::string_view::npos || text.find("/proc") != std::string_view::npos) {
    return 0;
  }
  const MemoryFile file(text);
  swo::kube::ConfigOptions options;
  options.kubeconfig = file.path();
  options.environment = [](const std::string&) { return std::string(); };
  const auto config = swo::kube::load_kubeconfig(options);
  if (!config) {
    const std::string& message = config.error().message;
    require(!message.empty() && message.find('\n') == std::string::npos, "an error is one line");
  } else {
    require(!config->ns.empty(), "there is a namespace");
  }
  return 0;
}
