// How long a change of a spec takes to reach a child, at rest and while other workloads change.
//
//   change_bench N NAMESPACE   with $KUBECONFIG; the workloads w0 … w(N-1) are there and Running
//
// The port of one workload after the other is changed, and a watch tells when its Service has it.
// Under load a second thread changes the ports of other workloads, kLoad a second. Prints
// milliseconds from the API server's answer to the change until the watch's event: p50, p99, the
// most.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "api/names.hpp"
#include "kube/client.hpp"
#include "kube/client_config.hpp"

namespace {

using swo::Json;
using swo::kube::ByteStream;
using Clock = std::chrono::steady_clock;
namespace kube = swo::kube;

constexpr kube::ResourceType kWorkload{swo::api::kGroup, swo::api::kVersion, swo::api::kPlural,
                                       swo::api::kKind};
constexpr kube::ResourceType kService{"", "v1", "services", "Service"};
constexpr int kChanges = 200;
constexpr int kFirstPort = 20'000;  // differs from any that they have
constexpr std::chrono::seconds kLimit{30};
constexpr int kLoad = 100;  // changes a second

template <class T>
T must(kube::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

class Services {
 public:
  Services(kube::Transport& transport, const std::string& ns) {
    kube::HttpRequest request;
    request.target = kService.collection_path(ns) + "?watch=1&timeoutSeconds=600";
    stream_ = must(transport.open(request));
  }
  // Waits until the Service of that name has that port.
  Clock::time_point await(const std::string& name, int port) {
    const auto deadline = Clock::now() + kLimit;
    while (Clock::now() < deadline) {
      for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos;) {
        const Json event = Json::parse(text_.substr(0, end));
        text_.erase(0, end + 1);
        const Json& object = event.at("object");
        if (object.at("metadata").value("name", "") == name &&
            object.at("spec").at("ports").at(0).value("port", 0) == port) {
          return Clock::now();
        }
      }
      const auto read = stream_->read(std::chrono::seconds(1));
      if (read.outcome == ByteStream::Outcome::kData) {
        text_ += read.data;
      } else if (read.outcome != ByteStream::Outcome::kTimeout) {
        break;
      }
    }
    throw std::runtime_error("Service " + name + " did not get port " + std::to_string(port));
  }

 private:
  std::unique_ptr<ByteStream> stream_;
  std::string text_;
};

void change_port(kube::Client& client, const std::string& ns, int workload, int port) {
  const Json ports = Json::array({{{"name", "http"}, {"port", port}, {"targetPort", 80}}});
  must(client.merge_patch(kWorkload, {ns, "w" + std::to_string(workload)},
                          {{"spec", {{"ports", ports}}}}, "bench"));
}

void measure(const char* phase, kube::Transport& transport, const std::string& ns, int first,
             int port) {
  kube::Client client(transport);
  Services services(transport, ns);
  std::vector<double> waits;
  for (int i = first; i < first + kChanges; ++i) {
    change_port(client, ns, i, port);
    const auto changed = Clock::now();
    const auto seen = services.await("w" + std::to_string(i), port);
    waits.push_back(std::chrono::duration<double, std::milli>(seen - changed).count());
  }
  std::sort(waits.begin(), waits.end());
  std::printf("        change → child, %-10s p50 %5.1f ms  p99 %5.1f ms  most %5.1f ms\n", phase,
              waits[waits.size() / 2], waits[waits.size() * 99 / 100], waits.back());
}

int run(int count, const std::string& ns) {
  if (count < 2 * kChanges) throw std::runtime_error("N: at least " + std::to_string(2 * kChanges));
  const auto config = must(kube::load_kubeconfig({}));
  const auto transport = must(kube::make_beast_transport(config.transport));
  measure("at rest:", *transport, ns, 0, kFirstPort);
  std::atomic<bool> stop{false};
  int changes = 0;
  const auto begun = Clock::now();
  std::jthread load([&] {
    kube::Client client(*transport);
    for (; !stop; ++changes) {
      std::this_thread::sleep_until(begun + changes * std::chrono::milliseconds(1000 / kLoad));
      const int others = count - kChanges;
      change_port(client, ns, kChanges + changes % others, kFirstPort + 1 + changes / others % 2);
    }
  });
  measure("under load:", *transport, ns, 0, kFirstPort + 1);
  stop = true;
  load.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  std::printf("        of the load: %.0f other changes a second\n", changes / seconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    int count = 0;
    const char* end = argc == 3 ? argv[1] + std::strlen(argv[1]) : nullptr;
    if (end == nullptr || std::from_chars(argv[1], end, count).ptr != end) {
      std::cerr << "usage: change_bench N NAMESPACE\n";
      return 2;
    }
    return run(count, argv[2]);
  } catch (const std::exception& error) {
    std::cerr << "change_bench: " << error.what() << "\n";
    return 1;
  }
}
