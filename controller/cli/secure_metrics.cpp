#include "cli/secure_metrics.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <utility>

#include "runtime/log.hpp"

namespace swo::cli {
namespace {

namespace log = runtime::log;

// kubelet shows a new Secret within a minute or so.
constexpr std::chrono::seconds kRetry{5};

}  // namespace

SecureMetrics::SecureMetrics(kube::Client& client, std::function<std::string()> text,
                             std::string address, const std::string& folder,
                             std::function<runtime::TlsSettings()> settings)
    : authorizer_(client), server_(authorizer_, std::move(text)), address_(std::move(address)) {
  files_.certificate = (std::filesystem::path(folder) / "tls.crt").string();
  files_.key = (std::filesystem::path(folder) / "tls.key").string();
  files_.settings = std::move(settings);
}

kube::Status SecureMetrics::try_start() { return server_.start(address_, files_); }

void SecureMetrics::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { keep_trying(stop); });
}

void SecureMetrics::stop() {
  thread_ = {};
  server_.stop();
}

void SecureMetrics::keep_trying(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::string told;
  while (!stop.stop_requested()) {
    const kube::Status started = try_start();
    if (started) {
      log::info("metrics are served over HTTPS", {{"address", address_}});
      return;
    }
    if (const std::string& fault = started.error().message; fault != told) {
      log::warning("metrics are not served over HTTPS yet", {{"error", fault}});
      told = fault;
    }
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kRetry, [] { return false; });
  }
}

}  // namespace swo::cli
