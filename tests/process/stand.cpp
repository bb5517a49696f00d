#include "stand.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

#include "devcluster/kubeconfig.hpp"
#include "devcluster/yaml.hpp"

namespace swo::test {
namespace {

using std::chrono::milliseconds;

const std::string account = "systemd-workload-operator";  // and its namespace
// What is due in the cluster is met so late at most.
constexpr milliseconds kTick{50};

devcluster::ClusterOptions quick() {
  devcluster::ClusterOptions options;
  options.pace.boot = options.pace.stop = options.pace.restart = milliseconds(50);
  return options;
}

std::vector<devcluster::Json> manifests(const std::string& file) {
  std::ifstream in(SWO_SOURCE_DIR "/" + file);
  return devcluster::yaml_documents({std::istreambuf_iterator<char>(in), {}});
}

}  // namespace

Stand::Stand() : cluster_(quick()), admin_(cluster_.api()) {
  install();
  const devcluster::CertificateAuthority authority;
  const auto own = authority.server();
  devcluster::HttpServerOptions http;
  http.certificate_pem = own.certificate_pem;
  http.key_pem = own.key_pem;
  http.client_ca_pem = authority.pem();
  front_ = std::make_unique<devcluster::HttpServer>(cluster_.api(), http);
  const auto token = devcluster::service_account_token(cluster_.api(), account, account);
  devcluster::write_private_file(
      folder_.path() + "/kubeconfig",
      devcluster::kubeconfig({front_->url(), account, token, account, http.client_ca_pem}));
  cluster_.api().on_audit([this](const devcluster::AuditEvent& event) { note(event); });
  living_ = std::jthread([this](const std::stop_token& stop) { live(stop); });
}

Stand::~Stand() { operator_.reset(); }

// The CRD, the namespace of the workloads, and the operator's rights.
void Stand::install() {
  for (const auto& crd : manifests("crds/workloads.systemd-operator.dev_systemdworkloads.yaml")) {
    admin_.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
  }
  cluster_.tick();
  admin_.create("/api/v1/namespaces", {{"metadata", {{"name", "demo"}}}});
  for (const char* file : {"role", "cluster_role", "role_binding"}) {
    for (const auto& object : manifests("config/rbac/" + std::string(file) + ".yaml")) {
      std::string plural = object.at("kind").get<std::string>() + "s";
      std::transform(plural.begin(), plural.end(), plural.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      admin_.create("/apis/rbac.authorization.k8s.io/v1/" + plural, object);
    }
  }
  cluster_.tick();
}

void Stand::note(const devcluster::AuditEvent& event) {
  const bool read = event.verb == "get" || event.verb == "list" || event.verb == "watch";
  if (read || event.status >= 300 || event.dry_run || event.resource == "events" ||
      event.resource == "leases" || event.user.find(account) == std::string::npos) {
    return;
  }
  const std::lock_guard lock(mutex_);
  ++write_count_;
  if (event.resource != "systemdworkloads") {
    ++writes_[event.verb + " " + event.resource + "/" + event.name];
  }
}

void Stand::live(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    cluster_.tick();
    const auto latest = std::chrono::system_clock::now() + kTick;
    const auto due = std::min(cluster_.next_due().value_or(latest), latest);
    std::unique_lock lock(mutex_);
    ticked_.notify_all();
    ticked_.wait_until(lock, stop, due, [] { return false; });
  }
}

void Stand::start_operator() {
  operator_ = std::make_unique<Child>(
      std::vector<std::string>{SWO_BINARY_DIR "/systemd-workload-operator", "run", "--kubeconfig",
                               folder_.path() + "/kubeconfig", "--leader-elect=false",
                               "--health-address", "", "--metrics-address", ""},
      folder_.path() + "/operator.log");
}

int Stand::stop_operator(int signal) {
  const int status = operator_->stop(signal);
  operator_.reset();
  return status;
}

bool Stand::until(const std::function<bool()>& done, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    std::unique_lock lock(mutex_);
    if (ticked_.wait_until(lock, end) == std::cv_status::timeout) return false;
  }
  return true;
}

std::map<std::string, int> Stand::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

int Stand::write_count() const {
  const std::lock_guard lock(mutex_);
  return write_count_;
}

}  // namespace swo::test
