// The program as a person starts it: kubeconfigs, signals, bad flags. Needs the devcluster program
// beside this one's build, and skips where it was not built.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using ::testing::HasSubstr;

// Runs it with its output in a pipe; ends it when destroyed.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), path());
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2] = {};
    if (pipe(ends) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  ~Program() {
    if (pid_ > 0) stop(SIGKILL);
    if (output_ != nullptr) std::fclose(output_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  static std::string path() { return SWO_BINARY_DIR "/e2e/devcluster"; }

  // Output up to and with the line that has `text`, or its end.
  std::string read_until(const std::string& text) {
    std::string all;
    char line[4096];
    while (output_ != nullptr && std::fgets(line, sizeof line, output_) != nullptr) {
      all += line;
      if (!text.empty() && std::string(line).find(text) != std::string::npos) break;
    }
    return all;
  }
  int stop(int signal) {
    kill(pid_, signal);
    return wait();
  }
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
  FILE* output_ = nullptr;
};

class DevclusterProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(Program::path()))
      GTEST_SKIP() << Program::path() << " is not built";
    std::string name = "/tmp/devcluster-test-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  std::string directory_;
};

TEST_F(DevclusterProgram, WritesPrivateKubeconfigsSaysWhatItIsAndStopsOnSigterm) {
  const auto admin = directory_ + "/admin";
  const auto account = directory_ + "/account";
  Program program({"--profile", "openshift-4.8", "--kubeconfig", admin, "--service-account",
                   "op/operator", "--service-account-kubeconfig", account});
  const auto output = program.read_until("controllers of");
  EXPECT_THAT(output, HasSubstr("a stand-in, not Kubernetes"));
  EXPECT_THAT(output, HasSubstr("openshift-4.8 (Kubernetes v1.21"));
  EXPECT_THAT(output, HasSubstr("https://127.0.0.1:"));
  namespace fs = std::filesystem;
  EXPECT_EQ(fs::status(admin).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_TRUE(fs::exists(account));
  EXPECT_EQ(program.stop(SIGTERM), 0);
}

TEST_F(DevclusterProgram, RefusesBadFlagsInWords) {
  Program profile({"--profile", "openshift-9"});
  EXPECT_THAT(profile.read_until(""), HasSubstr("openshift-4.20"));
  EXPECT_NE(profile.wait(), 0);
  Program fault({"--fault", "nonsense"});
  EXPECT_THAT(fault.read_until(""), HasSubstr("nonsense"));
  EXPECT_EQ(fault.wait(), 1);
  Program file({"--kubeconfig", "/no/such/directory/file"});
  EXPECT_THAT(file.read_until(""),
              HasSubstr("cannot write the kubeconfig /no/such/directory/file"));
  EXPECT_EQ(file.wait(), 1);
}

}  // namespace
