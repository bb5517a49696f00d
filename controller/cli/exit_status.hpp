// What the programs end with, besides 0.
#pragma once

namespace swo::cli {

// A command line that cannot be used (as bash has it for its builtins: bash(1), EXIT STATUS).
inline constexpr int kBadUsage = 2;

}  // namespace swo::cli
