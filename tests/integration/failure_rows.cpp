#include "failure_rows.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "render/render.hpp"
#include "roles.hpp"

namespace swo::test {
namespace {

// Its configuration is on the cluster, so that a row is a value: as a ConfigMap, since the stand-in
// has no type of its own for it.
const std::string webhooks = "/api/v1/namespaces/default/configmaps";
const std::string webhook_name = "in-the-way";

bool webhook_is_there(Simulation& simulation) {
  return simulation.admin().get(webhooks, webhook_name).has_value();
}

std::function<void(Simulation&)> admission(
    std::function<std::optional<std::string>(Json& pod)> judge) {
  return [judge = std::move(judge)](Simulation& simulation) {
    simulation.admin().create(webhooks, {{"metadata", {{"name", webhook_name}}}});
    simulation.cluster().api().add_webhook(
        [&simulation, judge](const devcluster::AdmissionRequest& request,
                             Json& pod) -> std::optional<std::string> {
          const bool meant =
              request.verb == "create" && request.resource == "pods" && request.subresource.empty();
          return meant && webhook_is_there(simulation) ? judge(pod) : std::nullopt;
        });
  };
}

// The rules as shipped, kept beside the role while it lacks one.
std::string kept(const std::string& role) { return role + "-as-shipped"; }

}  // namespace

std::ostream& operator<<(std::ostream& out, const FailureRow& row) { return out << row.name; }

std::function<void(Simulation&)> respec(Json spec) {
  return [spec = std::move(spec)](Simulation& simulation) { simulation.apply("nginx", spec); };
}

Json faulty(const std::string& fault) {
  return {{"podMetadata", {{"annotations", {{"devcluster/fault", fault}}}}}};
}

std::function<void(Simulation&)> without_fault() { return respec({{"podMetadata", nullptr}}); }

std::function<void(Simulation&)> on_every_worker(std::function<void(devcluster::Machine&)> change) {
  return [change = std::move(change)](Simulation& simulation) {
    for (const char* node : {"worker-0", "worker-1", "worker-2"}) {
      simulation.cluster().change_machine(node, change);
    }
  };
}

std::function<void(Simulation&)> with_software(std::function<void(devcluster::Profile&)> change) {
  return [change = std::move(change)](Simulation& simulation) {
    simulation.cluster().change_software(change);
  };
}

std::function<void(Simulation&)> webhook(std::function<void(Json& pod)> change) {
  return admission([change = std::move(change)](Json& pod) -> std::optional<std::string> {
    change(pod);
    return std::nullopt;
  });
}

std::function<void(Simulation&)> refusing_webhook(std::string words) {
  return admission(
      [words = std::move(words)](Json&) -> std::optional<std::string> { return words; });
}

std::function<void(Simulation&)> webhook_gone() {
  return [](Simulation& simulation) {
    simulation.admin().remove(webhooks, webhook_name);
    simulation.admin().remove(Simulation::pods_path(), "nginx-0");
  };
}

std::function<void(Simulation&)> own_scc(const std::string& selinux_type) {
  Json scc = render::security_context_constraints("mine", {}, true);
  scc["metadata"] = {{"name", "mine"}};
  scc["users"] = {"system:serviceaccount:demo:nginx-systemd"};
  if (selinux_type.empty()) {
    scc["seLinuxContext"] = {{"type", "MustRunAs"}};
  } else {
    scc["seLinuxContext"]["seLinuxOptions"]["type"] = selinux_type;
  }
  return create(sccs_path, scc);
}

std::function<void(Simulation&)> without_right(const std::string& resource,
                                               const std::string& verb) {
  return [=](Simulation& simulation) {
    for (const char* role : our_roles) {
      const Json rules = simulation.admin().get(cluster_roles, role)->at("rules");
      simulation.admin().create(cluster_roles,
                                {{"metadata", {{"name", kept(role)}}}, {"rules", rules}});
      simulation.admin().merge_patch(cluster_roles, role,
                                     {{"rules", rules_without(rules, [&](const Right& right) {
                                         return right.resource == resource &&
                                                (verb.empty() || right.verb == verb);
                                       })}});
    }
  };
}

std::function<void(Simulation&)> restarted_without_right(const std::string& resource) {
  return both(without_right(resource, ""), [](Simulation& simulation) {
    simulation.stop_operator();
    simulation.start_operator();
  });
}

void cut_watches(Simulation& simulation) {
  simulation.transport().breaks = [] { return true; };
  simulation.settle();
  simulation.transport().breaks = nullptr;
}

std::function<void(Simulation&)> with_all_rights() {
  return [](Simulation& simulation) {
    for (const char* role : our_roles) {
      const Json rules = simulation.admin().get(cluster_roles, kept(role))->at("rules");
      simulation.admin().merge_patch(cluster_roles, role, {{"rules", rules}});
    }
  };
}

std::function<void(Simulation&)> both(std::function<void(Simulation&)> first,
                                      std::function<void(Simulation&)> second) {
  return [first = std::move(first), second = std::move(second)](Simulation& simulation) {
    first(simulation);
    second(simulation);
  };
}

std::function<void(Simulation&)> create(std::string collection, Json object) {
  return [=](Simulation& simulation) { simulation.admin().create(collection, object); };
}

std::function<void(Simulation&)> remove(std::string collection, std::string name) {
  return [=](Simulation& simulation) { simulation.admin().remove(collection, name); };
}

std::function<void(Simulation&)> patch(std::string collection, std::string name, Json patch) {
  return [=](Simulation& simulation) { simulation.admin().merge_patch(collection, name, patch); };
}

}  // namespace swo::test
