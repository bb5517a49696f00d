// etcd and kube-apiserver, started as controller-runtime's envtest does it
// (pkg/internal/testing/controlplane): on loopback, with certificates of the test's own, RBAC on,
// and without the ServiceAccount admission, as no controller makes ServiceAccounts.
#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster_under_test.hpp"
#include "devcluster/certificates.hpp"
#include "files/child.hpp"
#include "files/temporary_folder.hpp"
#include "kube/transport_config.hpp"

namespace swo::contract {
namespace {

constexpr std::chrono::milliseconds kPoll{100};
constexpr int kMostPolls = 600;

// A port that was free a moment ago.
int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = bind(fd, generic, size) == 0 && getsockname(fd, generic, &size) == 0;
  close(fd);
  if (!bound) {
    throw std::runtime_error("no free port on 127.0.0.1");
  }
  return ntohs(address.sin_port);
}

std::string program(const std::string& folder, const std::string& name) {
  std::string path = folder + "/" + name;
  if (access(path.c_str(), X_OK) != 0) {
    throw std::runtime_error("KUBEBUILDER_ASSETS: " + path +
                             " is missing or cannot be run; setup-envtest fetches it");
  }
  return path;
}

class ControlPlane : public ClusterUnderTest {
 public:
  explicit ControlPlane(const std::string& assets)
      : etcd_program_(program(assets, "etcd")), api_program_(program(assets, "kube-apiserver")) {
    const std::string etcd_url = "http://127.0.0.1:" + std::to_string(free_port());
    const std::string peer_url = "http://127.0.0.1:" + std::to_string(free_port());
    etcd_ = std::make_unique<test::Child>(
        std::vector<std::string>{etcd_program_, "--data-dir=" + folder_.path() + "/etcd",
                                 "--listen-client-urls=" + etcd_url,
                                 "--advertise-client-urls=" + etcd_url,
                                 "--listen-peer-urls=" + peer_url, "--unsafe-no-fsync"},
        folder_.path() + "/etcd.log");
    start_api_server(etcd_url);
  }
  ~ControlPlane() override {
    if (!api_->ended()) api_->stop(SIGTERM);  // first, or it would miss its store
    if (!etcd_->ended()) etcd_->stop(SIGTERM);
  }
  kube::Transport& transport() override { return *transport_; }
  bool has_controllers() const override { return false; }
  void pass_time() override { std::this_thread::sleep_for(kPoll); }

 private:
  void start_api_server(const std::string& etcd_url) {
    const devcluster::CertificateAuthority authority;
    const auto own = authority.server();
    const auto admin = authority.client("admin", {"system:masters"});
    const std::string key = folder_.path() + "/service-account.key";
    if (std::system(("openssl genrsa -out " + key + " 2048 2>/dev/null").c_str()) != 0) {
      throw std::runtime_error("KUBEBUILDER_ASSETS: openssl genrsa failed");
    }
    const int port = free_port();
    api_ = std::make_unique<test::Child>(
        std::vector<std::string>{
            api_program_, "--etcd-servers=" + etcd_url, "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1", "--secure-port=" + std::to_string(port),
            "--cert-dir=" + folder_.path() + "/certificates",
            "--tls-cert-file=" + folder_.write("server.crt", own.certificate_pem),
            "--tls-private-key-file=" + folder_.write("server.key", own.key_pem),
            "--client-ca-file=" + folder_.write("ca.crt", authority.pem()),
            "--authorization-mode=RBAC", "--allow-privileged=true",
            "--disable-admission-plugins=ServiceAccount", "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=" + key, "--service-account-signing-key-file=" + key},
        folder_.path() + "/kube-apiserver.log");
    kube::TransportConfig config;
    config.server = "https://127.0.0.1:" + std::to_string(port);
    config.tls = {authority.pem(), admin.certificate_pem, admin.key_pem};
    auto made = kube::make_beast_transport(config);
    if (!made) {
      throw std::runtime_error(made.error().message);
    }
    transport_ = *std::move(made);
    kube::Client client(*transport_);
    for (int poll = 0; !client.get_raw("/readyz"); ++poll) {
      if (poll >= kMostPolls || api_->ended() || etcd_->ended()) {
        std::ifstream log(folder_.path() + "/kube-apiserver.log");
        std::string text((std::istreambuf_iterator<char>(log)), {});
        constexpr std::size_t kTail = 2000;
        throw std::runtime_error("kube-apiserver does not become ready:\n" +
                                 text.substr(text.size() - std::min(text.size(), kTail)));
      }
      pass_time();
    }
  }

  const std::string etcd_program_, api_program_;
  test::TemporaryFolder folder_;
  std::unique_ptr<test::Child> etcd_, api_;
  std::unique_ptr<kube::Transport> transport_;
};

}  // namespace

std::unique_ptr<ClusterUnderTest> start_control_plane(const std::string& folder) {
  return std::make_unique<ControlPlane>(folder);
}

}  // namespace swo::contract
