#include "platform/selectors.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace swo::platform {
namespace {

std::string field(const Json& object, const char* key) {
  if (!object.is_object()) {
    return {};
  }
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) {
    return kNull;
  }
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::optional<std::int64_t> integer(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

bool lists(const Json& values, const std::string& value) {
  return std::ranges::any_of(values, [&](const Json& item) {
    return item.is_string() && item.get_ref<const std::string&>() == value;
  });
}

// One of matchExpressions; `value` is the label's, or nullptr where the node lacks it.
bool expression_holds(const Json& expression, const std::string* value) {
  const std::string op = field(expression, "operator");
  const Json& values = member(expression, "values");
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
    const auto found = labels.find(field(expression, "key"));
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
  const Json& expressions = member(term, "matchExpressions");
  const Json& fields = member(term, "matchFields");
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
  const std::string effect = field(toleration, "effect");
  const std::string key = field(toleration, "key");
  const std::string op = field(toleration, "operator");
  if (!effect.empty() && effect != field(taint, "effect")) {
    return false;
  }
  if (op == "Exists") {
    return key.empty() || key == field(taint, "key");
  }
  return (op.empty() || op == "Equal") && key == field(taint, "key") &&
         field(toleration, "value") == field(taint, "value");
}

bool lasting(const Json& taint) {
  const std::string effect = field(taint, "effect");
  return (effect == "NoSchedule" || effect == "NoExecute") &&
         !field(taint, "key").starts_with("node.kubernetes.io/");
}

}  // namespace

bool selects(const Json& label_selector, const Labels& labels) {
  return labels_match(member(label_selector, "matchLabels"), labels) &&
         expressions_hold(member(label_selector, "matchExpressions"), labels);
}

bool node_matches(const Json& node_selector, const Json& affinity, const NodeFacts& node) {
  if (!labels_match(node_selector, node.labels)) {
    return false;
  }
  const Json& required =
      member(member(affinity, "nodeAffinity"), "requiredDuringSchedulingIgnoredDuringExecution");
  if (!required.is_object()) {
    return true;
  }
  return std::ranges::any_of(member(required, "nodeSelectorTerms"),
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
