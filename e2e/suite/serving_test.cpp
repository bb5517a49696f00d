// The main job: an nginx that lives in systemd gets a URL, and nothing of it is root on the host.
#include "files/tls_client.hpp"
#include "scenario.hpp"

namespace e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::StartsWith;

constexpr std::uint32_t kFirstForeignId = 65536;  // below are the host's own users

class Serving : public Scenario {};

TEST_F(Serving, AnUnmodifiedNginxAnswersAtItsUrlAndIsNobodyOnTheHost) {
  apply({workload("nginx")});
  const Json ready = await_ready("nginx");
  EXPECT_EQ(ready.at("status").value("ready", ""), "1/1");
  EXPECT_EQ(ready.at("status").value("systemd", ""), "running");
  EXPECT_THAT(stand().head(ready.at("status").at("url")), StartsWith("HTTP/1.1 200 OK"));

  const node::HostView view = init("nginx-0");
  EXPECT_GE(view.host_uid, kFirstForeignId);
  EXPECT_EQ(view.cgroup_owner_uid, view.host_uid);
  EXPECT_THAT(view.namespaces, IsSupersetOf({"user", "pid", "net", "cgroup", "mnt", "ipc", "uts"}));
  EXPECT_EQ(e2e::inside(view.pid, "cat /proc/1/comm; id -u; hostname"), "systemd\n0\nnginx-0");
  EXPECT_EQ(e2e::inside(view.pid, "systemctl is-system-running; systemctl is-active nginx"),
            "running\nactive");
}

TEST_F(Serving, ANodePortLeadsToTheReadyInstanceAndClosesWithItsService) {
  apply({workload("by-port", {{"route", nullptr}, {"service", {{"type", "NodePort"}}}})});
  await_ready("by-port");
  const Json service = stand().get(in_namespace("services") + "/by-port");
  const int port = service.at("spec").at("ports").at(0).at("nodePort");
  const auto ask = [&] {
    const std::string url = "http://127.0.0.1:" + std::to_string(port);
    return node::run({"curl", "-sS", "--head", "--max-time", "10", url}).output;
  };
  EXPECT_THAT(ask(), StartsWith("HTTP/1.1 200 OK"));

  stand().kubectl({"patch", "sdw", "by-port", "-n", ns(), "--type=merge", "-p",
                   R"({"spec": {"service": {"type": "ClusterIP"}}})"});
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  std::string answer;
  do {
    answer = ask();
  } while (answer.find("200 OK") != std::string::npos &&
           std::chrono::steady_clock::now() < deadline);
  EXPECT_THAT(answer, HasSubstr("Failed to connect"));
}

TEST_F(Serving, TlsMayEndAtTheRouterWhichLeadsPlainHttpThere) {
  apply({workload(
      "edge",
      {{"route",
        {{"tls", {{"termination", "edge"}, {"insecureEdgeTerminationPolicy", "Redirect"}}}}}})});
  const std::string url = await_ready("edge").at("status").at("url");
  ASSERT_THAT(url, StartsWith("https://"));
  EXPECT_THAT(stand().head(url), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(stand().head("http" + url.substr(5) + "/a"),
              AllOf(StartsWith("HTTP/1.1 302 Found"), HasSubstr("location: " + url + "/a\r\n")));
}

TEST_F(Serving, WithPassthroughTheApplicationShowsItsOwnCertificate) {
  const swo::test::TemporaryFolder made;
  swo::test::write_certificate(made.path(), "the-application");
  apply({object("v1", "Secret", "tls",
                {{"stringData",
                  {{"tls.crt", made.read("tls.crt")}, {"tls.key", made.read("tls.key")}}}}),
         object("v1", "ConfigMap", "site",
                {{"data",
                  {{"tls.conf",
                    "server {\n  listen 443 ssl;\n  ssl_certificate /etc/tls/tls.crt;\n"
                    "  ssl_certificate_key /etc/tls/tls.key;\n  return 204;\n}\n"}}}}),
         workload("secure", {{"ports", {{{"name", "https"}, {"port", 443}}}},
                             {"route", {{"tls", {{"termination", "passthrough"}}}}},
                             {"volumes",
                              {{{"name", "tls"}, {"secret", {{"secretName", "tls"}}}},
                               {{"name", "site"}, {"configMap", {{"name", "site"}}}}}},
                             {"volumeMounts",
                              {{{"name", "tls"}, {"mountPath", "/etc/tls"}},
                               {{"name", "site"}, {"mountPath", "/etc/nginx/conf.d"}}}}})});
  const std::string url = await_ready("secure").at("status").at("url");
  EXPECT_THAT(stand().head(url, {"--verbose"}), AllOf(HasSubstr("subject: CN=the-application"),
                                                      HasSubstr("HTTP/1.1 204 No Content")));
  EXPECT_THAT(stand().head("http" + url.substr(5)), HasSubstr(" 503 "));
}

}  // namespace
}  // namespace e2e
