// `systemd-workload-operator render`: what would be applied for a workload, as YAML, without a
// cluster.
//
// Reads a manifest of one or more documents; those of other kinds pass through unchanged, so the
// output is as complete as the input. Bad input: one line on `err` for each fault, naming file,
// document, field, value and remedy, nothing on `out`.
#pragma once

#include <iosfwd>
#include <string>

#include "platform/strategy.hpp"

namespace swo::cli {

struct RenderOptions {
  std::string file = "-";                  // "-" = standard input
  std::string cluster = "openshift-4.20";  // one of platform::well_known_generations()
  std::string ns;                          // of documents that name none; "" = default
  bool explain = false;                    // the reasons of each decision, as comments on top
  platform::MachineConfigMode machine_config = platform::MachineConfigMode::kApply;
};

inline constexpr int kRendered = 0;
inline constexpr int kBadInput = 2;

// Opens options.file.
int render_command(const RenderOptions& options, std::ostream& out, std::ostream& err);

// The same for a manifest in hand; options.file only names it in messages.
int render_command(const RenderOptions& options, std::istream& manifest, std::ostream& out,
                   std::ostream& err);

}  // namespace swo::cli
