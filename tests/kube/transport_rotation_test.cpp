// What both transports make of files that are replaced while the program runs, and of a network
// that swallows what is sent into it.
//
// The server ends each connection after one answer, so that the next request is on the next
// connection: nothing here depends on when an idle one is found to be gone.
#include <atomic>
#include <chrono>
#include <sstream>
#include <thread>

#include "files/temporary_folder.hpp"
#include "kube/client.hpp"
#include "kube/client_config.hpp"
#include "kube/informer.hpp"
#include "transport_contract.hpp"

namespace swo::kube::test {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kOneAnswer = "Connection: close\r\n";

class Rotation : public ContractTest {
 protected:
  // A kubeconfig that names files, as a kubelet, cert-manager or a person renews them.
  TransportConfig config_of_files(const Server& server) {
    const std::string file =
        folder.write("config",
                     "{apiVersion: v1, kind: Config, current-context: c,"
                     " contexts: [{name: c, context: {cluster: k, user: u}}],"
                     " clusters: [{name: k, cluster: {server: \"https://127.0.0.1:" +
                         std::to_string(server.port()) +
                         "\", certificate-authority: ca}}],"
                         " users: [{name: u, user: {client-certificate: crt, client-key: key,"
                         " tokenFile: token}}]}");
    ConfigOptions options;
    options.kubeconfig = file;
    auto config = load_kubeconfig(options);
    if (!config) throw std::runtime_error(config.error().message);
    return config->transport;
  }
  void write_client(const Identity& client) {
    folder.write("crt", client.certificate);
    folder.write("key", client.key);
  }
  // Says who asked: "/CN=name|Bearer token".
  static Server::Script who() {
    return [](Peer& peer) {
      PeerRequest request;
      if (peer.read_request(request)) {
        peer.answer(200, peer.client_name() + "|" + request.headers["authorization"], kOneAnswer);
      }
    };
  }

  swo::test::TemporaryFolder folder;
};

INSTANTIATE_TEST_SUITE_P(Of, Rotation,
                         testing::Values(Kind{"Beast", make_beast_transport, true},
                                         Kind{"Cpprest", make_cpprest_transport, true}),
                         name_of);

TEST_P(Rotation, ANewCaAndClientCertificateOnDiskAreUsedFromTheNextConnectionOn) {
  Server server(who(), {identity(), authority().certificate(), false});
  folder.write("ca", authority().certificate());
  folder.write("token", "t");
  write_client(authority().issue("old", ""));
  const auto transport = transport_of(config_of_files(server));
  const auto before = transport->send(get());
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(before->body, "/CN=old|Bearer t");

  write_client(authority().issue("renewed", ""));
  const auto renewed = transport->send(get());
  ASSERT_TRUE(renewed) << renewed.error().message;
  EXPECT_EQ(renewed->body, "/CN=renewed|Bearer t");

  const Authority next("next CA");
  folder.write("ca", next.certificate());
  server.show(next.issue("server", "IP:127.0.0.1"));
  const auto after = transport->send(post());
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->body, "/CN=renewed|Bearer t");
  server.show(identity());
  EXPECT_FALSE(transport->send(get())) << "the old CA is trusted no more";
}

// Files are seldom replaced all at once: a certificate and a key that do not fit are an error of
// that one moment.
TEST_P(Rotation, ACertificateWhoseKeyIsStillTheOldOneIsTriedAgain) {
  Server server(who(), {identity(), authority().certificate(), false});
  folder.write("ca", authority().certificate());
  folder.write("token", "t");
  write_client(authority().issue("old", ""));
  const auto transport = transport_of(config_of_files(server));
  ASSERT_TRUE(transport->send(get()));
  const Identity renewed = authority().issue("renewed", "");
  folder.write("crt", renewed.certificate);
  const auto between = transport->send(get());
  ASSERT_FALSE(between);
  EXPECT_EQ(between.error().kind, ErrorKind::kConfig) << between.error().message;
  folder.write("key", renewed.key);
  const auto after = transport->send(get());
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->body, "/CN=renewed|Bearer t");
}

TEST_P(Rotation, ANewTokenOnDiskIsUsedAsSoonAsTheOldOneIsRefused) {
  std::atomic<bool> rotated{false};
  Server server(
      [&](Peer& peer) {
        PeerRequest request;
        if (!peer.read_request(request)) return;
        const bool known =
            request.headers["authorization"] == (rotated ? "Bearer two" : "Bearer one");
        peer.answer(known ? 200 : 401, "{}", kOneAnswer);
      },
      {identity(), authority().certificate(), false});
  folder.write("ca", authority().certificate());
  folder.write("token", "one");
  write_client(authority().issue("client", ""));
  const auto transport = transport_of(config_of_files(server));
  ASSERT_EQ(transport->send(get())->status, 200);
  folder.write("token", "two\n");
  rotated = true;
  for (const HttpRequest& request : {post(), get()}) {
    const auto answer = transport->send(request);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
  }
}

struct Thing {
  ObjectKey key;
  std::string uid;
  std::uint64_t resource_version = 0;
};

class BlackHole : public ContractTest {
 protected:
  static std::string chunk(const std::string& text) {
    std::ostringstream out;
    out << std::hex << text.size() << "\r\n" << text << "\r\n";
    return out.str();
  }
  static constexpr std::string_view kStream =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  // Reads on and says nothing, until the client gives up.
  static void swallow(Peer& peer) {
    while (!peer.read_until("never").empty()) {
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Of, BlackHole,
                         testing::Values(Kind{"Beast", make_beast_transport, false},
                                         Kind{"BeastTls", make_beast_transport, true},
                                         Kind{"Cpprest", make_cpprest_transport, false},
                                         Kind{"CpprestTls", make_cpprest_transport, true}),
                         name_of);

TEST_P(BlackHole, IsGivenUpAtTheDeadlineAndTheNextRequestIsOnAnotherConnection) {
  std::atomic<bool> swallows{true};
  const auto server = serve([&](Peer& peer) {
    if (swallows) return swallow(peer);
    PeerRequest request;
    while (peer.read_request(request) && peer.answer(200, "{}")) {
    }
  });
  const auto transport = transport_to(*server);
  for (HttpRequest request : {get(), post()}) {
    request.timeout = milliseconds(150);
    const auto lost = transport->send(request);
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind,
              request.method == "GET" ? ErrorKind::kUnreachable : ErrorKind::kAmbiguous)
        << lost.error().message;
  }
  swallows = false;
  for (const HttpRequest& request : {post(), get()}) {
    const auto answer = transport->send(request);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
  }
}

// The first watch gets its headers and then nothing, as if a firewall had forgotten it.
TEST_P(BlackHole, AWatchInItIsOpenedAnewAndMissesNothing) {
  std::atomic<int> watches{0};
  const auto server = serve([&](Peer& peer) {
    PeerRequest request;
    while (peer.read_request(request)) {
      if (request.target.find("watch=true") == std::string::npos) {
        if (!peer.answer(200, R"({"metadata":{"resourceVersion":"10"},"items":[]})")) return;
        continue;
      }
      peer.write(kStream);
      if (++watches > 1 && request.target.find("resourceVersion=10&") != std::string::npos) {
        peer.write(chunk(R"({"type":"ADDED","object":{"metadata":{"name":"a","namespace":"n",)"
                         R"("uid":"u","resourceVersion":"11"}}})"
                         "\n"));
      }
      return swallow(peer);
    }
  });
  const auto transport = transport_to(*server);
  Client client(*transport);
  InformerOptions<Thing> options;
  options.type = {"", "v1", "pods", "Pod"};
  options.from = [](const Json&) { return Thing{}; };
  options.watcher.idle_limit = milliseconds(150);
  Informer<Thing> informer(client, std::move(options));
  informer.on_change([&](const Thing*, const Thing*) { server->changed(); });
  std::jthread thread([&](const std::stop_token& stop) { informer.run(stop); });
  EXPECT_TRUE(server->wait_for([&] { return informer.store().get({"n", "a"}) != nullptr; }));
  EXPECT_GE(watches, 2);
}

}  // namespace
}  // namespace swo::kube::test
