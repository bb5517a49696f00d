#include "devcluster/node_ports.hpp"

#include <iostream>
#include <set>
#include <stdexcept>

#include "devcluster/front_routes.hpp"
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

}  // namespace

NodePorts::NodePorts(ApiServer& server, FrontDoor::Connect connect)
    : server_(server), connect_(std::move(connect)), services_(server, "/api/v1/services") {}

void NodePorts::follow() {
  std::vector<Delta> deltas;
  services_.poll(deltas);
  for (const auto& delta : deltas) follow(delta);
}

boost::asio::awaitable<void> NodePorts::serve(Socket client, const RouteTarget& target) {
  Api api(server_);
  const int connected = connect_target(api, target, connect_);
  if (connected < 0) co_return;
  Socket pod(client.get_executor(), boost::asio::ip::tcp::v4(), connected);
  splice(std::move(client), std::move(pod));
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
                         return serve(std::move(client), target);
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
