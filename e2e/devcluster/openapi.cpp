#include "devcluster/openapi.hpp"

namespace devcluster {

std::optional<Response> openapi(const Catalog&, const Target&, const std::string&,
                                const std::string&) {
  return std::nullopt;
}

}  // namespace devcluster
