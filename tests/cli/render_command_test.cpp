#include "cli/render_command.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "render/yaml.hpp"

namespace swo::cli {
namespace {

constexpr const char* kNginx =
    "apiVersion: workloads.systemd-operator.dev/v1alpha1\n"
    "kind: SystemdWorkload\n"
    "metadata: {name: nginx}\n"
    "spec:\n"
    "  image: quay.io/ftweedal/test-nginx:latest\n"
    "  ports: [{name: http, port: 80}]\n"
    "  route: {}\n";

struct Rendering {
  int code = -1;
  std::string out;
  std::string err;
  std::vector<Json> objects;
};

Rendering render(const std::string& manifest, RenderOptions options = {}) {
  options.file = "workload.yaml";
  std::istringstream in(manifest);
  std::ostringstream out;
  std::ostringstream err;
  Rendering run;
  run.code = render_command(options, in, out, err);
  run.out = out.str();
  run.err = err.str();
  auto read = render::read_yaml(run.out);
  if (auto* objects = std::get_if<std::vector<Json>>(&read)) run.objects = std::move(*objects);
  return run;
}

RenderOptions on(const std::string& cluster) {
  RenderOptions options;
  options.cluster = cluster;
  return options;
}

std::vector<std::string> kinds(const Rendering& run) {
  std::vector<std::string> found;
  for (const Json& object : run.objects) found.push_back(object["kind"]);
  return found;
}

// Refused with one line that says all of these, and nothing printed that could be applied.
void expect_refusal(const Rendering& run, const std::vector<std::string>& words) {
  EXPECT_EQ(run.code, kBadInput);
  EXPECT_EQ(run.out, "");
  for (const std::string& word : words) {
    EXPECT_NE(run.err.find(word), std::string::npos) << "not said: " << word << "\n" << run.err;
  }
}

TEST(RenderCommand, PrintsWhatANewClusterNeeds) {
  const Rendering run = render(kNginx);
  EXPECT_EQ(run.code, kRendered) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(kinds(run), (std::vector<std::string>{"SecurityContextConstraints", "ServiceAccount",
                                                  "Role", "RoleBinding", "Service", "Service",
                                                  "Pod", "PodDisruptionBudget", "Route"}));
}

TEST(RenderCommand, PrintsTheMachineConfigThatAnOldClusterNeedsFirst) {
  const Rendering run = render(kNginx, on("openshift-4.8"));
  EXPECT_EQ(run.code, kRendered) << run.err;
  ASSERT_FALSE(run.objects.empty());
  EXPECT_EQ(run.objects[0]["kind"], "MachineConfig");
}

TEST(RenderCommand, PrintsNoNodeSettingsThatNobodyConsentedTo) {
  RenderOptions options = on("openshift-4.8");
  options.machine_config = platform::MachineConfigMode::kOff;
  for (const std::string& kind : kinds(render(kNginx, options))) EXPECT_NE(kind, "MachineConfig");
}

TEST(RenderCommand, ExplainsItsDecisionsInComments) {
  RenderOptions options = on("openshift-4.8");
  options.explain = true;
  const Rendering run = render(kNginx, options);
  EXPECT_EQ(run.code, kRendered) << run.err;
  EXPECT_TRUE(run.out.starts_with("# nginx on OpenShift 4.8 (Kubernetes 1.21)\n")) << run.out;
  EXPECT_NE(run.out.find("#   user namespace: "), std::string::npos);
  EXPECT_NE(run.out.find("#   cgroups: "), std::string::npos);
  EXPECT_EQ(run.objects, render(kNginx, on("openshift-4.8")).objects) << "comments change nothing";
}

TEST(RenderCommand, PutsObjectsIntoTheNamespaceAskedForOrDefault) {
  RenderOptions options;
  options.ns = "web";
  EXPECT_EQ(render(kNginx, options).objects.back()["metadata"]["namespace"], "web");
  EXPECT_EQ(render(kNginx).objects.back()["metadata"]["namespace"], "default");
}

TEST(RenderCommand, TakesSeveralDocumentsAndListsAndPassesOtherKindsThrough) {
  const std::string manifest = std::string(
                                   "apiVersion: v1\nkind: List\nitems:\n"
                                   "- {apiVersion: v1, kind: ConfigMap, metadata: {name: units}, "
                                   "data: {a: '0755'}}\n---\n") +
                               kNginx + "---\n" + kNginx;
  std::string two = manifest;
  two.replace(two.rfind("name: nginx}"), 12, "name: other}");
  const Rendering run = render(two);
  EXPECT_EQ(run.code, kRendered) << run.err;
  EXPECT_EQ(run.objects[0]["data"]["a"], "0755");
  const auto all = kinds(run);
  EXPECT_EQ(std::count(all.begin(), all.end(), "Pod"), 2);
  EXPECT_EQ(std::count(all.begin(), all.end(), "SecurityContextConstraints"), 1) << "shared";
}

TEST(RenderCommand, ChildrenOfAManifestTakenFromAClusterHaveNoOwner) {
  std::string manifest = kNginx;
  manifest.replace(manifest.find("{name: nginx}"), 13,
                   "{name: nginx, uid: 11111111-2222-3333-4444-555555555555}");
  for (const Json& object : render(manifest).objects) {
    EXPECT_FALSE(object["metadata"].contains("ownerReferences"));
  }
}

TEST(RenderCommand, RefusesAnUnknownClusterAndNamesTheKnown) {
  expect_refusal(render(kNginx, on("openshift-3.11")),
                 {"--cluster", "openshift-3.11", "openshift-4.8", "kubernetes-1.33"});
}

TEST(RenderCommand, NamesTheLineOfBadYaml) {
  expect_refusal(render("kind: [\nb: }\n"), {"workload.yaml:2: "});
}

TEST(RenderCommand, NamesAFieldThatDoesNotExist) {
  expect_refusal(render(std::string(kNginx) + "  imagee: x\n"),
                 {"workload.yaml: document 1 (nginx): spec.imagee", "remove it"});
}

TEST(RenderCommand, RendersNothingOfASpecThatHasAFault) {
  std::string manifest = kNginx;
  manifest += "  replicas: 2147483647\n";
  expect_refusal(render(manifest), {"spec.replicas", "2147483647"});
}

TEST(RenderCommand, WhatIsInAManifestDoesNotDriveTheTerminalNorEndAComment) {
  std::string manifest = kNginx;
  expect_refusal(render(manifest + "  \"\\e[2Jx\": y\n"), {"spec.x", "remove it"});
  RenderOptions options;
  options.explain = true;
  manifest.replace(manifest.find("{name: nginx}"), 13, "{name: \"ng\\nkind: Pod\\Ninx\"}");
  for (const std::string& output : {render(manifest, options).out, render(manifest, options).err}) {
    EXPECT_EQ(output.find("\nkind: Pod"), std::string::npos);
    EXPECT_EQ(output.find("\u0085"), std::string::npos);
  }
}

TEST(RenderCommand, NamesEachFaultWithFieldAndValue) {
  std::string manifest = kNginx;
  manifest.replace(manifest.find("port: 80"), 8, "port: 99999");
  expect_refusal(render(manifest), {"spec.ports[0].port", "99999"});
}

TEST(RenderCommand, RefusesWhatIsNoWorkload) {
  expect_refusal(render(""), {"no SystemdWorkload"});
  expect_refusal(render("- 1\n"), {"document 1", "kind"});
  expect_refusal(render("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"),
                 {"no SystemdWorkload"});
  expect_refusal(
      render("apiVersion: v2\nkind: SystemdWorkload\nmetadata: {name: a}\nspec: {image: b}\n"),
      {"apiVersion", "\"v2\"", "workloads.systemd-operator.dev/v1alpha1"});
  expect_refusal(
      render("apiVersion: workloads.systemd-operator.dev/v1alpha1\nkind: SystemdWorkload\n"),
      {"document 1"});
  expect_refusal(
      render("apiVersion: workloads.systemd-operator.dev/v1alpha1\nkind: SystemdWorkload\n"
             "metadata: 7\nspec: []\n"),
      {"document 1"});
}

TEST(RenderCommand, RefusesTwoNamespaces) {
  std::string manifest = kNginx;
  manifest.replace(manifest.find("{name: nginx}"), 13, "{name: nginx, namespace: a}");
  RenderOptions options;
  options.ns = "b";
  expect_refusal(render(manifest, options), {"metadata.namespace", "\"a\"", "\"b\""});
}

TEST(RenderCommand, NamesAFileThatCannotBeRead) {
  for (const std::string file : {"/nonexistent/workload.yaml", "/"}) {
    RenderOptions options;
    options.file = file;
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(render_command(options, out, err), kBadInput);
    EXPECT_TRUE(err.str().starts_with(file + ": ")) << err.str();
    EXPECT_EQ(out.str(), "");
  }
}

}  // namespace
}  // namespace swo::cli
