#include "platform/collector.hpp"

#include <algorithm>
#include <utility>

#include "api/json_read.hpp"
#include "api/names.hpp"
#include "kube/projection.hpp"

namespace swo::platform {
namespace {

constexpr std::chrono::minutes kRediscover{5};
constexpr std::chrono::seconds kRediscoverAfterFault{10};
// How soon a group that is missing is asked for once more.
constexpr std::chrono::seconds kConfirmLoss{10};
constexpr std::chrono::milliseconds kUntilSynced{100};
constexpr std::chrono::seconds kPatience{10};

// Identity and version change with every heartbeat; the facts do not.
template <class Row>
bool same(const Row* before, const Row* after) {
  return before != nullptr && after != nullptr && before->facts == after->facts;
}

// The singletons are named "cluster" or "version": there is one of each.
template <class Informer>
std::optional<Json> only(const Informer& informer) {
  if (!informer) {
    return std::nullopt;
  }
  const auto all = informer->store().all();
  return all.empty() ? std::nullopt : std::optional(all.front()->facts);
}

// Something of what was served is served no more.
bool loses(const Served& before, const Served& after) {
  static constexpr bool Facts::*kGroups[] = {&Facts::has_scc, &Facts::has_route,
                                             &Facts::has_machine_config, &Facts::has_config,
                                             &Facts::has_gateway};
  static constexpr bool Served::*kKinds[] = {&Served::pools, &Served::cluster_versions,
                                             &Served::nodes_configs, &Served::feature_gates};
  return std::ranges::any_of(
             kGroups, [&](auto group) { return before.facts.*group && !(after.facts.*group); }) ||
         std::ranges::any_of(kKinds, [&](auto kind) { return before.*kind && !(after.*kind); });
}

// Without what the API server adds to every object.
Json content(const Json& object) {
  Json kept = Json::object();
  if (const Json& annotations = at(object, "metadata", "annotations"); annotations.is_object()) {
    kept["metadata"]["annotations"] = annotations;
  }
  for (const char* field : {"spec", "status"}) {
    if (object.is_object() && object.contains(field)) {
      kept[field] = object[field];
    }
  }
  return kept;
}

// All pages; nullopt when any of them cannot be had.
std::optional<std::vector<Json>> list_all(kube::Client& client, const kube::ResourceType& type,
                                          const std::vector<std::string>& fields,
                                          const std::string& label_selector = "") {
  std::vector<Json> items;
  const kube::FieldMask mask(fields);
  kube::ListOptions options;
  options.label_selector = label_selector;
  do {
    const auto body = client.list_page(type, "", options);
    if (!body) {
      return std::nullopt;
    }
    const auto page =
        kube::project_list(*body, mask, [&](Json&& item) { items.push_back(std::move(item)); });
    if (!page) {
      return std::nullopt;
    }
    options.continue_token = page->continue_token;
  } while (!options.continue_token.empty());
  return items;
}

std::optional<Json> list_one(kube::Client& client, const kube::ResourceType& type,
                             const std::vector<std::string>& fields) {
  auto items = list_all(client, type, fields);
  return items && !items->empty() ? std::optional(items->front()) : std::nullopt;
}

}  // namespace

Collector::Collector(kube::Client& client, CollectorOptions options)
    : client_(client),
      options_(std::move(options)),
      details_(client),
      snapshot_(std::make_shared<const Facts>()) {}

Collector::~Collector() = default;

std::shared_ptr<const Facts> Collector::snapshot() const { return *snapshot_.lock(); }

void Collector::mark_changed() {
  const std::lock_guard lock(mutex_);
  changed_ = true;
  wake_.notify_all();
}

void Collector::prove(UserNamespaceVia via, const std::string& ns) {
  {
    const auto proven = proven_.lock();
    const bool known = via == UserNamespaceVia::kHostUsers ? std::exchange(proven->host_users, true)
                                                           : !proven->annotation.insert(ns).second;
    if (known) {
      return;
    }
    const auto snapshot = snapshot_.lock();
    Facts facts = **snapshot;
    proven->tell(facts);
    *snapshot = std::make_shared<const Facts>(std::move(facts));
  }
  tell_ = true;
  mark_changed();
}

template <class T>
std::unique_ptr<Collector::RowInformer<T>> Collector::watch(const kube::ResourceType& type,
                                                            const std::vector<std::string>& fields,
                                                            std::function<T(const Json&)> from,
                                                            const std::string& label_selector) {
  kube::InformerOptions<Row<T>> options;
  options.type = type;
  options.label_selector = label_selector;
  options.mask = kube::FieldMask(fields);
  options.from = [from = std::move(from)](const Json& object) {
    Row<T> row;
    row.facts = from(object);
    return row;
  };
  options.watcher = options_.watcher;
  options.random = options_.random;
  options.note = options_.note;
  auto informer = std::make_unique<RowInformer<T>>(client_, std::move(options));
  informer->on_change([this](const Row<T>* before, const Row<T>* after) {
    if (!same(before, after)) {
      mark_changed();
    }
  });
  return informer;
}

void Collector::discover_groups(kube::Instant now) {
  auto found = discover(client_);
  if (!found) {
    discover_at_ = now + kRediscoverAfterFault;
    if (options_.note) {
      options_.note("cannot ask the API server what it serves: " + found.error().message);
    }
    return;
  }
  // Children of a kind that is not there are given up: not by one answer, which may be of a server
  // that has only started, or whose aggregated APIs are away.
  if (loses(served_, *found) && !std::exchange(loss_seen_, true)) {
    discover_at_ = now + kConfirmLoss;
    return;
  }
  loss_seen_ = false;
  discover_at_ = now + kRediscover;
  served_ = std::move(*found);
  discovered_ = true;
  mark_changed();
  if (!nodes_) {
    nodes_ = watch<NodeFacts>(kNodes, node_fields(), node_facts);
  }
  if (served_.pools && !pools_) {
    pools_ = watch<PoolFacts>(kPools, pool_fields(), pool_facts);
    configs_ = watch<MachineConfigFacts>(kMachineConfigs, machine_config_fields(),
                                         machine_config_facts, std::string(api::kLabelShared));
  }
  if (served_.cluster_versions && !cluster_version_) {
    cluster_version_ = watch<Json>(kClusterVersions, cluster_version_fields(), content);
  }
  if (served_.nodes_configs && !nodes_config_) {
    nodes_config_ = watch<Json>(kNodesConfigs, nodes_config_fields(), content);
  }
  if (served_.feature_gates && !feature_gate_) {
    feature_gate_ = watch<Json>(kFeatureGates, feature_gate_fields(), content);
  }
}

std::vector<kube::InformerBase*> Collector::informers() const {
  std::vector<kube::InformerBase*> all;
  for (kube::InformerBase* informer : {static_cast<kube::InformerBase*>(nodes_.get()),
                                       static_cast<kube::InformerBase*>(pools_.get()),
                                       static_cast<kube::InformerBase*>(configs_.get()),
                                       static_cast<kube::InformerBase*>(cluster_version_.get()),
                                       static_cast<kube::InformerBase*>(nodes_config_.get()),
                                       static_cast<kube::InformerBase*>(feature_gate_.get())}) {
    if (informer != nullptr) {
      all.push_back(informer);
    }
  }
  return all;
}

// What may not be read is no reason not to start, but for a while it is asked for again: an API
// server that has just started refuses what it will allow, and on half of the facts each Pod would
// be given another shape.
bool Collector::all_listed(kube::Instant now) {
  bool refused = false;
  for (const kube::InformerBase* informer : informers()) {
    if (informer->synced()) {
      continue;
    }
    const auto error = informer->last_error();
    if (!error ||
        (error->kind != kube::ErrorKind::kForbidden && error->kind != kube::ErrorKind::kNotFound)) {
      return false;
    }
    refused = true;
  }
  if (!refused) {
    refused_since_.reset();
    return discovered_;
  }
  refused_since_ = refused_since_.value_or(now);
  return now - *refused_since_ >= kPatience;
}

kube::Instant Collector::refresh(kube::Instant now) {
  Pieces pieces;
  pieces.served = served_.facts;
  if (nodes_) {
    nodes_->store().for_each([&](const auto& row) { pieces.nodes.push_back(row.facts); });
  }
  if (pools_) {
    pools_->store().for_each([&](const auto& row) { pieces.pools.push_back(row.facts); });
    configs_->store().for_each(
        [&](const auto& row) { pieces.own_configs.emplace(row.key.name, row.facts); });
  }
  pieces.cluster_version = only(cluster_version_);
  pieces.nodes_config = only(nodes_config_);
  pieces.feature_gate = only(feature_gate_);
  Facts facts = assemble(pieces);
  proven_.lock()->tell(facts);
  const kube::Instant next = details_.fill(facts, now);
  const bool differs = facts != *snapshot();
  if (differs) {
    *snapshot_.lock() = std::make_shared<const Facts>(std::move(facts));
  }
  synced_ = all_listed(now);
  if (tell_.exchange(false) || differs) {
    for (const auto& handler : handlers_) {
      handler();
    }
  }
  return next;
}

kube::Instant Collector::step(kube::Instant now) {
  if (now >= discover_at_) {
    discover_groups(now);
  }
  kube::Instant next = discover_at_;
  for (kube::InformerBase* informer : informers()) {
    next = std::min(next, informer->step(now));
  }
  const bool changed = [&] {
    const std::lock_guard lock(mutex_);
    return std::exchange(changed_, false);
  }();
  if (changed || now >= details_at_) {
    details_at_ = refresh(now);
  }
  synced_ = all_listed(now);
  if (refused_since_ && !synced_) {
    next = std::min(next, *refused_since_ + kPatience);
  }
  return std::min(next, details_at_);
}

void Collector::run(const std::stop_token& stop) {
  std::vector<std::jthread> threads;  // one for each watch; they end with this function
  std::vector<kube::InformerBase*> started;
  while (!stop.stop_requested()) {
    const kube::Instant now = std::chrono::steady_clock::now();
    if (now >= discover_at_) {
      discover_groups(now);
    }
    for (kube::InformerBase* informer : informers()) {
      if (std::ranges::find(started, informer) == started.end()) {
        started.push_back(informer);
        threads.emplace_back(
            [informer](const std::stop_token& thread_stop) { informer->run(thread_stop); });
      }
    }
    bool changed = false;
    {
      std::unique_lock lock(mutex_);
      // A watch that is refused changes nothing, so until all have had an answer they are asked.
      const kube::Instant until =
          synced_ ? std::min(discover_at_, details_at_) : now + kUntilSynced;
      wake_.wait_until(lock, stop, until, [&] { return changed_; });
      changed = std::exchange(changed_, false);
    }
    if (stop.stop_requested()) {
      break;
    }
    const kube::Instant woken = std::chrono::steady_clock::now();
    if (changed || woken >= details_at_) {
      details_at_ = refresh(woken);
    }
    synced_ = all_listed(woken);
  }
}

kube::Result<Facts> collect_once(kube::Client& client) {
  auto served = discover(client);
  if (!served) {
    return served.error();
  }
  Pieces pieces;
  pieces.served = served->facts;
  for (const Json& node : list_all(client, kNodes, node_fields()).value_or(std::vector<Json>{})) {
    pieces.nodes.push_back(node_facts(node));
  }
  if (served->pools) {
    for (const Json& pool : list_all(client, kPools, pool_fields()).value_or(std::vector<Json>{})) {
      pieces.pools.push_back(pool_facts(pool));
    }
    for (const Json& config :
         list_all(client, kMachineConfigs, machine_config_fields(), std::string(api::kLabelShared))
             .value_or(std::vector<Json>{})) {
      pieces.own_configs.emplace(kube::key_of(config).name, machine_config_facts(config));
    }
  }
  if (served->cluster_versions) {
    pieces.cluster_version = list_one(client, kClusterVersions, cluster_version_fields());
  }
  if (served->nodes_configs) {
    pieces.nodes_config = list_one(client, kNodesConfigs, nodes_config_fields());
  }
  if (served->feature_gates) {
    pieces.feature_gate = list_one(client, kFeatureGates, feature_gate_fields());
  }
  Facts facts = assemble(pieces);
  Details(client).fill(facts, std::chrono::steady_clock::now());
  return facts;
}

}  // namespace swo::platform
