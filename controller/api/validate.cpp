// What the schema says of single fields, checked by walking the field lists; rules.cpp has what
// spans fields.
#include <algorithm>

#include "api/rules.hpp"
#include "api/walk.hpp"

namespace swo::api {
namespace {

std::string one_of(const Rule& rule) {
  const auto& choices = rule.choices;
  std::string text = "use ";
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text += i + 1 == choices.size() ? " or " : ", ";
    text += choices[i];
  }
  if (!rule.not_a_choice.empty()) text += "; " + std::string(rule.not_a_choice);
  return text;
}

// Checks the members of one struct against their rules.
template <class S>
class Checker {
 public:
  Checker(const S& value, const Path& path, std::vector<FieldError>& errors)
      : value_(value), path_(path), errors_(errors) {}

  template <class M>
  void operator()(std::string_view key, M S::*member, const Rule& rule = {}) {
    check(value_.*member, Path{&path_, key}, rule);
  }

  template <class Body>
  void group(std::string_view key, Body body) {
    const Path path{&path_, key};
    Checker inner(value_, path, errors_);
    body(inner);
  }

 private:
  void refuse(const Path& path, std::string value, std::string remedy) {
    errors_.push_back({path.text(), std::move(value), std::move(remedy)});
  }

  template <class M>
  void check(const M& value, const Path& path, const Rule& rule) {
    if constexpr (std::is_same_v<M, Json>) {
      check_json(value, path, rule);
    } else if constexpr (std::is_same_v<M, std::string>) {
      if (!value.empty()) return check_text(value, path, rule);
      if (rule.required) refuse(path, "", set_it(rule));
    } else if constexpr (std::is_same_v<M, bool>) {
      return;
    } else if constexpr (std::is_integral_v<M>) {
      check_number(value, path, rule);
    } else if constexpr (kIsOptional<M>) {
      if (value) check(*value, path, rule);
    } else if constexpr (kIsVector<M>) {
      check_list(value, path, rule);
    } else {
      Checker<M> checker(value, path, errors_);
      Fields<M>::each(checker);
    }
  }

  static std::string set_it(const Rule& rule) {
    if (!rule.choices.empty()) return one_of(rule);
    return rule.format != nullptr ? std::string(rule.format->remedy) : "set it";
  }

  void check_text(const std::string& value, const Path& path, const Rule& rule) {
    const auto& choices = rule.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return refuse(path, excerpt(value), one_of(rule));
    }
    if (rule.max_length > 0 && length(value) > rule.max_length) {
      return refuse(path, excerpt(value),
                    "use at most " + std::to_string(rule.max_length) + " characters");
    }
    if (rule.format != nullptr && !rule.format->matches(value)) {
      refuse(path, excerpt(value), std::string(rule.format->remedy));
    }
  }

  void check_number(std::int64_t value, const Path& path, const Rule& rule) {
    if (value >= rule.min && value <= rule.max) return;
    refuse(path, std::to_string(value),
           "use a number from " + std::to_string(rule.min) + " to " + std::to_string(rule.max));
  }

  void check_count(std::size_t count, const Path& path, const Rule& rule) {
    if (rule.max_items == 0 || count <= rule.max_items) return;
    refuse(path, std::to_string(count) + " items",
           "list at most " + std::to_string(rule.max_items));
  }

  template <class T>
  void check_list(const std::vector<T>& list, const Path& path, const Rule& rule) {
    check_count(list.size(), path, rule);
    Rule each = rule;
    each.required =
        std::is_same_v<T, std::string> && (rule.format != nullptr || !rule.choices.empty());
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Path item{&path, {}, i};
      check(list[i], item, each);
      if constexpr (std::is_same_v<T, std::string>) {
        if (rule.unique && std::find(list.begin(), list.begin() + i, list[i]) != list.begin() + i) {
          refuse(item, excerpt(list[i]), "list it once");
        }
      }
    }
  }

  void check_json(const Json& value, const Path& path, const Rule& rule) {
    check_count(value.size(), path, rule);
    if (rule.shape != Shape::kStringMap) return;
    for (const auto& [key, text] : value.items()) {
      const Path entry{&path, key};
      if (!kQualifiedName.matches(key)) {
        refuse(entry, excerpt(key), std::string(kQualifiedName.remedy));
      }
      if (text.is_string()) check_text(text.template get_ref<const std::string&>(), entry, rule);
    }
  }

  const S& value_;
  const Path& path_;
  std::vector<FieldError>& errors_;
};

}  // namespace

std::vector<FieldError> validate(const Workload& workload) {
  std::vector<FieldError> errors;
  const Path path{nullptr, "spec"};
  Checker<Spec> checker(workload.spec, path, errors);
  Fields<Spec>::each(checker);
  for (const CrossFieldRule& rule : cross_field_rules()) {
    if (auto breach = rule.breach(workload)) {
      errors.push_back(
          {std::move(breach->path), std::move(breach->value), std::string(rule.message)});
    }
  }
  return errors;
}

}  // namespace swo::api
