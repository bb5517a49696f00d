#include "devcluster/exec.hpp"

#include "devcluster/http.hpp"
#include "devcluster/lower.hpp"
#include "devcluster/objects.hpp"
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
  const auto pod = world.api.get(kPods, ns + "/" + name);
  if (!pod) throw not_found({"", "pods", "Pod", name});
  const std::string protocol = subprotocol(request);
  const auto container = container_of(*pod).value("name", "");
  const auto asked = target.value("container");
  if (!asked.empty() && container != asked) {
    throw bad_request("container " + asked + " is not valid for pod " + name);
  }
  if (has_ended(*pod)) {
    throw bad_request("cannot exec into a container in a completed pod; current phase is " +
                      phase_of(*pod));
  }
  const node::ExecRequest what{target.values("command"), target.flag("tty"), target.flag("stdin")};
  if (what.command.empty()) throw bad_request("command: is required");
  auto program = agent.exec(uid_of(*pod), what);
  if (program == nullptr) {
    if (pod->contains("/status/containerStatuses/0/state/running"_json_pointer)) {
      throw Refusal(501, "NotImplemented",
                    "Pods are simulated here: there is no container to run a "
                    "program in");
    }
    throw bad_request("container not found (\"" + container + "\")");
  }
  Answer answer;
  answer.response = {101, {{"sec-websocket-protocol", protocol}}, ""};
  answer.program = std::move(program);
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
