#include "stand.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leftovers.hpp"
#include "node/image_store.hpp"
#include "node/pod_runtime.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDevcluster = SWO_BINARY_DIR "/e2e/devcluster";
constexpr const char* kOperator = SWO_BINARY_DIR "/systemd-workload-operator";
constexpr const char* kSource = SWO_SOURCE_DIR;
constexpr const char* kAccount = "systemd-workload-operator/systemd-workload-operator";
constexpr std::chrono::milliseconds kPoll{20};
constexpr seconds kStartLimit{30};
// The router hears of a ready Pod by its Endpoints, which may be a little after the operator does.
constexpr seconds kRouterLag{10};

// Where it has no Pod to lead to yet, a router says 503, or closes what it passes through.
bool has_led(const std::string& answer) {
  return answer.find("HTTP/") != std::string::npos && answer.find(" 503 ") == std::string::npos;
}

std::string last_lines(const std::string& text, int count) {
  std::size_t at = text.size();
  for (; count >= 0 && at != std::string::npos && at > 0; --count) at = text.rfind('\n', at - 1);
  return at == std::string::npos ? text : text.substr(at);
}

}  // namespace

Child::Child(const std::vector<std::string>& argv, const std::string& log) {
  // setpriv: it is told to end when we are gone, however we went.
  std::vector<std::string> line{
      "env", kMark + std::to_string(getpid()), "setpriv", "--pdeathsig", "TERM", "--"};
  line.insert(line.end(), argv.begin(), argv.end());
  const node::Fd file(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) throw std::runtime_error("cannot write to " + log);
  pid_ = node::spawn({.argv = line, .env = {}, .fds = {{1, file.get()}, {2, file.get()}}});
}

Child::~Child() {
  if (pid_ > 0) stop(SIGTERM);
}

int Child::stop(int signal) {
  kill(pid_, signal);
  return node::wait_for(std::exchange(pid_, 0));
}

std::string Stand::unsupported_because() {
  if (std::string missing = node::unsupported_because(); !missing.empty()) return missing;
  if (node::ImageStore(node::demo_image_dir()).references().empty()) {
    return "no image in " + node::demo_image_dir() + ": make it with `make demo-image`";
  }
  for (const char* program : {"kubectl", "curl", "setpriv"}) {
    if (node::run({"sh", "-c", "command -v \"$0\"", program}).exit_code != 0) {
      return std::string(program) + " is not installed: install it with `make packages`";
    }
  }
  return {};
}

Stand::Stand(StandOptions options) : options_(std::move(options)) {
  const std::string log = folder() + "/devcluster.log";
  fs::create_directory(scratch());
  devcluster_ = std::make_unique<Child>(
      std::vector<std::string>{"env", "TMPDIR=" + scratch(), kDevcluster, "--profile",
                               options_.profile, "--pods", "real", "--reboot-seconds", "0.3",
                               "--image-dir", node::demo_image_dir(), "--kubeconfig",
                               folder() + "/admin", "--service-account", kAccount,
                               "--service-account-kubeconfig", folder() + "/operator"},
      log);
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  while (folder_.read("devcluster.log").find("not done") ==
         std::string::npos) {  // the last that it says of itself
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error(folder_.read("devcluster.log"));
    std::this_thread::sleep_for(kPoll);
  }
  const std::string said = folder_.read("devcluster.log");
  const auto at = said.find("http://127.0.0.1:");
  door_ = said.substr(at, said.find(' ', at) - at);
  kubectl({"apply", "-k", std::string(kSource) + "/crds"});
  kubectl({"apply", "-k", std::string(kSource) + "/config/rbac"});
  start_operator(options_.operator_flags);
}

Stand::~Stand() {
  operator_.reset();
  const pid_t devcluster = devcluster_->pid();
  devcluster_.reset();
  note_end_of(devcluster, scratch());
}

void Stand::start_operator(const std::vector<std::string>& flags) {
  operator_.reset();
  std::vector<std::string> argv{kOperator,
                                "run",
                                "--kubeconfig",
                                folder() + "/operator",
                                "--no-leader-elect",
                                "--health-address",
                                "",
                                "--metrics-address",
                                ""};
  argv.insert(argv.end(), flags.begin(), flags.end());
  operator_ = std::make_unique<Child>(argv, folder() + "/operator.log");
}

std::vector<std::string> Stand::kubectl_line(std::vector<std::string> arguments) const {
  std::vector<std::string> line{"kubectl", "--kubeconfig", folder() + "/admin", "--cache-dir",
                                folder() + "/cache"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

std::string Stand::kubectl(std::vector<std::string> arguments, bool expect_success) const {
  const auto line = kubectl_line(std::move(arguments));
  return expect_success ? node::run_or_throw(line) : node::run(line).output;
}

void Stand::apply(const std::vector<Json>& objects) const {
  const Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}};
  kubectl({"apply", "-f", folder_.write("apply.json", list.dump(1))});
}

Json Stand::get(const std::string& path) const {
  const auto done = node::run(kubectl_line({"get", "--raw", path}));
  return done.exit_code == 0 ? Json::parse(done.output) : Json();
}

std::string Stand::head(const std::string& url, const std::vector<std::string>& flags) const {
  const std::string door = door_.substr(door_.rfind('/') + 1);
  std::vector<std::string> line{"curl",       "-sS", "--head",       "--insecure",
                                "--max-time", "10",  "--connect-to", "::" + door};
  line.insert(line.end(), flags.begin(), flags.end());
  line.push_back(url);
  const auto deadline = std::chrono::steady_clock::now() + kRouterLag;
  std::string answer;
  do {
    answer = node::run(line).output;
  } while (!has_led(answer) && std::chrono::steady_clock::now() < deadline);
  return answer;
}

node::Finished Stand::run_operator(const std::vector<std::string>& arguments) const {
  std::vector<std::string> line{"env", "KUBECONFIG=" + folder() + "/admin", kOperator};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return node::run(line);
}

std::string Stand::logs() const {
  constexpr int kLines = 30;
  std::string text;
  for (const char* name : {"devcluster.log", "operator.log"}) {
    text += std::string("--- ") + name + last_lines(folder_.read(name), kLines);
  }
  return text;
}

Watch::Watch(const Stand& stand, const std::string& path, const std::string& name) : path_(path) {
  auto [out, in] = node::make_pipe();
  const std::string one = name.empty() ? "" : "&fieldSelector=metadata.name%3D" + name;
  pid_ = node::spawn({.argv = stand.kubectl_line({"get", "--raw", path + "?watch=1" + one}),
                      .env = {},
                      .fds = {{1, in.get()}}});
  output_ = std::move(out);
}

Watch::~Watch() {
  kill(pid_, SIGKILL);
  node::wait_for(pid_);
}

Watch::Event Watch::next(std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      const Json event = Json::parse(buffer_.substr(0, end));
      buffer_.erase(0, end + 1);
      return {event.at("type"), event.at("object")};
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{output_.get(), POLLIN, 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return {};
    std::array<char, 65536> part{};
    const ssize_t got = read(output_.get(), part.data(), part.size());
    if (got <= 0) return {};
    buffer_.append(part.data(), static_cast<std::size_t>(got));
  }
}

Json Watch::until(const std::function<bool(const Json&)>& holds, seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  Json last;
  for (Event event = next(deadline); !event.type.empty(); event = next(deadline)) {
    last = event.object;
    if (event.type != "DELETED" && holds(last)) return last;
  }
  ADD_FAILURE() << path_ << ": not within " << limit.count()
                << " s; last seen: " << last.value("status", Json()).dump(1);
  return last;
}

Json Watch::until_gone(seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  Json last;
  for (Event event = next(deadline); !event.type.empty(); event = next(deadline)) {
    last = event.object;
    if (event.type == "DELETED") return last;
  }
  ADD_FAILURE() << path_ << ": not deleted within " << limit.count()
                << " s; last seen: " << last.value("status", Json()).dump(1);
  return last;
}

}  // namespace e2e
