#include "devcluster/node_ports.hpp"

#include <iostream>
#include <set>
#include <stdexcept>

#include "devcluster/front_routes.hpp"
#include "devcluster/loopback.hpp"
#include "devcluster/splice.hpp"

namespace devcluster {
namespace {

std::map<int, std::string> node_ports_of(const Json& service) {
  std::map<int, std::string> ports;
  const auto spec = service.value("spec", Json::object());
  for (const auto& port : spec.value("ports", Json::array())) {
    const int number = port.value("nodePort", 0);
    if (number > 0 && port.value("protocol", "TCP") == "TCP")
      ports[number] = port.value("name", "");
  }
  return ports;
}

boost::asio::awaitable<void> lead_to_pod(boost::asio::ip::tcp::socket client, Api api,
                                         RouteTarget target, FrontDoor::Connect connect) {
  const int connected = connect_target(api, target, connect);
  if (connected < 0) co_return;
  boost::asio::ip::tcp::socket pod(client.get_executor(), boost::asio::ip::tcp::v4(), connected);
  splice(std::move(client), std::move(pod));
}

}  // namespace

NodePorts::NodePorts(ApiServer& server, FrontDoor::Connect connect)
    : server_(server), connect_(std::move(connect)), services_(server, "/api/v1/services") {}
NodePorts::~NodePorts() = default;

void NodePorts::follow() {
  std::vector<Delta> deltas;
  services_.poll(deltas);
  for (const auto& delta : deltas) follow(delta);
}

void NodePorts::follow(const Delta& service) {
  const auto key = key_of(service.object);
  const bool gone = service.kind == Delta::Kind::kDeleted;
  const auto wanted = gone ? std::map<int, std::string>() : node_ports_of(service.object);
  auto& ports = open_[key];
  std::erase_if(ports, [&](const auto& port) {
    const auto same = wanted.find(port.first);
    return same == wanted.end() || same->second != port.second.first;
  });
  for (const auto& [number, name] : wanted) {
    if (ports.count(number) > 0 || ports.size() >= kMost) continue;
    const RouteTarget target{service.object["metadata"].value("namespace", ""),
                             service.object["metadata"].value("name", ""),
                             name.empty() ? Json() : Json(name), "", ""};
    try {
      ports[number] = {name, std::make_unique<Loopback>(number, 1, [this, target](auto client) {
                         return lead_to_pod(std::move(client), Api(server_), target, connect_);
                       })};
    } catch (const std::runtime_error& error) {
      ports.erase(number);
      std::cout << "devcluster: node port of Service " << key << ": " << error.what() << "\n"
                << std::flush;
    }
  }
  if (ports.empty()) open_.erase(key);
}

}  // namespace devcluster
