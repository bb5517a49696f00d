// The JSON type of the whole program, in one place. Keys are kept sorted, so that printing is
// deterministic and two equal documents have equal text.
#pragma once

#include <nlohmann/json.hpp>

namespace swo {

using Json = nlohmann::json;

}  // namespace swo
