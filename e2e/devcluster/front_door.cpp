#include "devcluster/front_door.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <thread>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace devcluster {
namespace {

constexpr std::size_t kMostHeader = std::size_t{16} * 1024;
constexpr std::size_t kChunk = std::size_t{16} * 1024;
// An idle connection is closed after so long; the same as the router's default (haproxy timeout
// server).
constexpr int kIdleMilliseconds = 30'000;
constexpr int kAcceptPoll = 100;

constexpr const char* kUnavailable =
    "HTTP/1.0 503 Service Unavailable\r\npragma: no-cache\r\ncache-control: private, max-age=0, "
    "no-cache, "
    "no-store\r\ncontent-type: text/html\r\n\r\n<html><body>Application is not "
    "available</body></html>\n";

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// "nginx.apps.example.com" of the request's Host header, without a port.
std::string host_of(const std::string& header) {
  const std::string text = lower(header);
  const auto at = text.find("\r\nhost:");
  if (at == std::string::npos) return {};
  const auto begin = text.find_first_not_of(' ', at + std::strlen("\r\nhost:"));
  const auto end = text.find_first_of(":\r\n ", begin);
  return begin == std::string::npos ? std::string() : text.substr(begin, end - begin);
}

struct Target {
  std::string ns, service;
  Json port;  // name or number; null = the first
};

// Nothing where the cluster does not serve the resource.
std::vector<Json> list_served(Api& api, const std::string& collection) {
  try {
    return api.list(collection);
  } catch (const std::runtime_error&) {
    return {};
  }
}

std::optional<Target> find_target(Api& api, const std::string& host) {
  for (const auto& route : list_served(api, "/apis/route.openshift.io/v1/routes")) {
    const auto& spec = route["spec"];
    if (spec.value("host", "") == host) {
      return Target{route["metadata"]["namespace"], spec["to"]["name"],
                    spec.value("port", Json::object()).value("targetPort", Json())};
    }
  }
  for (const auto& ingress : list_served(api, "/apis/networking.k8s.io/v1/ingresses")) {
    for (const auto& rule : ingress["spec"].value("rules", Json::array())) {
      const std::string rule_host = rule.value("host", "");
      if (!rule_host.empty() && rule_host != host) continue;
      const auto& backend = rule["http"]["paths"][0]["backend"]["service"];
      const auto port = backend.value("port", Json::object());
      return Target{ingress["metadata"]["namespace"], backend["name"],
                    port.contains("name") ? port["name"] : port.value("number", Json())};
    }
  }
  return std::nullopt;
}

int connect_target(Api& api, const Target& target, const FrontDoor::Connect& connect) {
  const auto endpoints = api.get("/api/v1/namespaces/" + target.ns + "/endpoints", target.service);
  if (!endpoints) return -1;
  for (const auto& subset : endpoints->value("subsets", Json::array())) {
    int port = 0;
    for (const auto& one : subset.value("ports", Json::array())) {
      if (target.port.is_null() || one.value("name", "") == target.port ||
          one["port"] == target.port) {
        port = one["port"];
        break;
      }
    }
    for (const auto& address : subset.value("addresses", Json::array())) {
      const int socket = connect(address["targetRef"].value("uid", ""), port);
      if (socket >= 0) return socket;
    }
  }
  return -1;
}

bool send_all(int socket, const char* data, std::size_t size) {
  while (size > 0) {
    const auto sent = send(socket, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

// Both ways until one side ends or nothing has come for a while.
void splice(int client, int pod) {
  std::array<char, kChunk> buffer{};
  while (true) {
    std::array<pollfd, 2> ends{{{client, POLLIN, 0}, {pod, POLLIN, 0}}};
    if (poll(ends.data(), ends.size(), kIdleMilliseconds) <= 0) return;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].revents == 0) continue;
      const auto got = recv(ends[i].fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) return;
      if (!send_all(ends[1 - i].fd, buffer.data(), static_cast<std::size_t>(got))) return;
    }
  }
}

std::string read_header(int client) {
  std::string header;
  std::array<char, kChunk> buffer{};
  const timeval wait{kIdleMilliseconds / 1000, 0};
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
  while (header.size() < kMostHeader && header.find("\r\n\r\n") == std::string::npos) {
    const auto got = recv(client, buffer.data(), buffer.size(), 0);
    if (got <= 0) return {};
    header.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return header;
}

}  // namespace

struct FrontDoor::Impl {
  Impl(ApiServer& server, Connect connect_by, int wanted)
      : api(server), connect(std::move(connect_by)) {
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
        serve(client);
        close(client);
        --open;
      }).detach();
    }
  }

  void serve(int client) {
    const std::string header = read_header(client);
    if (header.empty()) return;
    int pod = -1;
    try {
      const auto target = find_target(api, host_of(header));
      pod = target ? connect_target(api, *target, connect) : -1;
    } catch (const std::exception&) {
      pod = -1;  // an object of unexpected shape leads nowhere
    }
    if (pod < 0) {
      send_all(client, kUnavailable, std::strlen(kUnavailable));
      return;
    }
    if (send_all(pod, header.data(), header.size())) splice(client, pod);
    close(pod);
  }

  Api api;
  Connect connect;
  int listener = -1;
  int port = 0;
  std::atomic<int> open{0};
  std::jthread thread;
};

FrontDoor::FrontDoor(ApiServer& server, Connect connect, int port)
    : impl_(std::make_unique<Impl>(server, std::move(connect), port)) {}
FrontDoor::~FrontDoor() = default;

int FrontDoor::port() const { return impl_->port; }

}  // namespace devcluster
