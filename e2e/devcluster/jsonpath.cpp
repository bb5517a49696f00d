#include "devcluster/jsonpath.hpp"

#include <algorithm>
#include <string_view>

namespace devcluster {
namespace {

using nlohmann::json;
using Found = std::vector<const json*>;

std::string unquote(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '\'' || text.front() == '"')) {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

Found members(const Found& in, const std::string& name) {
  Found out;
  for (const json* value : in) {
    if (!value->is_object()) continue;
    const auto found = value->find(name);
    if (found != value->end()) out.push_back(&*found);
  }
  return out;
}

// ?(@.type=="Ready"), with == and != only.
Found filtered(const Found& in, std::string_view expression) {
  const bool equal = expression.find("==") != std::string_view::npos;
  const std::size_t op = expression.find(equal ? "==" : "!=");
  const std::size_t open = expression.find('@');
  if (op == std::string_view::npos || open == std::string_view::npos || open > op) return {};
  const auto trim = [](std::string_view text) {
    while (!text.empty() && (text.back() == ' ' || text.back() == ')')) text.remove_suffix(1);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    return text;
  };
  const std::string path(trim(expression.substr(open + 1, op - open - 1)));
  const std::string wanted = unquote(trim(expression.substr(op + 2)));
  Found out;
  for (const json* list : in) {
    if (!list->is_array()) continue;
    for (const json& item : *list) {
      const Found values = json_path(item, path);
      const bool same = std::any_of(values.begin(), values.end(), [&](const json* v) {
        return (v->is_string() ? v->get<std::string>() : v->dump()) == wanted;
      });
      if (same == equal) out.push_back(&item);
    }
  }
  return out;
}

Found bracketed(const Found& in, std::string_view inside) {
  if (inside.empty()) return {};
  if (inside[0] == '?') return filtered(in, inside);
  if (inside[0] == '\'' || inside[0] == '"') return members(in, unquote(inside));
  Found out;
  for (const json* list : in) {
    if (!list->is_array()) continue;
    if (inside == "*") {
      for (const json& item : *list) out.push_back(&item);
      continue;
    }
    if (inside.find_first_not_of("-0123456789") != std::string_view::npos || inside.size() > 9)
      continue;
    const auto size = static_cast<long>(list->size());
    long index = std::stol(std::string(inside));
    if (index < 0) index += size;
    if (index >= 0 && index < size) out.push_back(&(*list)[static_cast<std::size_t>(index)]);
  }
  return out;
}

}  // namespace

std::vector<const json*> json_path(const json& in, const std::string& text) {
  std::string_view path = text;
  if (path.size() >= 2 && path.front() == '{' && path.back() == '}')
    path = path.substr(1, path.size() - 2);
  Found found = {&in};
  while (!path.empty() && !found.empty()) {
    if (path[0] == '$' || path[0] == '.') {
      path.remove_prefix(1);
    } else if (path[0] == '[') {
      // A filter may hold brackets in quotes, but no nested filter.
      const std::size_t end = path.compare(0, 3, "[?(") == 0 ? path.find(")]") : path.find(']');
      if (end == std::string_view::npos) return {};
      const bool filter = path[end] == ')';
      found = bracketed(found, path.substr(1, end - 1 + (filter ? 1 : 0)));
      path.remove_prefix(end + (filter ? 2 : 1));
    } else {
      // A backslash takes the next character as it is: labels.app\.kubernetes\.io/name
      std::string name;
      while (!path.empty() && path[0] != '.' && path[0] != '[') {
        if (path[0] == '\\' && path.size() > 1) path.remove_prefix(1);
        name += path[0];
        path.remove_prefix(1);
      }
      found = members(found, name);
    }
  }
  return found;
}

}  // namespace devcluster
