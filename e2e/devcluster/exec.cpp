#include "devcluster/exec.hpp"

#include "devcluster/lower.hpp"
#include "devcluster/paths.hpp"
#include "devcluster/status.hpp"

namespace devcluster {
namespace {

// The best of those that the client offers.
std::string subprotocol(const Request& request) {
  const std::string offered = request.header("sec-websocket-protocol");
  if (lower(request.header("upgrade")) == "websocket") {
    for (const char* known : {"v5.channel.k8s.io", "v4.channel.k8s.io"}) {
      if (offered.find(known) != std::string::npos) return known;
    }
  }
  throw Refusal(501, "NotImplemented",
                "this stand-in speaks exec over WebSockets alone, by v5.channel.k8s.io or "
                "v4.channel.k8s.io: use kubectl 1.30 or newer");
}

Answer serve(World& world, NodeAgent& agent, const Request& request, const std::string& ns,
             const std::string& name) {
  const auto target = parse_target(request.target);
  const auto pod = world.api.get(pods_path(ns), name);
  if (!pod) throw not_found({"", "pods", "Pod", name});
  const std::string protocol = subprotocol(request);
  const auto& containers = (*pod)["spec"]["containers"];
  const auto asked = target.value("container");
  if (!asked.empty() && containers[0].value("name", "") != asked) {
    throw bad_request("container " + asked + " is not valid for pod " + name);
  }
  const auto phase = pod->value("/status/phase"_json_pointer, std::string());
  if (phase == "Succeeded" || phase == "Failed") {
    throw bad_request("cannot exec into a container in a completed pod; current phase is " + phase);
  }
  const node::ExecRequest what{target.values("command"), target.flag("tty"), target.flag("stdin")};
  if (what.command.empty()) throw bad_request("command: is required");
  const std::string uid = (*pod)["metadata"]["uid"];
  auto dialogue = agent.exec(uid, what);
  if (dialogue == nullptr) {
    const bool runs = pod->contains("/status/containerStatuses/0/state/running"_json_pointer);
    if (runs) {
      throw Refusal(501, "NotImplemented",
                    "Pods are simulated here: there is no container to run a "
                    "program in");
    }
    throw bad_request("container not found (\"" + containers[0].value("name", "") + "\")");
  }
  Answer answer;
  answer.response = {101, {{"sec-websocket-protocol", protocol}}, ""};
  answer.dialogue = std::move(dialogue);
  return answer;
}

}  // namespace

void install_exec(World& world, NodeAgent& agent) {
  world.server.add_subresource(
      "pods/exec",
      [&world, &agent](const Request& request, const std::string& ns, const std::string& name) {
        return serve(world, agent, request, ns, name);
      });
}

}  // namespace devcluster
