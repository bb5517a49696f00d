#include "support/simulation.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "api/names.hpp"
#include "devcluster/kubeconfig.hpp"
#include "devcluster/yaml.hpp"
#include "reconcile/types.hpp"
#include "runtime/log.hpp"

namespace swo::test {
namespace {

namespace fs = std::filesystem;

// A scenario that is not at rest after so many rounds at one moment never will be: a hot loop.
constexpr int kMostRounds = 2000;
// While the facts about the platform are gathered, faults in the way are waited out in such steps.
constexpr std::chrono::seconds kCollectorStep{1};
constexpr std::chrono::minutes kCollectorLimit{3};

// Each file is read once: there are hundreds of simulations in a run.
const std::vector<Json>& manifests(const std::string& file) {
  static std::map<std::string, std::vector<Json>> read;
  const auto [entry, fresh] = read.try_emplace(file);
  if (fresh) {
    std::ifstream stream(fs::path(SWO_SOURCE_DIR) / file);
    std::stringstream text;
    text << stream.rdbuf();
    entry->second = devcluster::yaml_documents(text.str());
  }
  return entry->second;
}

std::string& logged() {
  static std::string lines;
  return lines;
}

void capture_log() {
  logged().clear();
  runtime::log::Options options;
  options.sink = [print = std::getenv("SWO_LOG") != nullptr](std::string_view line) {
    logged().append(line).append("\n");
    if (print) {
      std::cerr << line << "\n";
    }
  };
  runtime::log::configure(std::move(options));
}

// "/apis/g/v/namespaces/NS/PLURAL/NAME/SUB?…" → "PLURAL/NS/NAME/SUB".
std::string short_target(const std::string& target) {
  std::istringstream path(target.substr(0, target.find('?')));
  std::vector<std::string> parts;
  for (std::string part; std::getline(path, part, '/');) {
    if (!part.empty()) {
      parts.push_back(part);
    }
  }
  std::size_t at = parts.front() == "api" ? 2 : 3;
  std::string ns;
  if (parts.size() > at + 2 && parts[at] == "namespaces") {
    ns = "/" + parts[at + 1];
    at += 2;
  }
  std::string result = parts[at] + ns;
  for (++at; at < parts.size(); ++at) {
    result += "/" + parts[at];
  }
  return result;
}

}  // namespace

Simulation::Simulation(SimulationOptions options)
    : options_(std::move(options)),
      cluster_([this] {
        devcluster::ClusterOptions cluster;
        cluster.profile = options_.profile;
        cluster.clock = [this] { return clock_.wall(); };
        cluster.adjust = options_.adjust;
        return cluster;
      }()),
      admin_(cluster_.api()) {
  capture_log();
  install();
  start_operator();
}

// The CRD and the rights, as `kubectl apply -k` would install them.
void Simulation::install() {
  for (const Json& crd : manifests("crds/workloads.systemd-operator.dev_systemdworkloads.yaml")) {
    admin_.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
  }
  cluster_.tick();
  admin_.create("/api/v1/namespaces", {{"metadata", {{"name", "demo"}}}});
  token_ = devcluster::service_account_token(cluster_.api(), "systemd-workload-operator",
                                             "systemd-workload-operator");
  if (!options_.rights.empty()) {
    grant(options_.rights);
  } else {
    for (const char* file : {"role", "cluster_role", "role_binding"}) {
      grant(manifests("config/rbac/" + std::string(file) + ".yaml"));
    }
  }
  cluster_.tick();
}

void Simulation::grant(const std::vector<Json>& rights) {
  for (const Json& object : rights) {
    const std::string ns = object.at("metadata").value("namespace", "");
    if (!ns.empty() && !admin_.get("/api/v1/namespaces", ns)) {
      admin_.create("/api/v1/namespaces", {{"metadata", {{"name", ns}}}});
    }
    std::string plural = object.at("kind").get<std::string>() + "s";
    std::transform(plural.begin(), plural.end(), plural.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    admin_.create("/apis/rbac.authorization.k8s.io/v1/" +
                      (ns.empty() ? "" : "namespaces/" + ns + "/") + plural,
                  object);
  }
}

void Simulation::note_write(const kube::HttpRequest& request, int status) {
  const std::string target = short_target(request.target);
  const bool rehearsal = request.target.find("dryRun=All") != std::string::npos;
  if (status >= 300 || rehearsal || target.starts_with("events") || target.starts_with("leases")) {
    return;
  }
  ++writes_[request.method + " " + target];
  if (after_write) {
    after_write();
  }
}

void Simulation::start_operator() { start_replica(); }

void Simulation::start_replica() {
  auto replica = std::make_unique<Replica>();
  replica->transport = std::make_unique<InProcessTransport>(cluster_.api(), token_);
  InProcessTransport& transport = *replica->transport;
  transport.wrote = [this](const auto& request, int status) { note_write(request, status); };
  transport.fate = [this](const auto& request) { return fate ? fate(request) : Fate::kAnswer; };
  transport.instead = [this](const auto& request) {
    return instead ? instead(request) : std::nullopt;
  };
  replica->client = std::make_unique<kube::Client>(transport);
  replica->recorder = std::make_unique<runtime::EventRecorder>(
      *replica->client, runtime::EventRecorderOptions{.component = std::string(api::kFieldManager),
                                                      .clock = &clock_});
  const auto middle = [] { return 0.5; };
  const auto note = [](const std::string& line) { runtime::log::warning(line); };
  replica->collector = std::make_unique<platform::Collector>(
      *replica->client, platform::CollectorOptions{.random = middle, .note = note});
  platform::Collector* collector = replica->collector.get();
  const auto give_up = clock_.now() + kCollectorLimit;
  for (auto now = clock_.now(); !collector->synced() && now < give_up; now += kCollectorStep) {
    collector->step(now);
  }
  reconcile::OperatorOptions options;
  const auto facts = collector->snapshot();
  options.world.kinds = {.route = facts->has_route,
                         .http_route = facts->has_gateway,
                         .scc = facts->has_scc,
                         .machine_config = facts->has_machine_config};
  options.machine_config = options_.machine_config;
  options.cleanup_machine_configs = options_.cleanup_machine_configs;
  options.world.note = note;
  options.world.namespaces = options_.namespaces;
  options.facts = [collector] { return collector->snapshot(); };
  options.prove = [collector](platform::UserNamespaceVia via, const std::string& ns) {
    collector->prove(via, ns);
  };
  options.facts_known = [collector] { return collector->synced(); };
  options.clock = &clock_;
  options.recorder = replica->recorder.get();
  replica->op = std::make_unique<reconcile::Operator>(*replica->client, std::move(options));
  collector->on_change([op = replica->op.get()] { op->facts_changed(); });
  replicas_.push_back(std::move(replica));
}

void Simulation::stop_operator() { replicas_.clear(); }

void Simulation::apply(const std::string& name, const Json& spec) {
  if (admin_.get(workloads_path(), name)) {
    admin_.merge_patch(workloads_path(), name, {{"spec", spec}});
    return;
  }
  admin_.create(workloads_path(), {{"apiVersion", api::kApiVersion},
                                   {"kind", api::kKind},
                                   {"metadata", {{"name", name}, {"namespace", "demo"}}},
                                   {"spec", spec}});
}

void Simulation::remove(const std::string& name) { admin_.remove(workloads_path(), name); }

bool Simulation::step() {
  const std::uint64_t before = cluster_.api().resource_version();
  cluster_.tick();
  bool worked = false;
  for (const auto& replica : replicas_) {
    replica->collector->step(clock_.now());
    worked = replica->op->step(clock_.now()) || worked;
    replica->recorder->flush();
  }
  const bool changed = cluster_.api().resource_version() != before;
  if (changed) {
    note_phases();
  }
  return worked || changed;
}

void Simulation::settle() {
  for (int round = 0; round < kMostRounds; ++round) {
    if (!step()) {
      return;
    }
  }
  throw std::runtime_error("the scenario does not come to rest: a hot loop");
}

void Simulation::advance(std::chrono::milliseconds by) {
  until([] { return false; }, std::chrono::duration_cast<std::chrono::seconds>(by));
}

int Simulation::writes_in(std::chrono::minutes time) {
  const int before = write_count();
  const auto step = std::exchange(longest_step, std::chrono::minutes(1));
  advance(time);
  longest_step = step;
  return write_count() - before;
}

bool Simulation::until(const std::function<bool()>& done, std::chrono::seconds limit) {
  const kube::Instant end = clock_.now() + limit;
  settle();
  while (!done()) {
    if (clock_.now() >= end) {
      return false;
    }
    // To whatever happens next, and at least a little, so that what is due now is not met for ever.
    std::chrono::nanoseconds next =
        std::min<std::chrono::nanoseconds>(end - clock_.now(), longest_step);
    if (const auto due = cluster_.next_due()) {
      next = std::min<std::chrono::nanoseconds>(next, *due - clock_.wall());
    }
    for (const auto& replica : replicas_) {
      if (const kube::Instant due = replica->op->next_due(); due != kube::Instant::max()) {
        next = std::min<std::chrono::nanoseconds>(next, due - clock_.now());
      }
    }
    clock_.advance(std::max<std::chrono::nanoseconds>(next, std::chrono::milliseconds(1)));
    settle();
  }
  return true;
}

Json Simulation::workload(const std::string& name) {
  return admin_.get(workloads_path(), name).value_or(Json::object());
}

std::string Simulation::phase(const std::string& name) {
  return workload(name).value("status", Json::object()).value("phase", "");
}

std::string Simulation::condition_message(const std::string& name, const std::string& type) {
  for (const Json& condition :
       workload(name).value("status", Json::object()).value("conditions", Json::array())) {
    if (condition.value("type", "") == type) {
      return condition.value("message", "");
    }
  }
  return "";
}

void Simulation::note_phases() {
  if (!admin_.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                  std::string(api::kPlural) + "." + std::string(api::kGroup))) {
    return;
  }
  for (const Json& one : admin_.list(workloads_path())) {
    const std::string phase = one.value("status", Json::object()).value("phase", "");
    auto& seen = phases_[one["metadata"]["name"].get<std::string>()];
    if (!phase.empty() && (seen.empty() || seen.back() != phase)) {
      seen.push_back(phase);
    }
  }
}

std::vector<std::string> Simulation::phases_seen(const std::string& name) const {
  const auto found = phases_.find(name);
  return found == phases_.end() ? std::vector<std::string>{} : found->second;
}

int Simulation::writes_to(const std::string& what) const {
  const auto found = writes_.find(what);
  return found == writes_.end() ? 0 : found->second;
}

std::string Simulation::log() { return logged(); }

int Simulation::write_count() const {
  int sum = 0;
  for (const auto& [what, count] : writes_) {
    sum += count;
  }
  return sum;
}

}  // namespace swo::test
