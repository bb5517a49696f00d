// What a watch sends, in chunks of any size: lines, and an event in each.
#include <algorithm>
#include <string>
#include <vector>

#include "kube/line_splitter.hpp"
#include "kube/projection.hpp"
#include "target.hpp"

namespace {

using swo::fuzz::require;

std::vector<std::string> lines_of(std::string_view bytes, std::size_t chunk) {
  swo::kube::LineSplitter splitter;
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < bytes.size(); at += chunk) {
    require(splitter.append(bytes.substr(at, chunk)), "an input is shorter than the longest line");
    while (const auto line = splitter.next()) {
      lines.emplace_back(*line);
    }
  }
  const std::size_t last = bytes.rfind('\n');
  const std::size_t rest = last == std::string_view::npos ? bytes.size() : bytes.size() - last - 1;
  require(splitter.pending() == rest, "what is pending is what follows the last line end");
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using swo::kube::EventType;
  if (size == 0) {
    return 0;
  }
  static const swo::kube::FieldMask kMask({"spec.nodeName", "status.containerStatuses.ready"});
  const std::string_view bytes = swo::fuzz::text_of(data + 1, size - 1);
  const auto lines = lines_of(bytes, std::size_t{data[0]} + 1);
  require(lines == lines_of(bytes, std::max<std::size_t>(bytes.size(), 1)),
          "lines do not depend on the chunks");
  for (const std::string& line : lines) {
    const auto event = swo::kube::project_event(line, kMask);
    if (!event) {
      require(!event.error().message.empty(), "an error says what is wrong");
    } else if (event->type != EventType::kError && event->type != EventType::kUnknown) {
      require(event->resource_version != 0, "an object has a version");
      require(event->object.is_object(), "an object is one");
    }
  }
  return 0;
}
