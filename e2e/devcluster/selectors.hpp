// Label and field selectors.
// Grammar: apimachinery pkg/labels/selector.go (=, ==, !=, in, notin, exists, !exists; ANDed by
// commas) and pkg/fields/selector.go (=, ==, != only).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace devcluster {

// Sorted by key; small, so a vector.
using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Requirement {
  std::string key;
  enum class Op { kIn, kNotIn, kExists, kNotExists } op = Op::kExists;
  std::vector<std::string> values;
};

class Selector {
 public:
  // Refusal 400 when the text does not parse.
  static Selector labels(std::string_view text);
  static Selector fields(std::string_view text);
  // metav1.LabelSelector (matchLabels, matchExpressions). Empty selects everything.
  static Selector from_label_selector(const nlohmann::json& selector);

  bool empty() const { return requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }
  bool matches(const Pairs& pairs) const;

 private:
  std::vector<Requirement> requirements_;
};

// nullptr when absent.
const std::string* find_pair(const Pairs& pairs, std::string_view key);

}  // namespace devcluster
