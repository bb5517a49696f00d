#include "devcluster/front_door.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devcluster/client_hello.hpp"
#include "devcluster/front_channel.hpp"
#include "devcluster/front_routes.hpp"
#include "devcluster/lower.hpp"

namespace devcluster {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::size_t kMostHeader = std::size_t{16} * 1024;
constexpr int kAcceptPoll = 100;

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
      : api(server), connect(std::move(connect_by)) {
    accepting.use_certificate_chain(boost::asio::buffer(own.certificate_pem));
    accepting.use_private_key(boost::asio::buffer(own.key_pem), ssl::context::pem);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(wanted));
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    if (bind(listener, any, size) != 0 || listen(listener, kMostConnections) != 0 ||
        getsockname(listener, any, &size) != 0) {
      const std::string why = std::strerror(errno);
      close(listener);
      throw std::runtime_error("cannot listen on 127.0.0.1:" + std::to_string(wanted) + ": " + why);
    }
    port = ntohs(address.sin_port);
    thread = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
  }

  ~Impl() {
    thread = {};
    while (open > 0) std::this_thread::sleep_for(std::chrono::milliseconds(kAcceptPoll / 10));
    close(listener);
  }

  void accept_all(const std::stop_token& stop) {
    // OpenSSL writes without MSG_NOSIGNAL. The connections' threads inherit this.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    while (!stop.stop_requested()) {
      pollfd end{listener, POLLIN, 0};
      if (poll(&end, 1, kAcceptPoll) <= 0) continue;
      const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      if (open >= kMostConnections) {
        close(client);
        continue;
      }
      ++open;
      std::thread([this, client] {
        try {
          serve(client);
        } catch (const std::exception&) {
          // An object of unexpected shape leads nowhere.
        }
        --open;
      }).detach();
    }
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
  int listener = -1;
  int port = 0;
  std::atomic<int> open{0};
  std::jthread thread;
};

FrontDoor::FrontDoor(ApiServer& server, Connect connect, const Certificate& own, int port)
    : impl_(std::make_unique<Impl>(server, std::move(connect), own, port)) {}
FrontDoor::~FrontDoor() = default;

int FrontDoor::port() const { return impl_->port; }

}  // namespace devcluster
