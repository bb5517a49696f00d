// The projection against the plain parser, on documents made by chance (seeded, so that a failure
// repeats).
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "kube/projection.hpp"

namespace swo::kube {
namespace {

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t limit) { return random_() % limit; }

  std::string name() { return std::string(1, static_cast<char>('a' + below(4))); }
  std::string text() {
    static const std::string kPieces[] = {"x", "\"", "\\", "{",  "}",        "[",
                                          "]", ",",  ":",  "\n", "\xc3\xa9", " "};
    std::string made;
    for (std::size_t i = below(6); i > 0; --i) made += kPieces[below(std::size(kPieces))];
    return made;
  }
  Json value(int depth) {  // NOLINT(misc-no-recursion)
    switch (depth > 0 ? below(8) : 2 + below(5)) {
      case 0:
      case 1:
      case 7: {
        Json object = Json::object();
        for (std::size_t i = below(4); i > 0; --i) object[name()] = value(depth - 1);
        return object;
      }
      case 2:
        return text();
      case 3:
        return static_cast<int>(below(1000)) - 500;
      case 4:
        return static_cast<double>(below(1000)) / 8;
      case 5:
        return below(2) == 0;
      default: {
        Json array = Json::array();
        if (depth > 0) {
          for (std::size_t i = below(3); i > 0; --i) array.push_back(value(depth - 1));
        }
        return array;
      }
    }
  }
  Json document() {
    Json object = Json::object();
    for (const char* field : {"a", "b", "c", "metadata"}) object[field] = value(4);
    return object;
  }

 private:
  std::mt19937 random_;
};

// What the projection means, said on a parsed document.
Json reference(const Json& value, const FieldMask::Node& mask) {  // NOLINT(misc-no-recursion)
  if (mask.whole) return value;
  if (value.is_object()) {
    Json object = Json::object();
    for (const auto& [key, below] : value.items()) {
      const auto* wanted = mask.child(key);
      if (wanted == nullptr) continue;
      Json kept = reference(below, *wanted);
      if (!kept.is_null()) object[key] = std::move(kept);
    }
    return object;
  }
  if (value.is_array()) {
    Json array = Json::array();
    for (const Json& item : value) array.push_back(reference(item, mask));
    return array;
  }
  return nullptr;
}

const FieldMask kMask{"a.b", "a.c.d", "b", "c.a.a.a"};

TEST(ProjectionProperty, EqualsParsingAllAndDroppingTheRest) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Generator generator(seed);
    Json document = generator.document();
    std::string text =
        document.dump(generator.below(2) == 0 ? -1 : 2, ' ', generator.below(2) == 0);
    auto projected = project(text, kMask);
    ASSERT_TRUE(projected.ok()) << seed << " " << projected.error().message << "\n" << text;
    ASSERT_EQ(*projected, reference(document, kMask.root())) << seed;
    ASSERT_EQ(*project(text, FieldMask::everything()), document) << seed;
  }
}

TEST(ProjectionProperty, TakesNothingThatTheParserRefusesInWhatIsKept) {
  for (unsigned seed = 0; seed < 20'000; ++seed) {
    Generator generator(seed);
    std::string text = generator.document().dump();
    for (std::size_t i = 1 + generator.below(3); i > 0; --i) {
      std::size_t at = generator.below(text.size());
      switch (generator.below(3)) {
        case 0:
          text.erase(at, 1);
          break;
        case 1:
          text[at] = static_cast<char>(generator.below(256));
          break;
        default:
          text.insert(at, 1, "{}[]\",:\\"[generator.below(8)]);
      }
    }
    bool valid = Json::accept(text);
    if (project(text, FieldMask::everything()).ok()) {
      ASSERT_TRUE(valid) << seed << " " << text;
    } else {
      ASSERT_FALSE(valid && text.front() == '{') << seed << " " << text;
    }
    (void)project(text, kMask);
    (void)project_event(text, kMask);
    (void)project_list(text, kMask, [](Json&&) {});
  }
}

}  // namespace
}  // namespace swo::kube
