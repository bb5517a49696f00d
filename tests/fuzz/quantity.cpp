// Quantities: the canonical form of a canonical form is itself.
#include "render/quantity.hpp"

#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string once = swo::render::canonical_quantity(swo::fuzz::text_of(data, size));
  swo::fuzz::require(swo::render::canonical_quantity(once) == once, "once is enough");
  return 0;
}
