#include "runtime/health.hpp"

#include <utility>

namespace swo::runtime {

void Health::add(Kind kind, std::string name, Check check) {
  checks_.lock()->push_back({kind, std::move(name), std::move(check)});
}

Health::Answer Health::answer(std::string_view path, bool verbose) const {
  std::string_view endpoint = path.substr(0, path.find('/', 1));
  std::string_view only = path.substr(endpoint.size());
  if (!only.empty()) only.remove_prefix(1);
  Kind kind = Kind::kReady;
  if (endpoint == "/healthz" || endpoint == "/livez") {
    kind = Kind::kLive;
  } else if (endpoint != "/readyz") {
    return {404, "not found\n"};
  }

  auto checks = *checks_.lock();  // a copy: checks may take their time
  Answer answer;
  bool failed = false;
  bool found = only.empty();
  for (const Named& check : checks) {
    if (check.kind != kind || (!only.empty() && only != check.name)) continue;
    found = true;
    auto fault = check.check();
    failed = failed || fault.has_value();
    answer.body +=
        (fault ? "[-]" : "[+]") + check.name + (fault ? " failed: " + *fault : " ok") + '\n';
  }
  if (!found) return {404, "no such check\n"};
  if (failed) {
    answer.status = 500;
    answer.body += std::string(endpoint.substr(1)) + " check failed\n";
  } else if (verbose) {
    answer.body += std::string(endpoint.substr(1)) + " check passed\n";
  } else {
    answer.body = "ok";
  }
  return answer;
}

}  // namespace swo::runtime
