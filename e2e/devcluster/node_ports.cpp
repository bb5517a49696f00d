#include "devcluster/node_ports.hpp"

#include <iostream>
#include <stdexcept>

#include "devcluster/front_routes.hpp"
#include "devcluster/loopback.hpp"

namespace devcluster {
namespace {

constexpr std::size_t kMost = 64;  // of one Service

// Each node port, and where it leads.
std::map<int, RouteTarget> node_ports(Api& api) {
  std::map<int, RouteTarget> ports;
  for (const auto& service : api.list("/api/v1/services")) {
    std::size_t left = kMost;
    for (const auto& port : service.value("/spec/ports"_json_pointer, Json::array())) {
      const int number = port.value("nodePort", 0);
      if (number == 0 || port.value("protocol", "TCP") != "TCP" || left == 0) continue;
      --left;
      ports[number] = {service["metadata"]["namespace"], service["metadata"]["name"],
                       port.value("name", Json()), "", ""};
    }
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
    : api_(server), connect_(std::move(connect)) {}
NodePorts::~NodePorts() = default;

void NodePorts::follow() {
  const auto wanted = node_ports(api_);
  std::erase_if(open_, [&](const auto& port) {
    const auto found = wanted.find(port.first);
    return found == wanted.end() || found->second != port.second.target;
  });
  for (const auto& [number, target] : wanted) {
    if (open_.count(number) > 0) continue;
    auto& open = open_[number];
    open.target = target;
    try {
      open.loopback = std::make_unique<Loopback>(number, 1, [this, target = target](auto client) {
        return lead_to_pod(std::move(client), api_, target, connect_);
      });
    } catch (const std::runtime_error& error) {
      std::cout << "devcluster: node port of Service " << target.ns << "/" << target.service << ": "
                << error.what() << "\n"
                << std::flush;
    }
  }
}

}  // namespace devcluster
