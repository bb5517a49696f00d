#include "devcluster/quantity.hpp"

#include <cmath>
#include <string>

#include "node/pod_error.hpp"
#include "node/quantity.hpp"

namespace devcluster {

std::int64_t milli_of(std::string_view quantity) {
  constexpr double kMilli = 1000;
  try {
    return std::llround(node::quantity(std::string(quantity)) * kMilli);
  } catch (const node::PodError&) {
    return 0;
  }
}

}  // namespace devcluster
