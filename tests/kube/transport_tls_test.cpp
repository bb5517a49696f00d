// Who is trusted and who we are: TLS as both transports do it, with certificates made on the spot.
#include <atomic>
#include <csignal>
#include <future>
#include <mutex>
#include <thread>

#include "transport_contract.hpp"

namespace swo::kube::test {
namespace {

class TlsContract : public ContractTest {
 protected:
  static std::unique_ptr<Server> serve_as(const Identity& as, const std::string& client_ca = "") {
    return std::make_unique<Server>(answering([](Peer& peer, const PeerRequest&) {
                                      return peer.answer(
                                          200, peer.server_name() + "|" + peer.client_name());
                                    }),
                                    Server::Tls{as, client_ca, false});
  }
  static Error refusal(const TransportConfig& config) {
    const auto response = transport_of(config)->send(post());
    EXPECT_FALSE(response);
    return response ? Error{} : response.error();
  }
};

// A client certificate that is replaced while it is in use, and a server that knows the new one
// alone.
class RenewedCertificate {
 public:
  explicit RenewedCertificate(const Authority& authority)
      : ca_(authority.certificate()),
        old_(authority.issue("old", "")),
        renewed_(authority.issue("renewed", "")) {}
  std::function<Result<TlsMaterial>()> reader() const {
    return [this]() -> Result<TlsMaterial> {
      const Identity& current = is_renewed_ ? renewed_ : old_;
      return TlsMaterial{ca_, current.certificate, current.key};
    };
  }
  void renew() { is_renewed_ = true; }
  static bool known(Peer& peer, const PeerRequest& /*request*/) {
    return peer.answer(peer.client_name() == "/CN=renewed" ? 200 : 401, "{}");
  }

 private:
  std::string ca_;
  Identity old_, renewed_;
  std::atomic<bool> is_renewed_{false};
};

INSTANTIATE_TEST_SUITE_P(Of, TlsContract,
                         testing::Values(Kind{"Beast", make_beast_transport, true},
                                         Kind{"Cpprest", make_cpprest_transport, true}),
                         name_of);

TEST_P(TlsContract, AServerOfAnotherCaIsUnreachableAndTheMessageSaysWhatToCheck) {
  const Authority other("other CA");
  const auto server = serve_as(other.issue("server", "IP:127.0.0.1"));
  const Error error = refusal(config_for(*server));
  EXPECT_EQ(error.kind, ErrorKind::kUnreachable);
  EXPECT_NE(error.message.find("not signed by the configured CA"), std::string::npos)
      << error.message;
  EXPECT_NE(error.message.find("certificate-authority"), std::string::npos);
}

TEST_P(TlsContract, AServerOfAnotherNameIsUnreachableUnlessTheNameIsConfigured) {
  const auto server = serve_as(authority().issue("127.0.0.1", "DNS:api.test"));
  auto config = config_for(*server);
  const Error error = refusal(config);
  EXPECT_EQ(error.kind, ErrorKind::kUnreachable);
  EXPECT_NE(error.message.find("not for 127.0.0.1"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("tls-server-name"), std::string::npos);

  config.tls_server_name = "api.test";
  const auto response = transport_of(config)->send(get());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "api.test|") << "the name is announced, too";
}

TEST_P(TlsContract, AnIpAddressIsMatchedAndNotAnnounced) {
  const auto server = serve_as(authority().issue("server", "IP:127.0.0.1"));
  const auto response = transport_to(*server)->send(get());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "|");
}

TEST_P(TlsContract, AnExpiredCertificateIsNamedAsSuch) {
  const auto server = serve_as(authority().issue("server", "IP:127.0.0.1", -3, -2));
  const Error error = refusal(config_for(*server));
  EXPECT_EQ(error.kind, ErrorKind::kUnreachable);
  EXPECT_NE(error.message.find("expired"), std::string::npos) << error.message;
}

TEST_P(TlsContract, InsecureTakesAnyServer) {
  const Authority other("other CA");
  const auto server = serve_as(other.issue("server", "DNS:elsewhere.test"));
  auto config = config_for(*server);
  config.insecure_skip_tls_verify = true;
  const auto response = transport_of(config)->send(get());
  EXPECT_TRUE(response) << response.error().message;
}

TEST_P(TlsContract, PresentsItsClientCertificate) {
  const auto server = serve_as(identity(), authority().certificate());
  auto config = config_for(*server);
  EXPECT_FALSE(transport_of(config)->send(get()));
  const Identity alice = authority().issue("alice", "");
  config.tls.client_certificate = alice.certificate;
  config.tls.client_key = alice.key;
  const auto response = transport_of(config)->send(get());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "|/CN=alice");
}

TEST_P(TlsContract, BrokenPemIsAConfigErrorNamingTheField) {
  const Identity alice = authority().issue("alice", "");
  const Identity bob = authority().issue("bob", "");
  TransportConfig good;
  good.server = "https://127.0.0.1:6443";
  const auto message_of = [&](const TlsMaterial& material) {
    auto config = good;
    config.tls = material;
    const auto transport = GetParam().make(config);
    EXPECT_FALSE(transport);
    if (transport) return std::string();
    EXPECT_EQ(transport.error().kind, ErrorKind::kConfig);
    return transport.error().message;
  };
  EXPECT_TRUE(message_of({"no pem", "", ""}).starts_with("certificate-authority"));
  EXPECT_TRUE(message_of({"", "no pem", alice.key}).starts_with("client-certificate"));
  EXPECT_TRUE(message_of({"", alice.certificate, "no pem"}).starts_with("client-key"));
  EXPECT_TRUE(message_of({"", alice.certificate, bob.key}).starts_with("client-key"));
  EXPECT_TRUE(message_of({"", alice.certificate, ""}).starts_with("client-certificate and"));
}

TEST_P(TlsContract, AnIntermediateCaIsTrustedAsWellAsARoot) {
  const Authority intermediate("intermediate CA", authority());
  const auto server = serve_as(intermediate.issue("server", "IP:127.0.0.1"));
  auto config = config_for(*server);
  config.tls.ca = intermediate.certificate();
  const auto response = transport_of(config)->send(get());
  EXPECT_TRUE(response) << response.error().message;
}

TEST_P(TlsContract, ACertificateThatCannotBeReadDoesNotTakeTheOthersOfItsBundle) {
  const auto block = [](const std::string& text) {
    return "-----BEGIN CERTIFICATE-----\n" + text + "-----END CERTIFICATE-----\n";
  };
  const std::string broken =
      block("AAAA\n") + block("no base64!\n") + "-----BEGIN CERTIFICATE-----\nAAAA\n" +
      block("Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\nAAAA\n");
  const auto server = serve_as(identity());
  auto config = config_for(*server);
  config.tls.ca = broken + authority().certificate() + block("AAAA\n") + "text\n";
  const auto response = transport_of(config)->send(get());
  EXPECT_TRUE(response) << response.error().message;

  config.tls.ca = broken;
  const auto transport = GetParam().make(config);
  ASSERT_FALSE(transport);
  EXPECT_TRUE(transport.error().message.starts_with("certificate-authority"));
}

TEST_P(TlsContract, AChangedCaIsUsedForTheNextConnection) {
  const Authority next("next CA");
  std::mutex mutex;
  std::string ca = authority().certificate();
  const auto server = std::make_unique<Server>(
      [](Peer& peer) {
        PeerRequest request;
        if (peer.read_request(request)) peer.answer(200, "{}", "Connection: close\r\n");
      },
      Server::Tls{identity(), "", false});
  auto config = config_for(*server);
  config.reread_tls = [&]() -> Result<TlsMaterial> {
    const std::lock_guard lock(mutex);
    return TlsMaterial{ca, "", ""};
  };
  const auto transport = transport_of(config);
  EXPECT_TRUE(transport->send(get()));
  server->show(next.issue("server", "IP:127.0.0.1"));
  EXPECT_FALSE(transport->send(get()));
  {
    const std::lock_guard lock(mutex);
    ca = next.certificate();
  }
  const auto response = transport->send(get());
  EXPECT_TRUE(response) << response.error().message;
}

TEST_P(TlsContract, AClientCertificateThatChangedIsPresentedAfterA401) {
  RenewedCertificate certificate(authority());
  const auto server =
      std::make_unique<Server>(answering(RenewedCertificate::known),
                               Server::Tls{identity(), authority().certificate(), false});
  auto config = config_for(*server);
  config.reread_tls = certificate.reader();
  const auto transport = transport_of(config);
  const auto before = transport->send(get());
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(before->status, 401);
  certificate.renew();
  const auto after = transport->send(post());
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->status, 200);
}

TEST_P(TlsContract, AConnectionThatWasBusyWhileTheCertificateChangedIsNotUsedAgain) {
  RenewedCertificate certificate(authority());
  std::promise<void> arrived, release;
  const auto released = release.get_future().share();
  const auto server =
      std::make_unique<Server>(answering([&](Peer& peer, const PeerRequest& request) {
                                 if (request.target == "/slow") {
                                   arrived.set_value();
                                   released.wait();
                                   return peer.answer(200, "{}");
                                 }
                                 return RenewedCertificate::known(peer, request);
                               }),
                               Server::Tls{identity(), authority().certificate(), false});
  auto config = config_for(*server);
  config.reread_tls = certificate.reader();
  const auto transport = transport_of(config);
  std::jthread slow([&] { EXPECT_TRUE(transport->send(get("/slow"))); });
  arrived.get_future().wait();
  certificate.renew();
  EXPECT_TRUE(transport->send(get()));
  release.set_value();
  slow.join();
  for (int i = 0; i < 3; ++i) {
    const auto answer = transport->send(get());
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
  }
}

}  // namespace
}  // namespace swo::kube::test
