#include "runtime/process_metrics.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <sys/resource.h>
#include <unistd.h>

namespace swo::runtime {
namespace {

std::string read(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The fields of /proc/self/stat from the third on; the second is a name that may hold anything.
std::vector<double> stat_fields() {
  std::string text = read("/proc/self/stat");
  std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(text.substr(name_end + 1));
  std::string state;
  rest >> state;
  return {std::istream_iterator<double>(rest), {}};
}

// When the machine started, in seconds since the epoch.
double boot_time() {
  std::istringstream lines(read("/proc/stat"));
  for (std::string word; lines >> word;) {
    double seconds = 0;
    if (word == "btime" && lines >> seconds) return seconds;
  }
  return 0;
}

double open_descriptors() {
  std::error_code fault;
  std::filesystem::directory_iterator entries("/proc/self/fd", fault);
  if (fault) return 0;
  return static_cast<double>(std::distance(begin(entries), end(entries)));
}

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

// proc(5) numbers them from 1; the first two and the state are not in stat_fields().
constexpr std::size_t kUserTime = 14 - 4;
constexpr std::size_t kSystemTime = 15 - 4;
constexpr std::size_t kThreads = 20 - 4;
constexpr std::size_t kStartTime = 22 - 4;
constexpr std::size_t kVirtualSize = 23 - 4;
constexpr std::size_t kResidentPages = 24 - 4;

}  // namespace

ProcessMetrics::ProcessMetrics(prometheus::Registry& registry)
    : cpu_seconds_(prometheus::BuildCounter()
                       .Name("process_cpu_seconds_total")
                       .Help("Total user and system CPU time spent in seconds")
                       .Register(registry)
                       .Add({})),
      resident_bytes_(
          gauge(registry, "process_resident_memory_bytes", "Resident memory size in bytes")),
      virtual_bytes_(
          gauge(registry, "process_virtual_memory_bytes", "Virtual memory size in bytes")),
      open_fds_(gauge(registry, "process_open_fds", "Number of open file descriptors")),
      max_fds_(gauge(registry, "process_max_fds", "Maximum number of open file descriptors")),
      start_time_(gauge(registry, "process_start_time_seconds",
                        "Start time of the process since unix epoch in seconds")),
      threads_(gauge(registry, "process_threads", "Number of threads")) {}

void ProcessMetrics::update() {
  std::lock_guard lock(mutex_);
  auto stat = stat_fields();
  if (stat.size() > kResidentPages) {
    auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    double cpu = (stat[kUserTime] + stat[kSystemTime]) / ticks;
    if (cpu > cpu_seconds_.Value()) cpu_seconds_.Increment(cpu - cpu_seconds_.Value());
    resident_bytes_.Set(stat[kResidentPages] * static_cast<double>(sysconf(_SC_PAGESIZE)));
    virtual_bytes_.Set(stat[kVirtualSize]);
    start_time_.Set(boot_time() + stat[kStartTime] / ticks);
    threads_.Set(stat[kThreads]);
  }
  open_fds_.Set(open_descriptors());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) max_fds_.Set(static_cast<double>(limit.rlim_cur));
}

}  // namespace swo::runtime
