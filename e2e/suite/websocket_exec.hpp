// A client of pods/exec for machines whose kubectl is older than the WebSocket protocol (1.30).
// Source: k8s.io/apimachinery pkg/util/remotecommand (v5.channel.k8s.io).
#pragma once

#include <string>
#include <vector>

#include "stand.hpp"

namespace e2e {

struct ExecResult {
  std::string output, errors;
  Json status;  // metav1.Status: how the program ended
};

// Runs a program in the Pod's container with that input, to its end. Throws std::runtime_error.
ExecResult exec_by_websocket(const Stand& stand, const std::string& ns, const std::string& pod,
                             const std::vector<std::string>& command, const std::string& input);

}  // namespace e2e
