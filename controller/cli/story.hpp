// The whole story of one workload, for a person: platform, conditions, instances, what is still to
// be done. By lists in place of watches, with the rights of who asks.
//
// What may not be read is left out and named; what depends on it is told as the workload's status
// has it, which the operator writes with its own rights.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "kube/client.hpp"
#include "platform/strategy.hpp"
#include "runtime/clock.hpp"

namespace swo::cli {

struct StoryOptions {
  kube::ObjectKey workload = {};
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
  const runtime::Clock& clock = runtime::system_clock();
  // Until a list that has failed is to be tried again.
  std::function<void(kube::Instant)> sleep_until = nullptr;  // empty: this thread's
};

// 0: it runs; 1: it does not (told on `out`), or it could not be read (told on `err`).
int tell_story(kube::Client& client, const StoryOptions& options, std::ostream& out,
               std::ostream& err);

}  // namespace swo::cli
