#include <string>

#include <gtest/gtest.h>

#include "support.hpp"

namespace swo::render::test {
namespace {

std::string revision_of(const std::string& spec, const char* profile = "openshift-4.20") {
  const api::Workload one = workload(spec);
  return revision(one, on(profile, one));
}

std::string plain() { return revision_of("{}"); }

TEST(Revision, ChangesWithEachFieldThatReachesThePod) {
  for (const char* spec : {"imagePullPolicy: Always",
                           "imagePullSecrets: [{name: a}]",
                           "init: {target: rescue.target}",
                           "init: {maskUnits: [a.service]}",
                           "init: {credentials: [{name: a, secret: s}]}",
                           "env: [{name: A, value: b}]",
                           "envFrom: [{secretRef: {name: a}}]",
                           "volumes: [{name: a, emptyDir: {}}]",
                           "nodeSelector: {kubernetes.io/os: linux}",
                           "tolerations: [{operator: Exists}]",
                           "affinity: {nodeAffinity: {}}",
                           "priorityClassName: high",
                           "schedulerName: other",
                           "serviceAccountName: mine",
                           "terminationGracePeriodSeconds: 91",
                           "dnsPolicy: Default",
                           "dnsConfig: {searches: [example.com]}",
                           "hostAliases: [{ip: 192.0.2.7, hostnames: [a]}]",
                           "setHostnameAsFQDN: true",
                           "podMetadata: {labels: {a: b}}",
                           "podMetadata: {annotations: {a: b}}",
                           "ports: [{name: http, port: 80}]",
                           "readiness: {units: [a.service]}",
                           "readiness: {acceptDegraded: true}",
                           "readiness: {startupTimeoutSeconds: 900}",
                           "readiness: {periodSeconds: 11}",
                           "storage: {claims: [{name: a, mountPath: /a, size: 1Gi}]}",
                           "platform: {capabilities: {add: [SYS_ADMIN]}}",
                           "platform: {capabilities: {drop: [KILL]}}",
                           "platform: {securityContextConstraints: mine}",
                           "platform: {runtimeClassName: crun}",
                           "platform: {automountServiceAccountToken: true}",
                           "platform: {userNamespace: Annotation}"}) {
    EXPECT_NE(revision_of(spec), plain()) << spec;
  }
}

TEST(Revision, StaysWithEachFieldThatDoesNot) {
  for (const char* spec : {"replicas: 5", "service: {type: NodePort, externalTrafficPolicy: Local}",
                           "service: {ipFamilyPolicy: PreferDualStack}", "paused: true",
                           "hibernate: true", "updateStrategy: {type: OnDelete, maxUnavailable: 2}",
                           "revisionHistoryLimit: 3", "readiness: {selfHealing: {action: Restart}}",
                           "storage: {retention: {whenDeleted: Delete}}",
                           "platform: {cgroups: {pool: infra, machineConfig: Unmanaged}}",
                           "init: {command: [/sbin/init]}", "terminationGracePeriodSeconds: 90"}) {
    EXPECT_EQ(revision_of(spec), plain()) << spec;
  }
}

TEST(Revision, StaysWhenOnlyTheServiceListensElsewhere) {
  EXPECT_EQ(revision_of("ports: [{name: http, port: 80, targetPort: 8080}]"),
            revision_of("ports: [{name: http, port: 81, targetPort: 8080}]"));
}

TEST(Revision, StaysWhenAClaimGrows) {
  EXPECT_EQ(revision_of("storage: {claims: [{name: a, mountPath: /a, size: 1Gi}]}"),
            revision_of("storage: {claims: [{name: a, mountPath: /a, size: 2Gi}]}"));
}

TEST(Revision, IsTheSameAgainWhenTheSpecGoesBack) {
  EXPECT_EQ(revision_of("env: []"), plain());
  EXPECT_EQ(revision_of("{}"), plain());
}

TEST(Revision, StaysWithMoreOrLessOfAResource) {
  EXPECT_EQ(revision_of("resources: {limits: {memory: 1Gi}, requests: {cpu: 1}}"),
            revision_of("resources: {limits: {memory: 2Gi}, requests: {cpu: 500m}}"));
}

TEST(Revision, ChangesWithTheResourcesNamedAndWithTheClassOfService) {
  EXPECT_NE(revision_of("resources: {limits: {memory: 1Gi}}"), plain());
  const std::string burstable = "limits: {memory: 1Gi, cpu: 1}, requests: {memory: 1Gi, cpu: 500m}";
  const std::string guaranteed =
      "limits: {memory: 1Gi, cpu: 1}, requests: {memory: 1024Mi, cpu: 1}";
  EXPECT_NE(revision_of("resources: {" + burstable + "}"),
            revision_of("resources: {" + guaranteed + "}"));
}

TEST(Revision, ChangesWithEachResourceThatCannotBeResized) {
  EXPECT_NE(revision_of("resources: {limits: {ephemeral-storage: 1Gi}}"),
            revision_of("resources: {limits: {ephemeral-storage: 2Gi}}"));
}

TEST(Revision, ChangesWithARestartAskedFor) {
  api::Workload one = workload();
  one.annotations["workloads.systemd-operator.dev/restarted-at"] = "2026-01-02T03:04:05Z";
  EXPECT_NE(revision(one, on("openshift-4.20", one)), plain());
}

TEST(Revision, ChangesWithTheWayToTheUserNamespaceAndNotWithTheReasonsForIt) {
  const api::Workload one = workload();
  EXPECT_NE(revision(one, on("openshift-4.16", one)), plain());
  platform::Strategy told = on("openshift-4.20", one);
  told.reasons.clear();
  told.warnings.push_back({.reason = "X", .message = "x"});
  EXPECT_EQ(revision(one, told), plain());
}

// The hash itself is a promise: another one would restart every instance of every cluster at the
// upgrade.
TEST(Revision, OfThePlainWorkloadIsWhatItAlwaysWas) { EXPECT_EQ(plain(), "4bc46c38c1"); }

TEST(Revision, IsKeptAsAControllerRevision) {
  const api::Workload one = workload("env: [{name: A, value: b}]");
  const Json kept = controller_revision(one, on("openshift-4.20", one), 3);
  EXPECT_EQ(kept["revision"], 3);
  EXPECT_EQ(kept["data"]["env"][0]["value"], "b");
  EXPECT_EQ(kept["metadata"]["name"], "nginx-" + revision(one, on("openshift-4.20", one)));
}

TEST(Revision, OfAFormerWorkloadIsItsOwnAgain) {
  const char* const specs[] = {
      "{}",
      "ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, protocol: UDP}]",
      "resources: {requests: {cpu: 500m, memory: 1Gi}, limits: {memory: 2Gi}}",
      "storage: {claims: [{name: a, mountPath: /a, subPath: b, size: 1Gi, seedFromImage: true}]}",
      "readiness: {units: [a.service], selfHealing: {action: Restart}}",
      "platform: {capabilities: {add: [SYS_ADMIN]}, cgroups: {machineConfig: Unmanaged}}",
      "env: [{name: A, value: b}]",
      "podMetadata: {labels: {a: b}}",
  };
  for (const char* was : specs) {
    for (const char* is : specs) {
      SCOPED_TRACE(std::string(was) + " → " + is);
      const api::Workload former = workload(was);
      const auto strategy = on("openshift-4.20", former);
      const Json kept = controller_revision(former, strategy, 1)["data"];
      const auto found = former_workload(workload(is), kept);
      ASSERT_TRUE(found);
      EXPECT_EQ(revision(*found, strategy), revision(former, strategy));
      EXPECT_EQ(pod(*found, strategy, 0), pod(former, strategy, 0));
      EXPECT_EQ(found->spec.readiness.self_healing, workload(is).spec.readiness.self_healing)
          << "no Pod has it";
    }
  }
}

TEST(Revision, OfAFormerWorkloadKeepsAmountsThatARunningPodMayBeGiven) {
  const api::Workload former = workload("resources: {limits: {memory: 1Gi}}");
  const api::Workload now = workload("resources: {limits: {memory: 3Gi}}\nimage: other");
  const auto strategy = on("openshift-4.20", now);
  const Json kept = controller_revision(former, strategy, 1)["data"];
  EXPECT_EQ(former_workload(now, kept)->spec.resources, now.spec.resources);
  EXPECT_EQ(former_workload(now, Json::object()), std::nullopt);
}

TEST(Revision, OfAnythingElseInItsPlaceIsNoFormerWorkload) {
  const api::Workload now = workload("readiness: {selfHealing: {action: Restart}}");
  const auto strategy = on("openshift-4.20", now);
  const Json kept = controller_revision(now, strategy, 1)["data"];
  Json deep = Json::array();
  for (int i = 0; i < 500; ++i) {
    deep = Json::array({std::move(deep)});
  }
  const auto read = [&](const char* field, const Json& value) {
    Json data = kept;
    data[field] = value;
    return former_workload(now, data);
  };
  for (const char* field : {"readiness", "platform", "asWritten", "image", "init", "storage"}) {
    for (const Json& value : {Json("x"), Json(7), Json::array({1}), deep}) {
      EXPECT_NO_THROW(static_cast<void>(read(field, value))) << field;
    }
  }
  EXPECT_EQ(read("readiness", "x"), std::nullopt);
  EXPECT_EQ(read("asWritten", "x"), std::nullopt);
  EXPECT_EQ(read("volumes", deep), std::nullopt);
}

}  // namespace
}  // namespace swo::render::test
