#include "cli/cluster_tls.hpp"

#include <chrono>
#include <utility>

#include "runtime/log.hpp"

namespace swo::cli {
namespace {

namespace log = runtime::log;

}  // namespace

ClusterTls::ClusterTls(platform::TlsFlags flags) : flags_(std::move(flags)) {
  *settings_.lock() = platform::with_flags(platform::tls_settings(nullptr), flags_);
}

void ClusterTls::open(kube::Client& client) {
  kube::InformerOptions<Profile> options;
  options.type = platform::kApiServers;
  options.field_selector = "metadata.name=cluster";
  options.mask = kube::FieldMask(platform::api_server_fields());
  options.from = [](const Json& object) {
    Profile profile;
    profile.settings = platform::tls_settings(object);
    return profile;
  };
  options.note = [](const std::string& line) { log::warning(line); };
  informer_ = std::make_unique<kube::Informer<Profile>>(client, std::move(options));
  informer_->on_change([this](const Profile* /*before*/, const Profile* after) {
    take(after != nullptr ? after->settings : platform::tls_settings(nullptr));
  });
}

void ClusterTls::take(const runtime::TlsSettings& of_cluster) {
  const runtime::TlsSettings settings = platform::with_flags(of_cluster, flags_);
  auto current = settings_.lock();
  if (settings != *current) {
    *current = settings;
    log::info("TLS settings of /metrics", {{"min_version", settings.min_version},
                                           {"ciphers", settings.ciphers},
                                           {"suites", settings.suites}});
  }
}

void ClusterTls::step(kube::Client& client, kube::Instant now) {
  if (informer_ == nullptr) {
    open(client);
  }
  informer_->step(now);
}

void ClusterTls::start(kube::Client& client) {
  if (flags_.decide_all()) {
    return;
  }
  step(client, std::chrono::steady_clock::now());
  thread_ = std::jthread([this](const std::stop_token& stop) { informer_->run(stop); });
}

void ClusterTls::end_watch() { thread_.request_stop(); }

void ClusterTls::stop() { thread_ = {}; }

}  // namespace swo::cli
