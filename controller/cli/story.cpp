#include "cli/story.hpp"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>
#include <utility>
#include <vector>

#include "cli/exit_status.hpp"
#include "cli/paint.hpp"
#include "cli/plugin_status.hpp"
#include "cli/served_kinds.hpp"
#include "platform/collector.hpp"
#include "reconcile/observe.hpp"
#include "reconcile/plan.hpp"
#include "reconcile/types.hpp"
#include "reconcile/world.hpp"

namespace swo::cli {
namespace {

namespace types = reconcile::types;

// A list that failed is tried again for so long.
constexpr std::chrono::seconds kPatience{8};

// What could not be read.
class Unread {
 public:
  void add(std::string_view plural, const std::string& why) {
    if (!has(plural)) {
      rows_.emplace_back(plural, why);
    }
  }
  bool has(std::string_view plural) const {
    return std::any_of(rows_.begin(), rows_.end(),
                       [&](const auto& row) { return row.first == plural; });
  }
  bool empty() const { return rows_.empty(); }

  void tell(std::ostream& out) const {
    if (empty()) {
      return;
    }
    out << "Not readable for you:";
    for (const auto& row : rows_) {
      out << (&row == &rows_.front() ? " " : ", ") << row.first;
    }
    out << ": what depends on it is taken from the status\n";
    for (const auto& [plural, why] : rows_) {
      if (!why.empty()) {
        out << "  " << plural << ": " << printable(why) << '\n';
      }
    }
  }

 private:
  // A right that is missing needs no more words.
  std::vector<std::pair<std::string, std::string>> rows_;
};

class Story {
 public:
  Story(kube::Client& client, const StoryOptions& options, std::ostream& out)
      : client_(client), options_(options), out_(out) {}

  int tell(const api::Workload& workload, const platform::Facts& facts) {
    note_missing_facts(facts);
    reconcile::WorldOptions world_options;
    world_options.namespaces = {workload.ns};
    world_options.kinds = kinds();
    reconcile::World world(client_, world_options);
    fill(world);

    const platform::Strategy strategy = platform::decide(workload, facts, options_.machine_config);
    const auto now = options_.clock.wall();
    reconcile::Observer observer(world, client_);
    const reconcile::Observed observed = observer.observe(workload, facts, strategy, now);
    const reconcile::Memory nothing;
    const reconcile::Plan plan =
        reconcile::plan({workload, observed, nothing, facts, strategy, now});
    const api::Status status = unread_.empty() ? plan.status : partly(workload, plan.status);

    out_ << "SystemdWorkload " << printable(workload.ns) << "/" << printable(workload.name) << ": "
         << (status.phase.empty() ? "no status yet" : printable(status.phase))
         << (status.url.empty() ? "" : ", " + printable(status.url)) << '\n';
    unread_.tell(out_);
    if (!unread_.empty() && workload.status.observed_generation != workload.generation) {
      out_ << "The status is not of the spec as it is now: does the operator run, and serve this "
              "namespace?\n";
    }
    if (platform_known()) {
      tell_platform(facts, strategy);
    } else if (!status.platform.generation.empty()) {
      out_ << "Platform: " << printable(platform_text(status.platform)) << '\n';
    }
    tell_status(status);
    tell_last_word(workload, status);
    if (unread_.empty()) {
      tell_actions(plan);
    }
    return status.phase == "Running" ? kDone : kFailed;
  }

 private:
  // The collector leaves out what it may not read; each cluster has nodes, and with the API pools.
  void note_missing_facts(const platform::Facts& facts) {
    if (facts.nodes.empty()) {
      unread_.add("nodes", "");
    }
    if (facts.has_machine_config && facts.pools.empty()) {
      unread_.add(types::kMachineConfigPool.plural, "");
    }
  }

  reconcile::Kinds kinds() {
    auto discovery = kube::Discovery::read(client_);
    if (!discovery) {
      unread_.add("apis", discovery.error().message);
      return {.disruption_budget = false};
    }
    return served_kinds(*discovery, [this](const auto& type, const kube::Error& error) {
      unread_.add(type.plural, error.message);
    });
  }

  // The pieces of the view that this workload's story needs, read once.
  void fill(reconcile::World& world) {
    const auto refused = [](const kube::InformerBase& informer) {
      const auto error = informer.last_error();
      return error && (error->kind == kube::ErrorKind::kForbidden ||
                       error->kind == kube::ErrorKind::kNotFound);
    };
    const kube::Instant give_up = options_.clock.now() + kPatience;
    while (true) {
      kube::Instant next = kube::Instant::max();
      for (kube::InformerBase* informer : world.informers()) {
        if (informer->synced() || refused(*informer)) {
          continue;
        }
        const kube::Instant asks_again = informer->step(options_.clock.now());
        if (!informer->synced() && !refused(*informer)) {
          next = std::min(next, asks_again);
        }
      }
      if (next > give_up) {
        break;
      }
      sleep_until(next);
    }
    for (const kube::InformerBase* informer : world.informers()) {
      if (!informer->synced()) {
        const auto error = informer->last_error();
        unread_.add(informer->type().plural,
                    error && !refused(*informer) ? error->message : std::string());
      }
    }
  }

  void sleep_until(kube::Instant when) const {
    if (options_.sleep_until) {
      options_.sleep_until(when);
    } else {
      std::this_thread::sleep_until(when);
    }
  }

  bool platform_known() const {
    return std::none_of(std::begin(kOfPlatform), std::end(kOfPlatform),
                        [this](const std::string_view plural) { return unread_.has(plural); });
  }

  // The status as the operator has written it, with the instances as they are now where they can be
  // seen.
  api::Status partly(const api::Workload& workload, const api::Status& planned) const {
    api::Status status = workload.status;
    if (unread_.has(types::kPod.plural)) {
      return status;
    }
    std::vector<api::InstanceStatus> seen = planned.instances;
    for (api::InstanceStatus& instance : seen) {
      const auto told =
          std::find_if(status.instances.begin(), status.instances.end(),
                       [&](const api::InstanceStatus& one) { return one.name == instance.name; });
      if (told != status.instances.end() && instance.diagnosis.empty() && !instance.ready) {
        instance.diagnosis = told->diagnosis;
      }
    }
    status.instances = std::move(seen);
    status.ready = planned.ready;
    return status;
  }

  void tell_platform(const platform::Facts& facts, const platform::Strategy& strategy) const {
    out_ << "Platform: " << printable(facts.generation()) << ", " << facts.nodes.size()
         << " nodes\n";
    for (const platform::Reason& reason : strategy.reasons) {
      out_ << "  " << reason.topic << ": " << printable(reason.text) << '\n';
    }
    for (const platform::Blocker& blocker : platform::every_blocker(strategy)) {
      out_ << "  ! " << blocker.reason << ": " << printable(blocker.message) << '\n';
    }
    for (const platform::Blocker& warning : strategy.warnings) {
      out_ << "  ? " << warning.reason << ": " << printable(warning.message) << '\n';
    }
  }

  void tell_condition(const api::Condition& condition) const {
    out_ << "  " << printable(condition.type) << "=" << printable(condition.status) << " "
         << printable(condition.reason) << ": " << printable(condition.message) << '\n';
  }

  void tell_status(const api::Status& status) const {
    out_ << "Conditions:\n";
    for (const api::Condition& condition : status.conditions) {
      tell_condition(condition);
    }
    out_ << "Instances: " << printable(status.ready) << " ready\n";
    for (const api::InstanceStatus& instance : status.instances) {
      out_ << "  " << printable(instance.name) << " on "
           << (instance.node.empty() ? "no node yet" : printable(instance.node)) << ": "
           << printable(instance.phase)
           << (instance.systemd_state.empty() ? ""
                                              : ", systemd " + printable(instance.systemd_state))
           << (instance.restarts > 0 ? ", restarts " + std::to_string(instance.restarts) : "")
           << (instance.last_exit.empty() ? "" : ", last " + printable(instance.last_exit)) << '\n';
      for (const std::string& unit : instance.failed_units) {
        out_ << "    failed unit: " << printable(unit) << '\n';
      }
      if (!instance.diagnosis.empty()) {
        out_ << "    " << printable(instance.diagnosis) << '\n';
      }
    }
  }

  // What the operator alone knows, because it has tried: a Pod that is refused, a MachineConfig
  // that someone has edited. Of the spec as it is now.
  void tell_last_word(const api::Workload& workload, const api::Status& seen) const {
    std::string told_already;
    for (const api::Condition& told : workload.status.conditions) {
      const auto same = std::find_if(
          seen.conditions.begin(), seen.conditions.end(), [&](const api::Condition& condition) {
            return condition.type == told.type && condition.reason == told.reason;
          });
      const bool bad = told.status == (told.type == "Degraded" ? "True" : "False");
      // Ready and Degraded often say the same.
      if (bad && same == seen.conditions.end() && told.type != "Progressing" &&
          told.observed_generation == workload.generation && told.message != told_already) {
        out_ << (told_already.empty() ? "The operator has met:\n" : "");
        tell_condition(told);
        told_already = told.message;
      }
    }
  }

  void tell_actions(const reconcile::Plan& plan) const {
    if (plan.actions.empty()) {
      return;
    }
    out_ << "The operator has still to:\n";
    for (const reconcile::Action& action : plan.actions) {
      out_ << "  " << printable(action.describe()) << '\n';
    }
  }

  // What the platform is judged by.
  static constexpr std::string_view kOfPlatform[] = {"nodes", types::kMachineConfigPool.plural,
                                                     types::kMachineConfig.plural};

  kube::Client& client_;
  const StoryOptions& options_;
  std::ostream& out_;
  Unread unread_;
};

}  // namespace

int tell_story(kube::Client& client, const StoryOptions& options, std::ostream& out,
               std::ostream& err) {
  const auto found = client.get(types::kWorkload, options.workload);
  if (!found) {
    if (found.error().kind == kube::ErrorKind::kNotFound) {
      err << "there is no SystemdWorkload \"" << printable(options.workload.name)
          << "\" in namespace \"" << printable(options.workload.ns) << "\"\n";
    } else {
      err << printable(found.error().message) << '\n';
    }
    return kFailed;
  }
  const auto parsed = api::parse_workload(*found);
  if (const auto* fault = std::get_if<api::FieldError>(&parsed)) {
    out << "InvalidSpec: " << printable(fault->message()) << '\n';
    return kFailed;
  }
  const auto facts = platform::collect_once(client);
  if (!facts) {
    err << printable(facts.error().message) << '\n';
    return kFailed;
  }
  return Story(client, options, out).tell(std::get<api::Workload>(parsed), *facts);
}

}  // namespace swo::cli
