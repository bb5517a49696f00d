// What a message says to do about a write that the API server has refused.
#include "reconcile/way_out.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace swo::reconcile {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string of(const char* plural, kube::ErrorKind kind, std::string message) {
  return way_out({plural, "nginx"}, kube::make_error(kind, std::move(message)));
}

struct Refusal {
  const char* plural;
  const char* message;  // in the API server's words
  const char* field;
  const char* remedy;
};

TEST(WayOut, NamesTheFieldOfTheWorkloadAndTheRemedy) {
  const Refusal refusals[] = {
      {"services",
       R"(Service "nginx" is invalid: spec.ports[1].nodePort: Invalid value: 30080: provided port is already allocated)",
       "change spec.ports[1].nodePort of the workload", "leave it out"},
      {"services",
       R"(Service "nginx" is invalid: spec.loadBalancerClass: Invalid value: "b": may not change once set)",
       "change spec.service.loadBalancerClass of the workload", "put it back"},
      {"services",
       R"(Service "nginx" is invalid: [spec.clusterIPs[0]: Invalid value: "10.0.0.1": may not change once set, spec.ipFamilies[0]: Invalid value: "IPv6": may not change once set])",
       "change spec.service.ipFamilies of the workload", "put that back"},
      {"persistentvolumeclaims",
       R"(PersistentVolumeClaim "data-nginx-0" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests for bound claims)",
       "change spec.storage.claims of the workload", "put it back as it was"},
      {"routes", R"(Route "nginx" is invalid: spec.host: Invalid value: "b": field is immutable)",
       "change spec.route.host of the workload", "choose another host"},
      {"ingresses",
       R"(Ingress.networking.k8s.io "nginx" is invalid: spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path)",
       "change spec.route.path of the workload", "correct it"},
  };
  for (const Refusal& refusal : refusals) {
    EXPECT_THAT(of(refusal.plural, kube::ErrorKind::kInvalid, refusal.message),
                AllOf(HasSubstr(refusal.field), HasSubstr(refusal.remedy)))
        << refusal.message;
  }
}

TEST(WayOut, GoesByTheCausesWhereThereAreAny) {
  kube::Error error = kube::make_error(kube::ErrorKind::kInvalid, "it is not valid");
  error.causes = {{"spec.sessionAffinity", "FieldValueNotSupported", "Unsupported value"}};
  EXPECT_THAT(way_out({"services", "nginx"}, error),
              HasSubstr("change spec.service.sessionAffinity of the workload"));
}

TEST(WayOut, LeadsToTheOwnerOfWhatDeniesAdmission) {
  for (
      const char* message :
      {R"(admission webhook "policy.example.com" denied the request: no load balancers here)",
       R"(services "nginx" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no)"}) {
    EXPECT_THAT(of("services", kube::ErrorKind::kForbidden, message), HasSubstr("ask the owner"));
  }
}

TEST(WayOut, OfAClaimThatCannotGrowIsItsStorageClass) {
  EXPECT_THAT(
      of("persistentvolumeclaims", kube::ErrorKind::kForbidden,
         R"(persistentvolumeclaims "data-nginx-0" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize)"),
      AllOf(HasSubstr("spec.storage.claims[].size"), HasSubstr("allowVolumeExpansion")));
}

TEST(WayOut, OfAFieldThatAnOldApiServerDoesNotKnowIsToLeaveItOut) {
  EXPECT_THAT(of("services", kube::ErrorKind::kServer,
                 "failed to create typed patch object (demo/nginx; v1, Kind=Service): "
                 ".spec.internalTrafficPolicy: field not declared in schema"),
              HasSubstr("leave spec.service.internalTrafficPolicy out"));
}

TEST(WayOut, IsTimeForWhatMayPass) {
  EXPECT_EQ(of("services", kube::ErrorKind::kServer, "etcdserver: leader changed"),
            "it is tried again");
  EXPECT_EQ(of("services", kube::ErrorKind::kForbidden, R"(services is forbidden: User "x")"),
            "it is tried again");
}

TEST(WayOut, SaysSoWhereNoFieldOfTheWorkloadIsKnown) {
  EXPECT_THAT(of("roles", kube::ErrorKind::kInvalid,
                 R"(Role "nginx" is invalid: spec.x: Invalid value: refused)"),
              AllOf(HasSubstr("spec.x"), Not(HasSubstr("change"))));
  EXPECT_THAT(of("roles", kube::ErrorKind::kInvalid, "no"), HasSubstr("which policy"));
}

}  // namespace
}  // namespace swo::reconcile
