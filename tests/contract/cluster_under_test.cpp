#include "cluster_under_test.hpp"

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "devcluster/cluster.hpp"
#include "devcluster/virtual_clock.hpp"
#include "kube/client_config.hpp"
#include "support/in_process_transport.hpp"

namespace swo::contract {
namespace {

constexpr std::chrono::milliseconds kStep{100};
constexpr int kMostSteps = 300;

class Devcluster : public ClusterUnderTest {
 public:
  Devcluster()
      : cluster_([this] {
          devcluster::ClusterOptions options;
          options.profile = "kubernetes-1.33";
          options.clock = clock_.clock();
          return options;
        }()),
        transport_(cluster_.api(), "admin") {
    cluster_.api().add_token("admin", "admin", {"system:masters"});
    cluster_.tick();
  }
  kube::Transport& transport() override { return transport_; }
  bool has_controllers() const override { return true; }
  bool has_cel() const override { return false; }
  bool compact() override {
    cluster_.api().compact(cluster_.api().resource_version());
    return true;
  }
  void pass_time() override { devcluster::run_for(cluster_, clock_, kStep); }
  kube::Instant now() const override {
    return kube::Instant(
        std::chrono::duration_cast<kube::Instant::duration>(clock_.now().time_since_epoch()));
  }

 private:
  devcluster::VirtualClock clock_;
  devcluster::Cluster cluster_;
  test::InProcessTransport transport_;
};

class RealCluster : public ClusterUnderTest {
 public:
  RealCluster() {
    const auto config = kube::load_kubeconfig({});
    if (!config) {
      throw std::runtime_error("USE_EXISTING_CLUSTER: " + config.error().message);
    }
    auto made = kube::make_beast_transport(config->transport);
    if (!made) {
      throw std::runtime_error("USE_EXISTING_CLUSTER: " + made.error().message);
    }
    transport_ = *std::move(made);
    const auto version = kube::Client(*transport_).get_raw("/version");
    if (!version) {
      throw std::runtime_error("USE_EXISTING_CLUSTER: " + version.error().message);
    }
    is_devcluster_ = version->find("devcluster") != std::string::npos;
  }
  kube::Transport& transport() override { return *transport_; }
  bool has_controllers() const override { return true; }
  bool has_cel() const override { return !is_devcluster_; }
  void pass_time() override { std::this_thread::sleep_for(kStep); }

 private:
  std::unique_ptr<kube::Transport> transport_;
  bool is_devcluster_ = false;  // served by another process
};

std::unique_ptr<ClusterUnderTest> make() {
  const char* existing = std::getenv("USE_EXISTING_CLUSTER");
  if (existing != nullptr && std::string_view(existing) == "true") {
    return std::make_unique<RealCluster>();
  }
  if (const char* folder = std::getenv("KUBEBUILDER_ASSETS")) {
    return start_control_plane(folder);
  }
  return std::make_unique<Devcluster>();
}

}  // namespace

bool ClusterUnderTest::until(const std::function<bool()>& done) {
  for (int step = 0; step < kMostSteps; ++step) {
    if (done()) {
      return true;
    }
    pass_time();
  }
  return done();
}

ClusterUnderTest& cluster_under_test() {
  static const std::unique_ptr<ClusterUnderTest> one = make();
  return *one;
}

}  // namespace swo::contract
