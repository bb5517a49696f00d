// Who may do what, and what he may hand on.
#include <gmock/gmock.h>

#include "api_fixture.hpp"

namespace devcluster {
namespace {

using ::testing::HasSubstr;

class Rights : public ApiTest {
 protected:
  const std::string maps_ = std::string(kDefault) + "/configmaps";
  const std::string rbac_ = "/apis/rbac.authorization.k8s.io/v1";
  const std::string roles_ = rbac_ + "/namespaces/default/roles";
  const std::string bindings_ = rbac_ + "/namespaces/default/rolebindings";

  void SetUp() override { server_.add_token("joe", "joe", {"dev"}); }
  void as(const std::string& token) { token_ = token; }
  void grant(const std::string& name, const std::vector<Json>& rules,
             const Json& subject = {{"kind", "User"}, {"name", "joe"}}) {
    const std::string before = token_;
    as("");
    post(roles_, {{"metadata", {{"name", name}}}, {"rules", rules}});
    post(bindings_, {{"metadata", {{"name", name}}},
                     {"roleRef", {{"kind", "Role"}, {"name", name}}},
                     {"subjects", Json::array({subject})}});
    as(before);
  }
  static Json rule(const Json& groups, const Json& resources, const Json& verbs) {
    return {{"apiGroups", groups}, {"resources", resources}, {"verbs", verbs}};
  }
};

TEST_F(Rights, WithoutAnyTheRefusalSaysWhoWhatAndWhere) {
  as("joe");
  EXPECT_EQ(refusal(403, "POST", maps_, config_map("a")),
            "configmaps is forbidden: User \"joe\" cannot create resource \"configmaps\" in API "
            "group \"\" in the "
            "namespace \"default\"");
  EXPECT_EQ(refusal(403, "GET", "/apis/route.openshift.io/v1/routes"),
            "routes.route.openshift.io is forbidden: User \"joe\" cannot list resource \"routes\" "
            "in API group "
            "\"route.openshift.io\" at the cluster scope");
  EXPECT_EQ(refusal(403, "GET", "/metrics"),
            "forbidden: User \"joe\" cannot get path \"/metrics\"");
}

TEST_F(Rights, AnUnknownTokenIsUnauthorizedAndNoneIsAnonymous) {
  as("nonsense");
  EXPECT_EQ(refusal(401, "GET", maps_), "Unauthorized");
  Request request;
  request.target = maps_;
  EXPECT_EQ(server_.handle(request).response.status, 403);
  request.target = "/healthz";
  EXPECT_EQ(server_.handle(request).response.body, "ok");
}

TEST_F(Rights, ARoleGivesItsVerbsInItsNamespaceAndGoesWithItsBinding) {
  grant("maps", {rule({""}, {"configmaps"}, {"get", "create"})});
  as("joe");
  post(maps_, config_map("a"));
  get(maps_ + "/a");
  expect(403, "DELETE", maps_ + "/a");
  expect(403, "GET", "/api/v1/namespaces/kube-system/configmaps/a");
  as("");
  expect(200, "DELETE", bindings_ + "/maps");
  as("joe");
  expect(403, "GET", maps_ + "/a");
}

TEST_F(Rights, ResourceNamesAndSubresourcesNarrowARule) {
  Json named = rule({""}, {"configmaps"}, {"get"});
  named["resourceNames"] = {"a"};
  grant("narrow", {named, rule({""}, {"pods/status"}, {"patch"})});
  post(maps_, config_map("a"));
  post(maps_, config_map("b"));
  post(std::string(kDefault) + "/pods", pod("p"));
  as("joe");
  get(maps_ + "/a");
  expect(403, "GET", maps_ + "/b");
  merge(std::string(kDefault) + "/pods/p/status", {{"status", {{"phase", "Running"}}}});
  EXPECT_THAT(refusal(403, "PATCH", std::string(kDefault) + "/pods/p", {{"spec", {}}}, kMerge),
              HasSubstr("cannot patch"));
}

TEST_F(Rights, AWatchOfOneNameIsJudgedByThatName) {
  Json named = rule({""}, {"configmaps"}, {"watch"});
  named["resourceNames"] = {"a"};
  grant("one", {named});
  as("joe");
  watch(maps_ + "?watch=true&fieldSelector=metadata.name%3Da");
  expect(403, "GET", maps_ + "?watch=true&fieldSelector=metadata.name%3Db");
  expect(403, "GET", maps_ + "?watch=true");
}

TEST_F(Rights, GroupsAndServiceAccountsAreSubjectsToo) {
  post(std::string(kDefault) + "/serviceaccounts", {{"metadata", {{"name", "bot"}}}});
  const Json issued = post(std::string(kDefault) + "/serviceaccounts/bot/token",
                           {{"spec", {{"expirationSeconds", 600}}}});
  grant("bots", {rule({""}, {"configmaps"}, {"list"})},
        {{"kind", "ServiceAccount"}, {"name", "bot"}, {"namespace", "default"}});
  grant("devs", {rule({""}, {"secrets"}, {"list"})}, {{"kind", "Group"}, {"name", "dev"}});
  as(issued["status"]["token"]);
  get(maps_);
  as("joe");
  get(std::string(kDefault) + "/secrets");
}

TEST_F(Rights, AServiceAccountsTokenExpiresAndDiesWithIt) {
  const std::string accounts = std::string(kDefault) + "/serviceaccounts";
  post(accounts, {{"metadata", {{"name", "bot"}}}});
  const auto issue = [&] {
    return post(accounts + "/bot/token",
                {{"spec", {{"expirationSeconds", 600}}}})["status"]["token"];
  };
  const std::string first = issue();
  now_ += std::chrono::seconds(600);
  as(first);
  expect(401, "GET", maps_);
  as("");
  const std::string second = issue();
  expect(200, "DELETE", accounts + "/bot");
  post(accounts, {{"metadata", {{"name", "bot"}}}});
  as(second);
  expect(401, "GET", maps_);
}

TEST_F(Rights, AggregatedRolesCollectLabelledOnes) {
  post(rbac_ + "/clusterroles",
       {{"metadata",
         {{"name", "more-view"},
          {"labels", {{"rbac.authorization.k8s.io/aggregate-to-view", "true"}}}}},
        {"rules", Json::array({rule({"example.com"}, {"widgets"}, {"get"})})}});
  post(bindings_, {{"metadata", {{"name", "view"}}},
                   {"roleRef", {{"kind", "ClusterRole"}, {"name", "view"}}},
                   {"subjects", Json::array({{{"kind", "User"}, {"name", "joe"}}})}});
  const Json review = post("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                           {{"spec",
                             {{"user", "joe"},
                              {"resourceAttributes",
                               {{"verb", "get"},
                                {"group", "example.com"},
                                {"resource", "widgets"},
                                {"namespace", "default"}}}}}});
  EXPECT_EQ(review["status"]["allowed"], true);
}

TEST_F(Rights, NobodyGrantsWhatHeDoesNotHold) {
  grant("rbac", {rule({"rbac.authorization.k8s.io"}, {"roles", "rolebindings"},
                      {"get", "create", "update"})});
  const Json wanted = {{"metadata", {{"name", "scc"}}},
                       {"rules", Json::array({{{"apiGroups", {"security.openshift.io"}},
                                               {"resources", {"securitycontextconstraints"}},
                                               {"resourceNames", {"systemd"}},
                                               {"verbs", {"use"}}}})}};
  as("joe");
  EXPECT_THAT(
      refusal(403, "POST", roles_, wanted),
      HasSubstr(
          "roles.rbac.authorization.k8s.io \"scc\" is forbidden: user \"joe\" (groups=[\"dev\" "
          "\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n"
          "{APIGroups:[\"security.openshift.io\"], Resources:[\"securitycontextconstraints\"], "
          "ResourceNames:[\"systemd\"], Verbs:[\"use\"]}"));
  expect(403, "POST", bindings_,
         {{"metadata", {{"name", "up"}}},
          {"roleRef", {{"kind", "ClusterRole"}, {"name", "cluster-admin"}}},
          {"subjects", Json::array({{{"kind", "User"}, {"name", "joe"}}})}});
  grant("use", {rule({"security.openshift.io"}, {"securitycontextconstraints"}, {"use"})});
  post(roles_, wanted);
  post(bindings_, {{"metadata", {{"name", "scc"}}},
                   {"roleRef", {{"kind", "Role"}, {"name", "scc"}}},
                   {"subjects", Json::array({{{"kind", "ServiceAccount"}, {"name", "bot"}}})}});
}

TEST_F(Rights, BlockOwnerDeletionNeedsUpdateOnTheOwnersFinalizers) {
  const Json owner = post(maps_, config_map("owner"));
  grant("maps", {rule({""}, {"configmaps"}, {"*"})});
  Json child = config_map("child");
  child["metadata"]["ownerReferences"] = {{{"apiVersion", "v1"},
                                           {"kind", "ConfigMap"},
                                           {"name", "owner"},
                                           {"uid", owner["metadata"]["uid"]},
                                           {"controller", true},
                                           {"blockOwnerDeletion", true}}};
  as("joe");
  EXPECT_THAT(refusal(403, "POST", maps_, child),
              HasSubstr("cannot set blockOwnerDeletion if an ownerReference refers to a resource "
                        "you can't set finalizers on"));
  grant("finalizers", {rule({""}, {"configmaps/finalizers"}, {"update"})});
  post(maps_, child);
}

TEST_F(Rights, ReviewsAnswerForOthersAndOneself) {
  grant("maps", {rule({""}, {"configmaps"}, {"get"})});
  as("joe");
  const auto may = [&](const char* verb) {
    return post(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {{"spec",
          {{"resourceAttributes",
            {{"verb", verb}, {"resource", "configmaps"}, {"namespace", "default"}}}}}})["status"]
                                                                                       ["allowed"];
  };
  EXPECT_EQ(may("get"), true);
  EXPECT_EQ(may("delete"), false);
  const Json rules = post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                          {{"spec", {{"namespace", "default"}}}});
  EXPECT_THAT(rules["status"]["resourceRules"].dump(), HasSubstr("configmaps"));
  EXPECT_EQ(post("/apis/authentication.k8s.io/v1/selfsubjectreviews",
                 Json::object())["status"]["userInfo"]["username"],
            "joe");
  as("");
  EXPECT_EQ(post("/apis/authentication.k8s.io/v1/tokenreviews",
                 {{"spec", {{"token", "joe"}}}})["status"]["user"]["username"],
            "joe");
  EXPECT_EQ(post("/apis/authentication.k8s.io/v1/tokenreviews",
                 {{"spec", {{"token", "x"}}}})["status"]["authenticated"],
            false);
}

TEST_F(Rights, ACreatingApplyNeedsCreateToo) {
  grant("patch", {rule({""}, {"configmaps"}, {"patch"})});
  as("joe");
  EXPECT_THAT(refusal(403, "PATCH", maps_ + "/a?fieldManager=m", config_map("a"), kApply),
              HasSubstr("cannot create resource"));
}

TEST_F(Rights, AClientCertificateNamesItsUser) {
  grant("devs", {rule({""}, {"configmaps"}, {"list"})}, {{"kind", "Group"}, {"name", "ops"}});
  Request request;
  request.target = maps_;
  request.certificate_name = "ann";
  request.certificate_groups = {"ops"};
  EXPECT_EQ(server_.handle(request).response.status, 200);
}

}  // namespace
}  // namespace devcluster
