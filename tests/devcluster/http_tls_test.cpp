// TLS and client certificates.
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <gmock/gmock.h>

#include "api_fixture.hpp"
#include "devcluster/certificates.hpp"
#include "devcluster/http_server.hpp"

namespace devcluster {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using ::testing::HasSubstr;

class Tls : public ApiTest {
 protected:
  HttpServerOptions options() const {
    const Certificate own = authority_.server();
    HttpServerOptions out;
    out.certificate_pem = own.certificate_pem;
    out.key_pem = own.key_pem;
    out.client_ca_pem = authority_.pem();
    return out;
  }

  std::string whoami(const Certificate* shown) {
    asio::io_context io;
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.add_certificate_authority(asio::buffer(authority_.pem()));
    tls.set_verify_mode(asio::ssl::verify_peer);
    tls.set_verify_callback(asio::ssl::host_name_verification("127.0.0.1"));
    if (shown != nullptr) {
      tls.use_certificate_chain(asio::buffer(shown->certificate_pem));
      tls.use_private_key(asio::buffer(shown->key_pem), asio::ssl::context::pem);
    }
    asio::ssl::stream<tcp::socket> stream(io, tls);
    stream.next_layer().connect(
        {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(front_.port())});
    stream.handshake(asio::ssl::stream_base::client);
    http::request<http::string_body> request{
        http::verb::post, "/apis/authentication.k8s.io/v1/selfsubjectreviews", 11};
    request.body() = "{}";
    request.prepare_payload();
    http::write(stream, request);
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(stream, buffer, response);
    return response.body();
  }

  CertificateAuthority authority_;
  HttpServer front_{server_, options()};
};

TEST_F(Tls, AClientCertificatesNameAndOrganisationsAreItsUserAndGroups) {
  const Certificate ann = authority_.client("ann", {"ops", "system:masters"});
  const Json review = Json::parse(whoami(&ann));
  EXPECT_EQ(review["status"]["userInfo"]["username"], "ann");
  EXPECT_EQ(review["status"]["userInfo"]["groups"],
            (Json{"ops", "system:masters", "system:authenticated"}));
}

TEST_F(Tls, WithoutACertificateOneIsAnonymous) {
  EXPECT_THAT(whoami(nullptr), HasSubstr("User \\\"system:anonymous\\\" cannot create resource"));
}

TEST_F(Tls, AStrangersCertificateEndsTheConnection) {
  const Certificate stranger = CertificateAuthority().client("ann", {"system:masters"});
  EXPECT_THROW(whoami(&stranger), boost::system::system_error);
}

}  // namespace
}  // namespace devcluster
