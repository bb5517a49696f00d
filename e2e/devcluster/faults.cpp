#include "devcluster/faults.hpp"

#include <algorithm>
#include <map>
#include <regex>
#include <stdexcept>

#include "devcluster/status.hpp"

namespace devcluster {
namespace {

using Action = FaultRule::Action;

const std::map<std::string, Action> kActions = {
    {"error", Action::kError}, {"delay", Action::kDelay},
    {"drop", Action::kDrop},   {"ambiguous", Action::kAmbiguous},
    {"stale", Action::kStale}, {"silent", Action::kSilent},
    {"reset", Action::kReset}, {"cut", Action::kCut},
    {"gone", Action::kGone},   {"drip", Action::kDrip}};

std::uint64_t number(const std::string& text, const std::string& part) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || text.size() > 9) {
    throw std::invalid_argument("fault: " + part + " \"" + text + "\" is not a number");
  }
  return std::stoull(text);
}

bool matches(const FaultRule& rule, const std::string& verb, const std::string& what) {
  return (rule.verb == "*" || rule.verb == verb) && (rule.resource == "*" || rule.resource == what);
}

// Passes whole lines on, `events` of them, and then does what the rule says.
class FaultyStream : public Stream {
 public:
  FaultyStream(std::unique_ptr<Stream> inner, const FaultRule& rule)
      : inner_(std::move(inner)), rule_(rule) {}

  std::string next() override {
    const std::lock_guard lock(mutex_);
    if (ended_) return "";
    held_ += inner_->next();
    return rule_.action == Action::kDrip ? drip() : pass();
  }
  bool ended() const override {
    const std::lock_guard lock(mutex_);
    if (rule_.action == Action::kSilent && passed_ >= rule_.events) return false;
    return ended_ || (held_.empty() && inner_->ended());
  }
  bool broken() const override {
    const std::lock_guard lock(mutex_);
    return ended_ && rule_.action != Action::kGone;
  }
  void on_ready(std::function<void()> wake) override { inner_->on_ready(std::move(wake)); }

 private:
  std::string drip() {
    std::string out = held_.substr(0, 1);
    held_.erase(0, out.size());
    return out;
  }

  std::string pass() {
    std::string out;
    while (passed_ < rule_.events) {
      const std::size_t end = held_.find('\n');
      if (end == std::string::npos) return out;
      out += held_.substr(0, end + 1);
      held_.erase(0, end + 1);
      ++passed_;
    }
    if (rule_.action == Action::kSilent) {
      held_.clear();
      return out;
    }
    if (rule_.action == Action::kCut) {
      const std::size_t end = held_.find('\n');
      if (end == std::string::npos) return out;
      out += held_.substr(0, end / 2);
    }
    if (rule_.action == Action::kGone) {
      out += R"({"type":"ERROR","object":)" +
             expired("too old resource version (fault on demand)").status().dump() + "}\n";
    }
    ended_ = true;
    return out;
  }

  mutable std::mutex mutex_;
  std::unique_ptr<Stream> inner_;
  const FaultRule rule_;
  std::string held_;
  std::size_t passed_ = 0;
  bool ended_ = false;
};

}  // namespace

FaultRule parse_fault(const std::string& text) {
  static const std::regex form("([^:=]*):([^@=]*)(@([^+=]*)(\\+([^=]*))?)?=([^:]*)(:(.*))?");
  enum { kVerb = 1, kResource, kWhen, kFirst, kMore, kCount, kAction, kAnd, kArgument };
  std::smatch part;
  if (!std::regex_match(text, part, form)) {
    throw std::invalid_argument("fault \"" + text +
                                "\": want VERB:RESOURCE[@FIRST[+COUNT]]=ACTION[:ARGUMENT]");
  }
  FaultRule rule;
  rule.verb = part[kVerb];
  rule.resource = part[kResource];
  if (part[kWhen].matched) rule.first = number(part[kFirst], "the call's number");
  if (part[kMore].matched) {
    rule.count = part[kCount] == "*" ? 0 : number(part[kCount], "the count");
  }
  const auto action = kActions.find(part[kAction]);
  if (action == kActions.end()) {
    std::string known;
    for (const auto& [name, value] : kActions) known += (known.empty() ? "" : ", ") + name;
    throw std::invalid_argument("fault \"" + text + "\": unknown action; known are " + known);
  }
  rule.action = action->second;
  if (!part[kAnd].matched) return rule;
  const std::uint64_t value = number(part[kArgument], "the argument");
  if (rule.action == Action::kError) rule.status = static_cast<int>(value);
  if (rule.action == Action::kDelay) rule.delay = std::chrono::milliseconds(value);
  rule.events = value;
  return rule;
}

Faults::Faults(std::function<std::uint64_t()> resource_version)
    : resource_version_(std::move(resource_version)) {}

void Faults::add(FaultRule rule) {
  const std::uint64_t now = resource_version_();
  const std::lock_guard lock(mutex_);
  rules_.push_back({std::move(rule), 0, std::make_shared<std::atomic<std::uint64_t>>(now)});
}

void Faults::clear() {
  const std::lock_guard lock(mutex_);
  for (const Armed& armed : rules_) *armed.horizon = 0;
  rules_.clear();
  struck_ = 0;
}

std::uint64_t Faults::struck() const {
  const std::lock_guard lock(mutex_);
  return struck_;
}

std::optional<Faults::Decision> Faults::next(const std::string& verb, const std::string& resource,
                                             const std::string& subresource) {
  const std::lock_guard lock(mutex_);
  if (rules_.empty()) return std::nullopt;
  const std::string what = subresource.empty() ? resource : resource + "/" + subresource;
  std::optional<Decision> out;
  for (Armed& armed : rules_) {
    if (!matches(armed.rule, verb, what)) continue;
    const std::uint64_t n = ++armed.seen;
    const bool strikes =
        n >= armed.rule.first && (armed.rule.count == 0 || n < armed.rule.first + armed.rule.count);
    if (strikes && !out) out = Decision{armed.rule, armed.horizon};
  }
  if (out) ++struck_;
  return out;
}

std::unique_ptr<Stream> faulty_stream(std::unique_ptr<Stream> stream, const FaultRule& rule) {
  return std::make_unique<FaultyStream>(std::move(stream), rule);
}

}  // namespace devcluster
