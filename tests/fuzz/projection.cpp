// Answers of an API server, as whole documents and as lists, against the plain parser.
#include "kube/projection.hpp"

#include <string>

#include "target.hpp"

namespace {

using swo::Json;
using swo::fuzz::require;
namespace kube = swo::kube;

int depth_of(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  for (const char c : text) {
    depth += (c == '{' || c == '[') ? 1 : (c == '}' || c == ']') ? -1 : 0;
    deepest = std::max(deepest, depth);
  }
  return deepest;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const kube::FieldMask kSome({"spec", "status.conditions.type", "metadata.labels"});
  const std::string_view text = swo::fuzz::text_of(data, size);
  const Json plain = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto whole = kube::project(text, kube::FieldMask::everything());
  const auto some = kube::project(text, kSome);
  // The plain parser takes a NUL for the end, whatever follows.
  const bool whole_text = text.find('\0') == std::string_view::npos;
  if (plain.is_object() && whole_text && depth_of(text) < kube::kMaxDepth) {
    require(whole.ok(), "what is a document can be projected");
    require(*whole == plain, "everything is the whole document");
    require(some.ok(), "a part of it, too");
    const auto spec = plain.find("spec");
    require((spec == plain.end()) == !some->contains("spec") &&
                (spec == plain.end() || (*some)["spec"] == *spec),
            "a part that is wanted whole is whole");
  }
  for (const kube::FieldMask* mask : {&kSome}) {
    std::size_t items = 0;
    const auto page = kube::project_list(text, *mask, [&](Json&& item) {
      require(item.is_object(), "an item is an object");
      ++items;
    });
    if (!page) {
      require(!page.error().message.empty(), "an error says what is wrong");
    }
  }
  return 0;
}
