// A cluster of a well-known generation, and what a test expects to be decided for it.
#pragma once

#include <string>
#include <string_view>

#include <gmock/gmock.h>

#include "platform/strategy.hpp"

namespace swo::platform {

inline constexpr auto kApply = MachineConfigMode::kApply;

inline Facts generation(std::string_view name) { return *well_known_generation(name); }

inline auto reason_is(std::string reason) { return testing::Field(&Blocker::reason, reason); }

}  // namespace swo::platform
