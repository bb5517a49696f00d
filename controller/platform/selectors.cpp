#include "platform/selectors.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "api/json_read.hpp"

namespace swo::platform {
namespace {

std::optional<std::int64_t> integer(const std::string& digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size() ? std::optional(value)
                                                                      : std::nullopt;
}

bool lists(const Json& values, const std::string& value) {
  return std::ranges::any_of(values, [&](const Json& item) {
    return item.is_string() && item.get_ref<const std::string&>() == value;
  });
}

// One of matchExpressions; `value` is the label's, or nullptr where the node lacks it.
bool expression_holds(const Json& expression, const std::string* value) {
  const std::string op = text(at(expression, "operator"));
  const Json& values = at(expression, "values");
  if (op == "In") {
    return value != nullptr && lists(values, *value);
  }
  if (op == "NotIn") {
    return value == nullptr || !lists(values, *value);
  }
  if (op == "Exists") {
    return value != nullptr;
  }
  if (op == "DoesNotExist") {
    return value == nullptr;
  }
  if ((op == "Gt" || op == "Lt") && value != nullptr && values.is_array() && values.size() == 1 &&
      values[0].is_string()) {
    const auto left = integer(*value);
    const auto right = integer(values[0].get<std::string>());
    return left && right && (op == "Gt" ? *left > *right : *left < *right);
  }
  return false;
}

bool expressions_hold(const Json& expressions, const Labels& labels) {
  return std::ranges::all_of(expressions, [&](const Json& expression) {
    const auto found = labels.find(text(at(expression, "key")));
    return expression_holds(expression, found == labels.end() ? nullptr : &found->second);
  });
}

bool labels_match(const Json& match_labels, const Labels& labels) {
  if (!match_labels.is_object()) {
    return match_labels.is_null();
  }
  return std::ranges::all_of(match_labels.items(), [&](const auto& item) {
    const auto found = labels.find(item.key());
    return found != labels.end() && item.value().is_string() &&
           item.value().template get<std::string>() == found->second;
  });
}

// A term with neither expressions nor fields selects nothing; terms are alternatives.
bool term_holds(const Json& term, const NodeFacts& node) {
  const Json& expressions = at(term, "matchExpressions");
  const Json& fields = at(term, "matchFields");
  if (expressions.empty() && fields.empty()) {
    return false;
  }
  const Labels names = {{"metadata.name", node.name}};
  return expressions_hold(expressions, node.labels) && expressions_hold(fields, names);
}

bool tolerates_taint(const Json& toleration, const Json& taint) {
  if (!toleration.is_object()) {
    return false;
  }
  const std::string effect = text(at(toleration, "effect"));
  const std::string key = text(at(toleration, "key"));
  const std::string op = text(at(toleration, "operator"));
  if (!effect.empty() && effect != text(at(taint, "effect"))) {
    return false;
  }
  if (op == "Exists") {
    return key.empty() || key == text(at(taint, "key"));
  }
  return (op.empty() || op == "Equal") && key == text(at(taint, "key")) &&
         text(at(toleration, "value")) == text(at(taint, "value"));
}

bool lasting(const Json& taint) {
  const std::string effect = text(at(taint, "effect"));
  return (effect == "NoSchedule" || effect == "NoExecute") &&
         !text(at(taint, "key")).starts_with("node.kubernetes.io/");
}

}  // namespace

bool selects(const Json& label_selector, const Labels& labels) {
  return labels_match(at(label_selector, "matchLabels"), labels) &&
         expressions_hold(at(label_selector, "matchExpressions"), labels);
}

bool node_matches(const Json& node_selector, const Json& affinity, const NodeFacts& node) {
  if (!labels_match(node_selector, node.labels)) {
    return false;
  }
  const Json& required =
      at(affinity, "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
  if (!required.is_object()) {
    return true;
  }
  return std::ranges::any_of(at(required, "nodeSelectorTerms"),
                             [&](const Json& term) { return term_holds(term, node); });
}

bool tolerates(const Json& tolerations, const NodeFacts& node) {
  return std::ranges::all_of(node.taints, [&](const Json& taint) {
    return !lasting(taint) || std::ranges::any_of(tolerations, [&](const Json& toleration) {
      return tolerates_taint(toleration, taint);
    });
  });
}

}  // namespace swo::platform
