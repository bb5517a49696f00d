// Stock kubectl against the devcluster program: what a person does by hand, and what comes of it on
// the screen. With the kubectl of $PATH, and with those of $KUBECTLS ("path:path") where set.
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files/shell.hpp"
#include "files/temporary_folder.hpp"
#include "program.hpp"

namespace devcluster {
namespace {

using swo::test::Output;
using swo::test::sh;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> kubectls() {
  std::vector<std::string> all = {"kubectl"};
  const char* more = std::getenv("KUBECTLS");
  std::istringstream paths(more == nullptr ? "" : more);
  for (std::string path; std::getline(paths, path, ':');) {
    all.push_back(path);
  }
  return all;
}

class Kubectl : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(Program::path())) {
      GTEST_SKIP() << Program::path() << " is not built";
    }
    if (sh(GetParam() + " version --client").exit != 0) {
      GTEST_SKIP() << GetParam() << " is not there";
    }
    setenv("HOME", folder_.path().c_str(), 1);
    setenv("KUBECONFIG", (folder_.path() + "/kubeconfig").c_str(), 1);
    program_ = std::make_unique<Program>(std::vector<std::string>{
        "--profile", "kubernetes-1.33", "--pods", "simulated", "--boot-seconds", "0.2",
        "--kubeconfig", folder_.path() + "/kubeconfig"});
    program_->read_until("controllers of");
  }
  // What it prints; a failure when it does not succeed.
  std::string run(const std::string& arguments) const {
    const Output output = sh(GetParam() + " " + arguments);
    EXPECT_EQ(output.exit, 0) << "kubectl " << arguments << "\n" << output.text;
    return output.text;
  }
  std::string refused(const std::string& arguments) const {
    const Output output = sh(GetParam() + " " + arguments);
    EXPECT_NE(output.exit, 0) << "kubectl " << arguments << "\n" << output.text;
    return output.text;
  }
  std::string file(const std::string& name, const std::string& text) const {
    return folder_.write(name, text);
  }
  void install() const {
    EXPECT_THAT(run("apply -k " SWO_SOURCE_DIR "/crds"), HasSubstr("created"));
    run("wait --for=condition=Established --timeout=20s "
        "crd/systemdworkloads.workloads.systemd-operator.dev");
    run("create namespace demo");
  }
  std::string apply_workload() const {
    return run("apply -f " +
               file("nginx.yaml", R"(apiVersion: workloads.systemd-operator.dev/v1alpha1
kind: SystemdWorkload
metadata: {name: nginx, namespace: demo}
spec:
  image: quay.io/ftweedal/test-nginx:latest
  ports: [{name: http, port: 80, protocol: TCP}]
)"));
  }

  swo::test::TemporaryFolder folder_;
  std::unique_ptr<Program> program_;
};

TEST_P(Kubectl, AppliesEditsScalesAndDeletesOurResource) {
  install();
  EXPECT_THAT(apply_workload(),
              HasSubstr("systemdworkload.workloads.systemd-operator.dev/nginx created"));
  EXPECT_THAT(apply_workload(), HasSubstr("unchanged"));
  EXPECT_THAT(run("apply --server-side --force-conflicts -f " + folder_.path() + "/nginx.yaml"),
              HasSubstr("serverside-applied"));
  EXPECT_THAT(run("apply --dry-run=server -k " SWO_SOURCE_DIR "/config/samples"),
              HasSubstr("(server dry run)"));
  EXPECT_THAT(run("-n demo patch sdw nginx --type merge -p '{\"spec\":{\"replicas\":2}}'"),
              HasSubstr("patched"));
  EXPECT_THAT(run("-n demo patch sdw nginx --type json -p "
                  "'[{\"op\":\"replace\",\"path\":\"/spec/image\",\"value\":\"v2\"}]'"),
              HasSubstr("patched"));
  EXPECT_EQ(run("-n demo get sdw nginx -o jsonpath='{.spec.image} {.spec.replicas}'"), "v2 2");
  EXPECT_THAT(run("-n demo scale sdw nginx --replicas=3"), HasSubstr("scaled"));
  EXPECT_THAT(run("-n demo label sdw nginx tier=web"), HasSubstr("labeled"));
  EXPECT_THAT(run("-n demo annotate sdw nginx note=hello"), HasSubstr("annotated"));
  EXPECT_THAT(run("-n demo get sdw -l tier=web -o name"),
              HasSubstr("systemdworkload.workloads.systemd-operator.dev/nginx"));
  setenv("EDITOR", "sed -i s/hello/goodbye/", 1);
  EXPECT_THAT(run("-n demo edit sdw nginx"), HasSubstr("edited"));
  EXPECT_EQ(
      run("-n demo get sdw nginx -o jsonpath='{.metadata.annotations.note} {.spec.replicas}'"),
      "goodbye 3");
  EXPECT_THAT(refused("-n demo patch sdw nginx --type merge -p '{\"spec\":{\"replicas\":-1}}'"),
              HasSubstr("spec.replicas"));
  EXPECT_THAT(run("-n demo delete sdw nginx --timeout=20s"), HasSubstr("deleted"));
  EXPECT_THAT(refused("-n demo get sdw nginx"), HasSubstr("NotFound"));
}

TEST_P(Kubectl, PrintsInEveryFormat) {
  install();
  apply_workload();
  EXPECT_THAT(run("-n demo get sdw"), ContainsRegex("NAME +READY +STATUS.*AGE"));
  EXPECT_THAT(run("-n demo get sdw -o wide"), ContainsRegex("NAME +READY.*nginx"));
  EXPECT_THAT(run("get systemdworkloads -A"), ContainsRegex("NAMESPACE +NAME.*demo +nginx"));
  EXPECT_THAT(run("-n demo get sdw nginx -o yaml"),
              AllOf(HasSubstr("kind: SystemdWorkload"), HasSubstr("  replicas: 1")));
  EXPECT_THAT(run("-n demo get sdw -o json"),
              AllOf(HasSubstr("\"kind\": \"List\""), HasSubstr("\"name\": \"nginx\"")));
  EXPECT_THAT(run("-n demo get sdw -o custom-columns=WHO:.metadata.name,IMAGE:.spec.image"),
              ContainsRegex("WHO +IMAGE\nnginx +quay.io/ftweedal/test-nginx:latest"));
  EXPECT_THAT(run("-n demo describe sdw nginx"),
              AllOf(HasSubstr("Name:         nginx"), ContainsRegex("Image: +quay.io"),
                    HasSubstr("Events:")));
  EXPECT_THAT(run("explain sdw.spec"),
              AllOf(HasSubstr("SystemdWorkload"), HasSubstr("image"), HasSubstr("replicas")));
  EXPECT_THAT(run("explain sdw.spec.ports.port"), HasSubstr("integer"));
  EXPECT_THAT(run("api-resources --api-group=workloads.systemd-operator.dev"),
              ContainsRegex("systemdworkloads +sdw.*true +SystemdWorkload"));
  EXPECT_THAT(run("api-versions"), HasSubstr("workloads.systemd-operator.dev/v1alpha1"));
  EXPECT_THAT(run("get nodes -o wide"), AllOf(HasSubstr("worker-0"), HasSubstr("Ready")));
  EXPECT_THAT(run("version"), HasSubstr("v1.33"));
}

TEST_P(Kubectl, RunsAndReadsAPod) {
  run("create namespace demo");
  const std::string pod = file("pod.yaml", R"(apiVersion: v1
kind: Pod
metadata: {name: web, namespace: demo}
spec:
  hostUsers: false
  securityContext: {runAsUser: 0}
  containers:
    - name: web
      image: quay.io/ftweedal/test-nginx:latest
      command: [/sbin/init]
      tty: true
      readinessProbe: {exec: {command: [systemctl, is-system-running]}, periodSeconds: 1}
)");
  // What is watched from before it is made, up to the first line: a machine may be busy.
  const Output watched =
      sh("(sleep 2; " + GetParam() + " apply -f " + pod + " >/dev/null) & timeout 20 " +
         GetParam() + " -n demo get pods -w | grep -m 1 web; wait");
  EXPECT_THAT(watched.text, ContainsRegex("web +0/1 +(Pending|ContainerCreating)"));
  EXPECT_THAT(run("-n demo wait --for=condition=Ready pod/web --timeout=20s"),
              HasSubstr("pod/web condition met"));
  EXPECT_THAT(run("-n demo get pod web"), ContainsRegex("web +1/1 +Running"));
  EXPECT_THAT(run("-n demo logs web"), HasSubstr("systemd"));
  EXPECT_THAT(run("-n demo logs web --tail=1"), Not(HasSubstr("\n\n")));
  EXPECT_THAT(run("-n demo get events"), ContainsRegex("Normal +Scheduled"));
  EXPECT_THAT(run("-n demo describe pod web"),
              AllOf(ContainsRegex("Status: +Running"), ContainsRegex("Ready: +True"),
                    HasSubstr("Scheduled")));
  EXPECT_THAT(run("-n demo delete pod web --grace-period=0 --force"), HasSubstr("deleted"));
}

TEST_P(Kubectl, AsksWhatOneMayDo) {
  EXPECT_EQ(run("auth can-i create pods"), "yes\n");
  EXPECT_THAT(run("auth can-i --list"), ContainsRegex("\\*\\.\\* +\\[\\]"));
  run("create namespace demo");
  run("-n demo create serviceaccount reader");
  EXPECT_THAT(refused("auth can-i create pods -n demo --as system:serviceaccount:demo:reader"),
              HasSubstr("no"));
  run("-n demo create role reader --verb=get,list --resource=pods");
  run("-n demo create rolebinding reader --role=reader --serviceaccount=demo:reader");
  EXPECT_EQ(run("auth can-i list pods -n demo --as system:serviceaccount:demo:reader"), "yes\n");
  EXPECT_THAT(refused("get pods -A --as system:serviceaccount:demo:reader"),
              HasSubstr("cannot list resource \"pods\""));
}

INSTANTIATE_TEST_SUITE_P(Each, Kubectl, ::testing::ValuesIn(kubectls()), [](const auto& kubectl) {
  return "Binary" + std::to_string(kubectl.index);
});

}  // namespace
}  // namespace devcluster
