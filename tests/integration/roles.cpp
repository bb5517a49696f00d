#include "roles.hpp"

namespace swo::test {

Json rules_without(const Json& rules, const std::function<bool(const Right&)>& taken) {
  Json result = Json::array();
  for (const Json& rule : rules) {
    for (const Json& resource : rule["resources"]) {
      Json one = rule;
      one["resources"] = {resource};
      one["verbs"] = Json::array();
      for (const Json& verb : rule["verbs"]) {
        if (!taken({rule["apiGroups"][0], resource, verb})) {
          one["verbs"].push_back(verb);
        }
      }
      if (!one["verbs"].empty()) {
        result.push_back(std::move(one));
      }
    }
  }
  return result;
}

}  // namespace swo::test
