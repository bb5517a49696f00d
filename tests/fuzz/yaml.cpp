// A manifest of any content, as `render -f` reads it.
#include "render/yaml.hpp"

#include <string>
#include <variant>
#include <vector>

#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Documents = std::vector<swo::Json>;
  using swo::fuzz::require;
  namespace render = swo::render;
  const auto read = render::read_yaml(std::string(swo::fuzz::text_of(data, size)));
  if (const auto* fault = std::get_if<render::YamlError>(&read)) {
    require(!fault->text.empty(), "a fault says what is wrong");
    return 0;
  }
  const auto& documents = std::get<Documents>(read);
  const auto again = render::read_yaml(render::to_yaml(documents));
  require(std::holds_alternative<Documents>(again), "what is written can be read");
  require(std::get<Documents>(again) == documents, "and reads as it was");
  return 0;
}
