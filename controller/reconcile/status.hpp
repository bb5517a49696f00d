// What is told of a workload: the STATUS column, the conditions, the instances. Pure.
//
// Each condition, and the headline that becomes the STATUS column, is an ordered chain of small
// functions: the first that applies decides. The lists in status.cpp and conditions_*.cpp read as
// the specification.
#pragma once

#include <string>
#include <vector>

#include "reconcile/healing.hpp"
#include "reconcile/instances.hpp"
#include "reconcile/plan.hpp"

namespace swo::reconcile {

// One judgement: what a condition says, or the headline.
struct Verdict {
  std::string status;       // "True" | "False" | "Unknown"
  std::string reason;       // CamelCase
  std::string message;      // for a person: what is, and what to do
  std::string detail = {};  // behind the reason in the STATUS column: "2/5 updated"
  bool bad = false;         // someone should look: a Warning Event
};

// Everything the chains look at.
struct View {
  const PlanInput& input;
  const InstancePlan& instances;
  const Healing& healing;
  const std::string& revision;
  int ready = 0;  // instances that are ready and not on their way out
  int updated = 0;
  bool owes_changes = false;  // there would be something to do, were it not paused
};

Verdict platform_ready(const View& view);
Verdict admitted(const View& view);
Verdict exposed(const View& view);
// What a load balancer has given the Service.
std::vector<std::string> addresses(const View& view);
// Where the application answers; empty while nothing does there, or something else might.
std::string url(const View& view);
Verdict progressing(const View& view);
Verdict degraded(const View& view);
Verdict headline(const View& view);

View make_view(const PlanInput& input, const InstancePlan& instances, const Healing& healing,
               const std::string& revision);
api::Status make_status(const View& view);

// A status for a workload whose spec cannot be read: says which field and what would be right.
api::Status invalid_status(const api::Workload& workload, const api::FieldError& fault, Time now);

// "exit 137 (SIGKILL)"; empty where nothing has ended.
std::string last_exit(const PodTrouble& trouble);

// What is told of an instance whose Pod is gone from the API; nullopt when how it ended is not
// known, or when nobody asked it to (then a new container in the same Pod would follow).
std::optional<Notice> farewell(const PodFacts& last_seen);

// Sets `type` in `conditions`, keeping lastTransitionTime where the status has not changed.
void set_condition(std::vector<api::Condition>& conditions, std::string_view type,
                   const Verdict& verdict, std::int64_t generation, Time now);

}  // namespace swo::reconcile
