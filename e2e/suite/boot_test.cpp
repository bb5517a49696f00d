// What systemd says of its boot reaches the status: which unit failed, which one is waited for,
// which one readiness asks for.
#include "scenario.hpp"

namespace e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Boot : public Scenario {
 protected:
  // A unit from a ConfigMap that is part of the boot, and what it consists of.
  void give_unit(const std::string& service) {
    apply({object("v1", "ConfigMap", "units",
                  {{"data", {{"extra.service", "[Service]\nType=oneshot\n" + service}}}})});
  }
  static Json with_unit(const Json& spec = Json::object()) {
    Json all = {{"init",
                 {{"unitFiles", {{{"name", "extra.service"}, {"configMap", "units"}}}},
                  {"args", {"systemd.wants=extra.service"}}}}};
    all.merge_patch(spec);
    return all;
  }
};

TEST_F(Boot, AFailedUnitIsNamedAndADegradedSystemIsReadyOnlyWhereThatIsAccepted) {
  give_unit("ExecStart=/bin/false\n");
  apply({workload("strict", with_unit()),
         workload("lenient", with_unit({{"readiness", {{"acceptDegraded", true}}}}))});
  const Json strict = await_reason("strict", "UnitsFailed");
  EXPECT_THAT(condition(strict, "Ready"), HasSubstr("extra.service"));
  EXPECT_EQ(instance(strict, "strict-0").value("failedUnits", Json()), Json({"extra.service"}));
  EXPECT_EQ(strict.at("status").value("systemd", ""), "degraded");
  EXPECT_EQ(inside("strict-0", "systemctl is-system-running"), "degraded");

  const Json lenient = await_ready("lenient");
  EXPECT_EQ(inside("lenient-0", "systemctl --failed --no-legend --plain | cut -d' ' -f1"),
            "extra.service");
  EXPECT_THAT(stand().head(lenient.at("status").at("url")), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(Boot, AUnitThatKeepsTheBootFromEndingIsNamedWhileItBootsAndWhenTimeIsUp) {
  give_unit("ExecStart=/bin/sleep infinity\nTimeoutStartSec=infinity\n");
  apply({workload("patient", with_unit()),
         workload("hasty", with_unit({{"readiness", {{"startupTimeoutSeconds", 20}}}}))});
  const Json patient = Watch(stand(), workloads(), "patient").until([](const Json& seen) {
    return condition(seen, "Ready").find("extra.service") != std::string::npos;
  });
  EXPECT_THAT(condition(patient, "Ready"), StartsWith("False Starting: "));
  EXPECT_THAT(instance(patient, "patient-0").value("diagnosis", ""), HasSubstr("extra.service"));
  EXPECT_EQ(patient.at("status").value("systemd", ""), "starting");

  const Json hasty = await_reason("hasty", "BootTimedOut");
  EXPECT_THAT(condition(hasty, "Ready"), HasSubstr("waits for extra.service"));
}

TEST_F(Boot, ReadinessIsThatOfTheUnitsAskedFor) {
  give_unit("RemainAfterExit=yes\nExecStart=/bin/true\n");
  apply({workload(
      "nginx",
      {{"init", {{"unitFiles", {{{"name", "extra.service"}, {"configMap", "units"}}}}}},
       {"readiness", {{"units", {"nginx.service", "extra.service"}}, {"periodSeconds", 1}}}})});
  const Json waiting = await_reason("nginx", "UnitsNotActive");
  EXPECT_THAT(condition(waiting, "Ready"),
              AllOf(HasSubstr("extra.service"), Not(HasSubstr("active: nginx.service"))));
  EXPECT_EQ(inside("nginx-0", "systemctl is-system-running"), "running");

  inside("nginx-0", "systemctl start extra.service");
  await_ready("nginx");
  inside("nginx-0", "systemctl stop extra.service");
  EXPECT_THAT(condition(await_reason("nginx", "UnitsNotActive"), "Ready"),
              HasSubstr("extra.service"));
}

}  // namespace
}  // namespace e2e
