// The TLS settings of the operator's own server: what the command line says, and for the rest what
// the cluster asks of servers, followed by a watch.
//
// settings() from any thread; the rest by one. Where the profile cannot be read (another platform,
// a missing right) it is Intermediate.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "kube/client.hpp"
#include "kube/guarded.hpp"
#include "kube/informer.hpp"
#include "platform/tls_profile.hpp"

namespace swo::cli {

class ClusterTls {
 public:
  explicit ClusterTls(platform::TlsFlags flags);

  // Reads the profile, then follows it in a thread of its own until stop(). `client` must outlive
  // it. Not called where the cluster has no such object.
  void start(kube::Client& client);
  void end_watch();  // tells it, and does not wait
  void stop();
  // Reads once more what the watch has, on the caller's thread, in place of start(): for tests.
  void step(kube::Client& client, kube::Instant now);

  runtime::TlsSettings settings() const { return *settings_.lock(); }

 private:
  struct Profile {
    kube::ObjectKey key;
    std::string uid;
    std::uint64_t resource_version = 0;
    runtime::TlsSettings settings;
  };
  void open(kube::Client& client);
  void take(const runtime::TlsSettings& of_cluster);

  platform::TlsFlags flags_;
  mutable kube::Guarded<runtime::TlsSettings> settings_;
  std::unique_ptr<kube::Informer<Profile>> informer_;
  std::jthread thread_;
};

}  // namespace swo::cli
