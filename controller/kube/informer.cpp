#include "kube/informer.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "api/json_read.hpp"
#include "kube/resource_version.hpp"

namespace swo::kube {
namespace {

std::string metadata(const Json& object, const char* name) {
  return text(at(object, "metadata", name));
}

}  // namespace

ObjectKey key_of(const Json& object) {
  return {metadata(object, "namespace"), metadata(object, "name")};
}

std::string uid_of(const Json& object) { return metadata(object, "uid"); }

std::uint64_t resource_version_of(const Json& object) {
  return parse_resource_version(metadata(object, "resourceVersion")).value_or(0);
}

void InformerBase::add(Client& client, ReflectorOptions options,
                       std::unique_ptr<ReflectorSink> sink) {
  options.refused_changed = [this, ns = options.ns] {
    if (refused_changed_) refused_changed_(ns);
  };
  reflectors_.push_back(std::make_unique<Reflector>(client, std::move(options), *sink));
  sinks_.push_back(std::move(sink));
}

Instant InformerBase::step(Instant now) {
  Instant next = Instant::max();
  for (auto& reflector : reflectors_) next = std::min(next, reflector->step(now));
  return next;
}

void InformerBase::run(std::stop_token stop) {
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < reflectors_.size(); ++i) {
    others.emplace_back([reflector = reflectors_[i].get(), &stop] { reflector->run(stop); });
  }
  reflectors_.front()->run(stop);
}

bool InformerBase::synced() const {
  return std::all_of(reflectors_.begin(), reflectors_.end(),
                     [](const auto& reflector) { return reflector->listed(); });
}

bool InformerBase::listed(std::string_view ns) const {
  return std::all_of(reflectors_.begin(), reflectors_.end(), [&](const auto& reflector) {
    return reflector->listed() || !(reflector->ns().empty() || reflector->ns() == ns);
  });
}

bool InformerBase::forbidden(std::string_view ns) const {
  return std::any_of(reflectors_.begin(), reflectors_.end(), [&](const auto& reflector) {
    if (reflector->ns() != ns || reflector->listed()) return false;
    const auto error = reflector->last_error();
    return error && error->kind == ErrorKind::kForbidden;
  });
}

std::optional<Instant> InformerBase::last_event_at() const {
  std::optional<Instant> quietest;
  for (const auto& reflector : reflectors_) {
    auto at = reflector->last_event_at();
    if (!at) return std::nullopt;
    quietest = quietest ? std::min(*quietest, *at) : *at;
  }
  return quietest;
}

Instant::duration InformerBase::age(Instant now) const {
  auto at = last_event_at();
  return at ? now - *at : Instant::duration::max();
}

std::uint64_t InformerBase::restarts() const {
  std::uint64_t sum = 0;
  for (const auto& reflector : reflectors_) sum += reflector->restarts();
  return sum;
}

std::optional<Error> InformerBase::last_error() const {
  for (const auto& reflector : reflectors_) {
    if (auto error = reflector->last_error()) return error;
  }
  return std::nullopt;
}

bool InformerBase::silent(Instant now, Instant::duration limit) const {
  return std::any_of(reflectors_.begin(), reflectors_.end(), [&](const auto& reflector) {
    const auto heard = reflector->last_event_at();
    if (!reflector->listed() || !heard || now - *heard <= limit) return false;
    const auto error = reflector->last_error();
    return !error || error->kind != ErrorKind::kForbidden;
  });
}

std::optional<RefusedWatch> InformerBase::refused(std::string_view ns) const {
  std::optional<RefusedWatch> longest;
  for (const auto& reflector : reflectors_) {
    if (!reflector->ns().empty() && reflector->ns() != ns) continue;
    longest = longer_refused(std::move(longest), reflector->refused());
  }
  return longest;
}

}  // namespace swo::kube
