// What the programs end with.
#pragma once

namespace swo::cli {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
// A command line that cannot be used (as bash has it for its builtins: bash(1), EXIT STATUS).
inline constexpr int kBadUsage = 2;

}  // namespace swo::cli
