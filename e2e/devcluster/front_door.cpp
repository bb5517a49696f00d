#include "devcluster/front_door.hpp"

#include <array>
#include <cstring>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

#include "devcluster/client_hello.hpp"
#include "devcluster/front_channel.hpp"
#include "devcluster/front_routes.hpp"
#include "devcluster/loopback.hpp"
#include "devcluster/lower.hpp"

namespace devcluster {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::size_t kMostHeader = std::size_t{16} * 1024;

constexpr const char* kUnavailable =
    "HTTP/1.0 503 Service Unavailable\r\npragma: no-cache\r\ncache-control: private, max-age=0, "
    "no-cache, "
    "no-store\r\ncontent-type: text/html\r\n\r\n<html><body>Application is not "
    "available</body></html>\n";

// "nginx.apps.example.com" of the request's Host header, without a port.
std::string host_of(const std::string& header) {
  const std::string text = lower(header);
  const auto at = text.find("\r\nhost:");
  if (at == std::string::npos) return {};
  const auto begin = text.find_first_not_of(' ', at + std::strlen("\r\nhost:"));
  const auto end = text.find_first_of(":\r\n ", begin);
  return begin == std::string::npos ? std::string() : text.substr(begin, end - begin);
}

// Where plain HTTP for a host with TLS is led: the same place, with https.
std::string redirect(const std::string& host, const std::string& header) {
  const auto begin = header.find(' ') + 1;
  const std::string path = header.substr(begin, header.find(' ', begin) - begin);
  return "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: https://" + host + path +
         "\r\ncache-control: no-cache\r\n\r\n";
}

std::string read_header(Channel& client) {
  std::string header;
  std::array<char, kMostHeader> buffer{};
  while (header.size() < kMostHeader && header.find("\r\n\r\n") == std::string::npos) {
    const auto got = client.read(buffer.data(), buffer.size());
    if (got == 0) return {};
    header.append(buffer.data(), got);
  }
  return header;
}

}  // namespace

struct FrontDoor::Impl {
  Impl(ApiServer& server, Connect connect_by, const Certificate& own, int wanted)
      : api(server),
        connect(std::move(connect_by)),
        door(wanted, connections, [this](int socket) { serve(socket); }) {
    accepting.use_certificate_chain(boost::asio::buffer(own.certificate_pem));
    accepting.use_private_key(boost::asio::buffer(own.key_pem), ssl::context::pem);
  }

  void serve(int socket) {
    Channel client(socket);
    const std::string host = server_name(client.first_record());
    if (host.empty()) {
      serve_plain(client);
      return;
    }
    const auto target = find_target(api, lower(host));
    if (target && target->termination == "passthrough") {
      const int pod = connect_target(api, *target, connect);
      if (pod < 0) return;  // there is nothing to say to who speaks TLS to someone else
      Channel application(pod);
      splice(client, application);
    } else if (client.accept_tls(accepting.native_handle())) {
      const std::string header = read_header(client);
      const auto asked = find_target(api, host_of(header));
      lead(client, asked && !asked->termination.empty() ? asked : std::nullopt, header);
    }
  }

  void serve_plain(Channel& client) {
    const std::string header = read_header(client);
    if (header.empty()) return;
    const std::string host = host_of(header);
    auto target = find_target(api, host);
    if (target && target->insecure == "Redirect") {
      client.write(redirect(host, header));
      return;
    }
    const bool open_to_plain =
        target && (target->termination.empty() || target->insecure == "Allow");
    if (target) target->termination.clear();
    lead(client, open_to_plain ? target : std::nullopt, header);
  }

  // The request that begins so, to a Pod of the target.
  void lead(Channel& client, const std::optional<RouteTarget>& target, const std::string& header) {
    const int socket = target ? connect_target(api, *target, connect) : -1;
    if (socket < 0) {
      client.write(kUnavailable);
      return;
    }
    Channel pod(socket);
    if (target->termination == "reencrypt" &&
        !pod.connect_tls(asking.native_handle(), target->service)) {
      client.write(kUnavailable);
      return;
    }
    if (pod.write(header)) splice(client, pod);
  }

  Api api;
  Connect connect;
  ssl::context accepting{ssl::context::tls_server};
  ssl::context asking{ssl::context::tls_client};
  Connections connections;
  Loopback door;
};

FrontDoor::FrontDoor(ApiServer& server, Connect connect, const Certificate& own, int port)
    : impl_(std::make_unique<Impl>(server, std::move(connect), own, port)) {}
FrontDoor::~FrontDoor() = default;

int FrontDoor::port() const { return impl_->door.port(); }

}  // namespace devcluster
