#include "reconcile/history.hpp"

#include <algorithm>

#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::reconcile {
namespace {

using Revision = std::shared_ptr<const RevisionFacts>;

// Lowest number first.
std::vector<Revision> kept_revisions(const PlanInput& input) {
  std::vector<Revision> revisions;
  for (const Revision& one : input.observed.revisions) {
    if (one->owner_uid == input.workload.uid && !one->deleting) {
      revisions.push_back(one);
    }
  }
  std::sort(revisions.begin(), revisions.end(),
            [](const auto& a, const auto& b) { return a->number < b->number; });
  return revisions;
}

void number_newest(const PlanInput& input, const std::vector<Revision>& revisions,
                   const std::string& revision, std::vector<Action>& actions) {
  const std::int64_t highest = revisions.empty() ? 0 : revisions.back()->number;
  const auto current = std::find_if(revisions.begin(), revisions.end(),
                                    [&](const auto& one) { return one->hash == revision; });
  if (current == revisions.end()) {
    Json document = render::controller_revision(input.workload, input.strategy, highest + 1);
    const ChildKey key{std::string(types::kControllerRevision.plural),
                       document["metadata"]["name"].get<std::string>()};
    if (!input.memory.foreign.contains(key)) {
      actions.push_back({CreateAction{&types::kControllerRevision, std::move(document)},
                         "the spec asks for a new revision"});
    }
  } else if ((*current)->number < highest) {
    actions.push_back({PatchAction{.type = &types::kControllerRevision,
                                   .key = (*current)->key,
                                   .patch = {{"revision", highest + 1}}},
                       "the spec has gone back to it"});
  }
}

void prune(const PlanInput& input, const std::vector<Revision>& revisions,
           const std::string& revision, std::vector<Action>& actions) {
  std::vector<Revision> unused;
  for (const Revision& one : revisions) {
    const auto& pods = input.observed.pods;
    // Instances below the partition come back from the current one.
    const bool used = one->hash == revision ||
                      one->hash == input.workload.status.current_revision ||
                      std::any_of(pods.begin(), pods.end(),
                                  [&](const auto& pod) { return pod->revision == one->hash; });
    if (!used) {
      unused.push_back(one);
    }
  }
  const auto limit =
      static_cast<std::size_t>(std::max(input.workload.spec.revision_history_limit, 0));
  for (std::size_t i = 0; i + limit < unused.size(); ++i) {
    actions.push_back({DeleteAction{&types::kControllerRevision, unused[i]->key, unused[i]->uid},
                       "more than spec.revisionHistoryLimit are kept"});
  }
}

}  // namespace

std::vector<Action> plan_history(const PlanInput& input, const std::string& revision) {
  std::vector<Action> actions;
  const std::vector<Revision> revisions = kept_revisions(input);
  number_newest(input, revisions, revision, actions);
  prune(input, revisions, revision, actions);
  return actions;
}

}  // namespace swo::reconcile
