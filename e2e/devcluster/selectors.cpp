#include "devcluster/selectors.hpp"

#include <algorithm>

#include "devcluster/status.hpp"

namespace devcluster {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Splits at commas outside of parentheses.
std::vector<std::string_view> clauses(std::string_view text) {
  std::vector<std::string_view> out;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      const std::string_view clause = trim(text.substr(start, i - start));
      if (!clause.empty()) out.push_back(clause);
      start = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    }
  }
  return out;
}

Refusal unparsable(std::string_view clause) {
  return bad_request("unable to parse requirement: invalid selector \"" + std::string(clause) +
                     "\"");
}

bool equality(std::string_view clause, Requirement& out) {
  const std::size_t at = clause.find('=');
  if (at == std::string_view::npos) return false;
  const bool negated = at > 0 && clause[at - 1] == '!';
  const bool doubled = at + 1 < clause.size() && clause[at + 1] == '=';
  out.key = trim(clause.substr(0, negated ? at - 1 : at));
  out.op = negated ? Requirement::Op::kNotIn : Requirement::Op::kIn;
  out.values = {std::string(trim(clause.substr(at + (doubled ? 2 : 1))))};
  if (out.key.empty()) throw unparsable(clause);
  return true;
}

bool membership(std::string_view clause, Requirement& out) {
  const std::size_t open = clause.find('(');
  if (open == std::string_view::npos) return false;
  if (clause.back() != ')') throw unparsable(clause);
  const std::string_view head = trim(clause.substr(0, open));
  const std::size_t space = head.rfind(' ');
  if (space == std::string_view::npos) throw unparsable(clause);
  const std::string_view word = head.substr(space + 1);
  if (word != "in" && word != "notin") throw unparsable(clause);
  out.key = trim(head.substr(0, space));
  out.op = word == "in" ? Requirement::Op::kIn : Requirement::Op::kNotIn;
  for (std::string_view value : clauses(clause.substr(open + 1, clause.size() - open - 2))) {
    out.values.emplace_back(value);
  }
  return true;
}

}  // namespace

const std::string* find_pair(const Pairs& pairs, std::string_view key) {
  const auto found =
      std::lower_bound(pairs.begin(), pairs.end(), key,
                       [](const auto& pair, std::string_view k) { return pair.first < k; });
  return found != pairs.end() && found->first == key ? &found->second : nullptr;
}

Selector Selector::labels(std::string_view text) {
  Selector out;
  for (std::string_view clause : clauses(text)) {
    Requirement requirement;
    if (membership(clause, requirement) || equality(clause, requirement)) {
    } else if (clause.front() == '!') {
      requirement = {std::string(trim(clause.substr(1))), Requirement::Op::kNotExists, {}};
    } else {
      if (clause.find(' ') != std::string_view::npos) throw unparsable(clause);
      requirement = {std::string(clause), Requirement::Op::kExists, {}};
    }
    out.requirements_.push_back(std::move(requirement));
  }
  return out;
}

Selector Selector::fields(std::string_view text) {
  Selector out;
  for (std::string_view clause : clauses(text)) {
    Requirement requirement;
    if (!equality(clause, requirement)) throw unparsable(clause);
    out.requirements_.push_back(std::move(requirement));
  }
  return out;
}

Selector Selector::from_label_selector(const nlohmann::json& selector) {
  Selector out;
  if (!selector.is_object()) return out;
  const auto labels = selector.value("matchLabels", nlohmann::json::object());
  for (const auto& [key, value] : labels.items()) {
    out.requirements_.push_back(
        {key, Requirement::Op::kIn, {value.is_string() ? value.get<std::string>() : ""}});
  }
  for (const auto& e : selector.value("matchExpressions", nlohmann::json::array())) {
    const std::string op = e.value("operator", "");
    out.requirements_.push_back({e.value("key", ""),
                                 op == "In"       ? Requirement::Op::kIn
                                 : op == "NotIn"  ? Requirement::Op::kNotIn
                                 : op == "Exists" ? Requirement::Op::kExists
                                                  : Requirement::Op::kNotExists,
                                 e.value("values", std::vector<std::string>{})});
  }
  return out;
}

bool Selector::matches(const Pairs& pairs) const {
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& r) {
    const std::string* value = find_pair(pairs, r.key);
    const bool there = value != nullptr;
    const bool listed =
        there && std::find(r.values.begin(), r.values.end(), *value) != r.values.end();
    switch (r.op) {
      case Requirement::Op::kIn:
        return listed;
      case Requirement::Op::kNotIn:
        return !listed;
      case Requirement::Op::kExists:
        return there;
      case Requirement::Op::kNotExists:
        return !there;
    }
    return false;
  });
}

}  // namespace devcluster
