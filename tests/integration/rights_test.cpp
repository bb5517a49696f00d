// The operator without one of its rights: it says which, goes on with the rest, tries again, and
// recovers when the right is given back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roles.hpp"
#include "scenarios.hpp"

namespace swo::test {
namespace {

using std::chrono::minutes;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// A right, and which of the roles has it.
struct Held : Right {
  std::string role;
};

std::string name_of(const Right& right) {
  return right.verb + " " + right.resource + (right.group.empty() ? "" : "." + right.group);
}

std::vector<Held> rights_in(const Json& role) {
  std::vector<Held> all;
  for (const Json& rule : role["rules"]) {
    for (const Json& resource : rule["resources"]) {
      for (const Json& verb : rule["verbs"]) {
        all.push_back({{rule["apiGroups"][0], resource, verb}, role["metadata"]["name"]});
      }
    }
  }
  return all;
}

// The resource and verb of the first request that was refused, in the server's words.
std::string first_refusal(const std::vector<devcluster::AuditEvent>& refused) {
  return refused.empty() ? "" : refused.front().verb + " " + refused.front().resource;
}

// How the server speaks of rights that are no verb on the object itself.
std::string special_words(const Right& right) {
  return right.resource == "systemdworkloads/finalizers" ? "you can't set finalizers on"
         : right.resource == "routes/custom-host"        ? "spec.host"
                                                         : name_of(right);
}

class Rights : public testing::Test {
 protected:
  // Everything that the operator is for: made, changed, made smaller, deleted, in `limit`.
  bool live(Simulation& simulation, minutes limit) {
    simulation.apply("nginx", nginx("v1", 2));
    if (!simulation.until([&] { return settled_at(simulation, 2, "v1"); }, limit)) {
      return false;
    }
    Json smaller = nginx("v2", 1);
    smaller["route"] = nullptr;
    simulation.apply("nginx", smaller);
    if (!simulation.until([&] { return settled_at(simulation, 1, "v2"); }, limit)) {
      return false;
    }
    simulation.remove("nginx");
    return simulation.until(
        [&] { return simulation.admin().list(Simulation::pods_path()).empty(); }, limit);
  }
  void try_without(const Held& right) {
    SCOPED_TRACE("without the right to " + name_of(right));
    Simulation simulation;
    simulation.longest_step = std::chrono::seconds(5);
    Json role = *simulation.admin().get(cluster_roles, right.role);
    const Json rules = role["rules"];
    simulation.admin().merge_patch(
        cluster_roles, right.role,
        {{"rules", rules_without(rules, [&](const Right& one) { return one == right; })}});
    std::vector<devcluster::AuditEvent> refused;
    simulation.cluster().api().on_audit([&](const devcluster::AuditEvent& event) {
      if (event.status == 403) {
        refused.push_back(event);
      }
    });
    simulation.stop_operator();
    simulation.start_operator();
    const bool lived = live(simulation, minutes(4));
    std::string told =
        Simulation::log() + simulation.workload("nginx").value("status", Json::object()).dump();
    std::erase(told, '\\');  // of quotation marks within quotation marks
    // What is read only to explain more is told where it is missed.
    const bool optional_read = lived && right.verb == "get";
    if (!refused.empty() && !optional_read) {
      // Named by verb and resource, in the server's words.
      EXPECT_THAT(told, AnyOf(HasSubstr("cannot " + right.verb + " resource \"" + right.resource),
                              AllOf(HasSubstr(R"(Resources:[")" + right.resource),
                                    HasSubstr(R"(Verbs:[")" + right.verb)),
                              HasSubstr(special_words(right))))
          << first_refusal(refused);
      constexpr std::size_t kMost = 600;  // in up to a quarter of an hour: backed off
      EXPECT_LT(refused.size(), kMost);
    } else {
      EXPECT_TRUE(lived);
    }
    simulation.admin().merge_patch(cluster_roles, right.role, {{"rules", rules}});
    simulation.remove("nginx");
    ASSERT_TRUE(simulation.until(
        [&] { return simulation.admin().list(Simulation::pods_path()).empty(); }, minutes(20)));
    EXPECT_TRUE(live(simulation, minutes(20)))
        << simulation.workload("nginx").dump(2) << Simulation::log();
  }
};

TEST_F(Rights, WithoutAnyOneOfThemItIsSaidAndOvercome) {
  std::vector<Held> rights;
  {
    Simulation simulation;
    for (const char* role : our_roles) {
      for (Held& right : rights_in(*simulation.admin().get(cluster_roles, role))) {
        rights.push_back(std::move(right));
      }
    }
  }
  ASSERT_GT(rights.size(), 40U);
  const std::size_t step = try_all() ? 1 : 11;
  for (std::size_t i = try_all() ? 0 : seed() % step; i < rights.size(); i += step) {
    EXPECT_NO_THROW(try_without(rights[i])) << "without the right to " << name_of(rights[i]);
  }
}

}  // namespace
}  // namespace swo::test
