// Custom types: validation, defaults, pruning, subresources; and what one may do.
#include "contract_fixture.hpp"

namespace swo::contract {
namespace {

using ::testing::HasSubstr;

class Types : public Contract {
 protected:
  std::string path(const std::string& name) { return probes() + "/" + name; }
};

TEST_F(Types, AreValidatedWithTheFieldNamed) {
  const std::vector<std::pair<Json, std::string>> wrong = {
      {{{"size", 0}}, "spec.size"},
      {{{"size", 99}}, "spec.size"},
      {Json::object(), "spec.size"},
      {{{"size", "big"}}, "spec.size"},
      {{{"size", 1}, {"mode", "Sideways"}}, "spec.mode"},
      {{{"size", 1}, {"ports", {{{"port", 1}}}}}, "spec.ports[0].name"},
      {{{"size", 1}, {"ports", {{{"name", "a"}}, {{"name", "a"}}}}}, "spec.ports[1]"}};
  for (const auto& [spec, field] : wrong) {
    const Answer answer = post(probes(), probe(name("a"), spec));
    EXPECT_EQ(answer.status, 422) << spec.dump();
    EXPECT_EQ(answer.reason(), "Invalid");
    ASSERT_FALSE(answer.body["details"]["causes"].empty());
    EXPECT_EQ(answer.body["details"]["causes"][0]["field"], field) << answer.message();
  }
}

TEST_F(Types, RulesAcrossFieldsAreEvaluated) {
  if (!cluster().has_cel()) {
    GTEST_SKIP() << "the devcluster does not evaluate CEL, and says so at its start";
  }
  const Answer answer = post(probes(), probe(name("a"), {{"size", 1}, {"least", 2}}));
  EXPECT_EQ(answer.status, 422);
  EXPECT_THAT(answer.message(), HasSubstr("least is above size"));
}

TEST_F(Types, DefaultsAreFilledAndUnknownFieldsPruned) {
  const std::string a = name("a");
  const Json made = post(probes(), probe(a, {{"size", 1}, {"unknown", true}})).body;
  EXPECT_EQ(made["spec"]["mode"], "Fast");
  EXPECT_FALSE(made["spec"].contains("unknown"));
}

TEST_F(Types, ASchemaSaysNothingOfMetadataButOfTheName) {
  const Json object = {{"type", "object"}};
  Json metadata = object;
  metadata["description"] = "The object's metadata.";
  const Json schema = {{"type", "object"}, {"properties", {{"metadata", metadata}}}};
  const Json version = {{"name", "v1"},
                        {"served", true},
                        {"storage", true},
                        {"schema", {{"openAPIV3Schema", schema}}}};
  const Answer answer =
      post(crds_path, {{"apiVersion", "apiextensions.k8s.io/v1"},
                       {"kind", "CustomResourceDefinition"},
                       {"metadata", {{"name", "refused.contract.systemd-operator.dev"}}},
                       {"spec",
                        {{"group", "contract.systemd-operator.dev"},
                         {"scope", "Namespaced"},
                         {"names", {{"plural", "refused"}, {"kind", "Refused"}}},
                         {"versions", {version}}}}});
  EXPECT_EQ(answer.status, 422);
  EXPECT_THAT(answer.message(), HasSubstr("must not specify anything other than name and"));
}

TEST_F(Types, StrictValidationRefusesAnUnknownField) {
  const Answer answer = post(probes() + "?fieldValidation=Strict",
                             probe(name("a"), {{"size", 1}, {"unknown", true}}));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.message(), HasSubstr("spec.unknown"));
}

TEST_F(Types, StatusAndSpecAreWrittenApart) {
  const std::string a = name("a");
  Json object = probe(a, {{"size", 1}});
  object["status"] = {{"phase", "ignored"}};
  Json made = post(probes(), object).body;
  EXPECT_FALSE(made.contains("status"));
  EXPECT_EQ(made["metadata"]["generation"], 1);
  const Json told =
      merge(path(a) + "/status", {{"spec", {{"size", 5}}}, {"status", {{"phase", "Up"}}}}).body;
  EXPECT_EQ(told["status"]["phase"], "Up");
  EXPECT_EQ(told["spec"]["size"], 1);
  EXPECT_EQ(told["metadata"]["generation"], 1);
  const Json changed =
      merge(path(a), {{"spec", {{"size", 5}}}, {"status", {{"phase", "Down"}}}}).body;
  EXPECT_EQ(changed["status"]["phase"], "Up");
  EXPECT_EQ(changed["metadata"]["generation"], 2);
}

TEST_F(Types, ScaleIsReadAndWritten) {
  const std::string a = name("a");
  post(probes(), probe(a, {{"size", 2}}));
  const Json scale = get(path(a) + "/scale").body;
  EXPECT_EQ(scale["kind"], "Scale");
  EXPECT_EQ(scale["spec"]["replicas"], 2);
  EXPECT_EQ(merge(path(a) + "/scale", {{"spec", {{"replicas", 4}}}}).status, 200);
  EXPECT_EQ(get(path(a)).body["spec"]["size"], 4);
  EXPECT_EQ(merge(path(a) + "/scale", {{"spec", {{"replicas", 40}}}}).status, 422);
}

TEST_F(Types, AreDiscovered) {
  const std::string version = probes().substr(0, probes().find("/namespaces"));
  const Json resources = get(version).body["resources"];
  std::vector<std::string> names;
  for (const Json& one : resources) {
    names.push_back(one["name"]);
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("probes", "probes/status", "probes/scale"));
}

TEST_F(Types, WhatOneMayDoIsReviewed) {
  const Answer answer =
      post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
           {{"apiVersion", "authorization.k8s.io/v1"},
            {"kind", "SelfSubjectAccessReview"},
            {"spec",
             {{"resourceAttributes",
               {{"verb", "create"}, {"resource", "pods"}, {"namespace", ns()}}}}}});
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body["status"]["allowed"], true);
}

TEST_F(Types, ARoleLetsAnAccountDoWhatItSays) {
  const auto may = [&](const std::string& verb) {
    return post("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                {{"apiVersion", "authorization.k8s.io/v1"},
                 {"kind", "SubjectAccessReview"},
                 {"spec",
                  {{"user", "system:serviceaccount:" + ns() + ":reader"},
                   {"resourceAttributes",
                    {{"verb", verb}, {"resource", "configmaps"}, {"namespace", ns()}}}}}})
        .body["status"]
        .value("allowed", false);
  };
  EXPECT_FALSE(may("list"));
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + ns() + "/";
  post(rbac + "roles",
       {{"apiVersion", "rbac.authorization.k8s.io/v1"},
        {"kind", "Role"},
        {"metadata", {{"name", "reader"}}},
        {"rules", {{{"apiGroups", {""}}, {"resources", {"configmaps"}}, {"verbs", {"list"}}}}}});
  post(rbac + "rolebindings",
       {{"apiVersion", "rbac.authorization.k8s.io/v1"},
        {"kind", "RoleBinding"},
        {"metadata", {{"name", "reader"}}},
        {"roleRef",
         {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", "reader"}}},
        {"subjects", {{{"kind", "ServiceAccount"}, {"name", "reader"}, {"namespace", ns()}}}}});
  EXPECT_TRUE(cluster().until([&] { return may("list"); }));
  EXPECT_FALSE(may("delete"));
}

}  // namespace
}  // namespace swo::contract
