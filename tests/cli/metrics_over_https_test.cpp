// /metrics as Prometheus reads it: a TLS socket, ServiceAccounts' tokens, and an API server that
// says who they are and what they may, under the rights of config/rbac.
#include <chrono>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/cluster_tls.hpp"
#include "cli/secure_metrics.hpp"
#include "devcluster/cluster.hpp"
#include "devcluster/kubeconfig.hpp"
#include "devcluster/yaml.hpp"
#include "files/temporary_folder.hpp"
#include "files/tls_client.hpp"
#include "runtime/metrics.hpp"
#include "support/in_process_transport.hpp"

namespace swo::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
const std::string api_servers = "/apis/config.openshift.io/v1/apiservers";
const char* const operator_ns = "systemd-workload-operator";

class MetricsOverHttps : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* file :
         {"cluster_role", "role_binding", "metrics_auth_role", "metrics_reader_role"}) {
      std::ifstream in(SWO_SOURCE_DIR "/config/rbac/" + std::string(file) + ".yaml");
      for (const Json& object :
           devcluster::yaml_documents({std::istreambuf_iterator<char>(in), {}})) {
        const bool binding = object["kind"] == "ClusterRoleBinding";
        admin.create(rbac + (binding ? "clusterrolebindings" : "clusterroles"), object);
      }
    }
    // As docs/operations.md has it for whoever reads the metrics.
    admin.create(
        rbac + "clusterrolebindings",
        {{"metadata", {{"name", "metrics-reader"}}},
         {"roleRef",
          {{"apiGroup", "rbac.authorization.k8s.io"},
           {"kind", "ClusterRole"},
           {"name", "systemd-workload-operator-metrics-reader"}}},
         {"subjects",
          {{{"kind", "ServiceAccount"}, {"name", "prometheus"}, {"namespace", "monitoring"}}}}});
    metrics.leading(operator_ns, true);
    test::write_certificate(folder.path(), "first");
    for (int attempt = 0; attempt < 10 && server == nullptr; ++attempt) {
      port = test::free_port();
      server = std::make_unique<SecureMetrics>(
          client, [this] { return metrics.text(); }, "127.0.0.1:" + port, folder.path(),
          [this] { return tls.settings(); });
      if (!server->try_start()) server.reset();
    }
    ASSERT_NE(server, nullptr) << "no port";
  }
  void TearDown() override {
    if (server != nullptr) server->stop();
  }

  std::string token(const std::string& of_ns, const std::string& account) {
    return devcluster::service_account_token(cluster.api(), of_ns, account);
  }
  std::string answer_to(const std::string& authorization) const {
    return test::get_tls(port, {.authorization = authorization}).answer;
  }
  std::string protocol(int max_version = TLS1_3_VERSION) const {
    return test::get_tls(port, {.authorization = "", .max_version = max_version}).protocol;
  }
  void set_profile(const Json& profile) {
    admin.merge_patch(api_servers, "cluster", {{"spec", {{"tlsSecurityProfile", profile}}}});
    tls.step(client, now += std::chrono::seconds(1));
  }

  devcluster::Cluster cluster{{}};
  devcluster::Api admin{cluster.api()};
  test::InProcessTransport transport{cluster.api(), token(operator_ns, operator_ns)};
  kube::Client client{transport};
  runtime::Metrics metrics;
  test::TemporaryFolder folder;
  ClusterTls tls{{}};
  kube::Instant now{};
  std::string port;
  std::unique_ptr<SecureMetrics> server;
};

TEST_F(MetricsOverHttps, WhomTheClusterLetsReadsThem) {
  EXPECT_THAT(
      answer_to("Bearer " + token("monitoring", "prometheus")),
      AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("text/plain; version=0.0.4"),
            HasSubstr("leader_election_master_status{name=\"systemd-workload-operator\"} 1")));
}

TEST_F(MetricsOverHttps, WhoeverIsNotKnownIs401AndReadsNothing) {
  for (const char* authorization : {"", "Bearer forged", "Basic cHJvbWV0aGV1czp4"}) {
    EXPECT_THAT(answer_to(authorization),
                AllOf(StartsWith("HTTP/1.1 401"), Not(HasSubstr("leader_election"))))
        << authorization;
  }
}

TEST_F(MetricsOverHttps, WhoeverIsKnownAndNotLetIs403AndReadsNothing) {
  const std::string curious = "Bearer " + token("demo", "curious");
  EXPECT_THAT(answer_to(curious),
              AllOf(StartsWith("HTTP/1.1 403"), Not(HasSubstr("leader_election"))));
  // The operator itself reads none of its own either: it holds no such right.
  EXPECT_THAT(answer_to("Bearer " + token(operator_ns, operator_ns)), StartsWith("HTTP/1.1 403"));
}

TEST_F(MetricsOverHttps, ARenewedCertificateIsServedToTheNextConnection) {
  EXPECT_EQ(test::get_tls(port).name, "first");
  test::write_certificate(folder.path(), "second");
  EXPECT_EQ(test::get_tls(port).name, "second");
}

TEST_F(MetricsOverHttps, TheProfileOfTheClusterIsFollowedAsItChanges) {
  set_profile({{"type", "Intermediate"}, {"intermediate", Json::object()}});
  EXPECT_EQ(protocol(TLS1_2_VERSION), "TLSv1.2");
  set_profile({{"type", "Modern"}, {"modern", Json::object()}, {"intermediate", nullptr}});
  EXPECT_EQ(protocol(TLS1_2_VERSION), "");
  EXPECT_EQ(protocol(), "TLSv1.3");
  set_profile(
      {{"type", "Custom"},
       {"custom",
        {{"minTLSVersion", "VersionTLS12"}, {"ciphers", {"ECDHE-ECDSA-AES256-GCM-SHA384"}}}}});
  EXPECT_EQ(test::get_tls(
                port, {.max_version = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"})
                .protocol,
            "");
  EXPECT_EQ(protocol(TLS1_2_VERSION), "TLSv1.2");
  admin.remove(api_servers, "cluster");
  tls.step(client, now += std::chrono::seconds(1));
  EXPECT_EQ(tls.settings(), platform::tls_settings(nullptr));
}

TEST_F(MetricsOverHttps, TheFlagsWinOverTheProfile) {
  ClusterTls flags({.min_version = "VersionTLS13", .ciphers = {}});
  flags.step(client, now);
  EXPECT_EQ(flags.settings().min_version, "1.3");
  EXPECT_EQ(flags.settings().ciphers, tls.settings().ciphers);
}

TEST_F(MetricsOverHttps, WithoutTheRightToReadTheProfileItIsIntermediate) {
  admin.remove(rbac + "clusterrolebindings", "systemd-workload-operator-cluster");
  set_profile({{"type", "Modern"}, {"modern", Json::object()}});
  EXPECT_EQ(tls.settings(), platform::tls_settings(nullptr));
  EXPECT_EQ(protocol(TLS1_2_VERSION), "TLSv1.2");
}

}  // namespace
}  // namespace swo::cli
