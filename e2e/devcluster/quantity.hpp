// Quantities of resources (node/quantity.hpp) in whole numbers, to be added up.
#pragma once

#include <cstdint>
#include <string_view>

namespace devcluster {

// In thousandths of the unit; 0 for what is no quantity.
std::int64_t milli_of(std::string_view quantity);

}  // namespace devcluster
