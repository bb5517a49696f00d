#include "cli/plugin_commands.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <ostream>
#include <utility>

#include "api/json_read.hpp"
#include "api/names.hpp"
#include "cli/exit_status.hpp"
#include "cli/plugin_status.hpp"
#include "diagnose/text.hpp"
#include "kube/projection.hpp"
#include "reconcile/types.hpp"
#include "render/render.hpp"

namespace swo::cli {
namespace {

namespace types = reconcile::types;

// The whole of a console that a kubelet keeps before it rotates (containerLogMaxSize, 10 MiB).
constexpr int kMostBytes = 10 * 1024 * 1024;
constexpr int kAllLines = 1'000'000;
// A quiet console is no error.
constexpr std::chrono::seconds kFollowRead{30};

// What went wrong with this workload, in words that lead on.
int tell(const PluginContext& context, const std::string& name, const kube::Error& error) {
  if (error.kind == kube::ErrorKind::kNotFound) {
    context.err << "there is no SystemdWorkload \"" << printable(name) << "\" in namespace \""
                << printable(context.ns) << "\": see `kubectl sdw list -A`\n";
  } else {
    context.err << printable(error.message) << '\n';
  }
  return kFailed;
}

kube::Result<api::Workload> read(const PluginContext& context, const std::string& name) {
  const auto found = context.client.get(types::kWorkload, {context.ns, name});
  if (!found) {
    return found.error();
  }
  auto parsed = api::parse_workload(*found);
  if (const auto* fault = std::get_if<api::FieldError>(&parsed)) {
    return kube::Error{kube::ErrorKind::kInvalid, 0, "", fault->message(), {}, {}};
  }
  return std::get<api::Workload>(std::move(parsed));
}

struct Wish {
  Json patch;
  bool there_already = false;
  const char* done;
  const char* nothing_to_do;
};

Wish wish(const api::Workload& workload, Change change, const runtime::Clock& clock) {
  const api::Spec& spec = workload.spec;
  switch (change) {
    case Change::kRestart: {
      const Json annotations = {
          {std::string(api::kAnnotationRestartedAt), runtime::to_rfc3339(clock.wall())}};
      return {{{"metadata", {{"annotations", annotations}}}},
              false,
              "its instances are restarted one after the other",
              ""};
    }
    case Change::kPause:
      return {{{"spec", {{"paused", true}}}},
              spec.paused,
              "paused: nothing is changed until `kubectl sdw resume`",
              "paused already"};
    case Change::kResume:
      return {{{"spec", {{"paused", false}}}}, !spec.paused, "resumed", "not paused"};
    case Change::kHibernate:
      return {
          {{"spec", {{"hibernate", true}}}},
          spec.hibernate,
          "its instances are shut down; storage, Service and Route stay until `kubectl sdw wake`",
          "hibernating already"};
    case Change::kWake:
      break;
  }
  return {{{"spec", {{"hibernate", false}}}},
          !spec.hibernate,
          "its instances are started",
          "not hibernating"};
}

// A console as it comes, or, for a terminal, line by line without what would steer it.
class ConsoleOutput {
 public:
  ConsoleOutput(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}

  // False: nobody takes it any more.
  bool write(std::string_view data) {
    if (!terminal_) {
      out_ << data << std::flush;
      ends_line_ = data.empty() ? ends_line_ : data.ends_with('\n');
      return out_.good();
    }
    rest_ += data;
    const std::size_t end = rest_.find_last_of("\r\n");
    if (end != std::string::npos) {
      put(std::string_view(rest_).substr(0, end + 1));
      rest_.erase(0, end + 1);
    } else if (rest_.size() > kLongestLine) {
      put(std::exchange(rest_, {}));
    }
    return out_.flush().good();
  }
  void end() {
    put(rest_);
    if (!ends_line_) {
      out_ << '\n';
    }
  }

 private:
  static constexpr std::size_t kLongestLine = std::size_t{64} * 1024;

  void put(std::string_view text) {
    for (const std::string& line : diagnose::clean_lines(text)) {
      out_ << line << '\n';
    }
  }

  std::ostream& out_;
  const bool terminal_;
  bool ends_line_ = true;
  std::string rest_;
};

int follow(const PluginContext& context, const kube::ObjectKey& pod, int tail) {
  kube::HttpRequest request;
  request.target = types::kPod.object_path(pod.ns, pod.name) +
                   "/log?follow=true&container=" + std::string(render::kContainerName) +
                   "&tailLines=" + std::to_string(tail);
  request.headers = {{"Accept", "text/plain, */*"}};
  auto stream = context.client.transport().open(request);
  if (!stream) {
    context.err << printable(stream.error().message) << '\n';
    return kFailed;
  }
  if ((*stream)->head().status != 200) {
    context.err << printable(kube::error_from((*stream)->head()).message) << '\n';
    return kFailed;
  }
  ConsoleOutput console(context.out, context.terminal);
  while (true) {
    const kube::ByteStream::Read got = (*stream)->read(kFollowRead);
    switch (got.outcome) {
      case kube::ByteStream::Outcome::kData:
        if (!console.write(got.data)) {
          return kFailed;  // told where the program ends
        }
        break;
      case kube::ByteStream::Outcome::kTimeout:
        break;
      case kube::ByteStream::Outcome::kEnd:
        console.end();
        return kDone;
      case kube::ByteStream::Outcome::kError:
        context.err << printable(got.error.message) << '\n';
        return kFailed;
    }
  }
}

}  // namespace

int plugin_status(const PluginContext& context, const std::string& name) {
  const auto workload = read(context, name);
  if (!workload) {
    return tell(context, name, workload.error());
  }
  context.out << status_text(*workload, context.clock.wall(), context.paint);
  return is_well(*workload) ? kDone : kFailed;
}

int plugin_list(const PluginContext& context, bool all_namespaces) {
  std::vector<api::Workload> workloads;
  kube::ListOptions options;
  do {
    const auto page =
        context.client.list_page(types::kWorkload, all_namespaces ? "" : context.ns, options);
    if (!page) {
      return tell(context, "", page.error());
    }
    const auto read = kube::project_list(*page, kube::FieldMask::everything(), [&](Json&& item) {
      auto parsed = api::parse_workload(item);
      if (auto* workload = std::get_if<api::Workload>(&parsed)) {
        workloads.push_back(std::move(*workload));
        return;
      }
      // Shown all the same: who asks for a list wants to know of it.
      api::Workload bare;
      bare.name = text(at(item, "metadata", "name"));
      bare.ns = text(at(item, "metadata", "namespace"));
      bare.creation_timestamp = text(at(item, "metadata", "creationTimestamp"));
      bare.status = api::parse_status(at(item, "status"));
      workloads.push_back(std::move(bare));
    });
    if (!read) {
      return tell(context, "", read.error());
    }
    options.continue_token = read->continue_token;
  } while (!options.continue_token.empty());
  if (workloads.empty()) {
    context.err << (all_namespaces ? "no SystemdWorkload in any namespace\n"
                                   : "no SystemdWorkload in namespace \"" + context.ns +
                                         "\": --all-namespaces looks everywhere\n");
    return kDone;
  }
  context.out << list_text(workloads, all_namespaces, context.clock.wall(), context.paint);
  return kDone;
}

int plugin_change(const PluginContext& context, const std::string& name, Change change) {
  const auto workload = read(context, name);
  if (!workload) {
    return tell(context, name, workload.error());
  }
  const Wish made = wish(*workload, change, context.clock);
  const std::string subject = "systemdworkload/" + name + ": ";
  if (made.there_already) {
    context.out << subject << made.nothing_to_do << '\n';
    return kDone;
  }
  const auto written = context.client.merge_patch(types::kWorkload, {context.ns, name}, made.patch,
                                                  kPluginFieldManager);
  if (!written) {
    return tell(context, name, written.error());
  }
  context.out << subject << made.done << '\n';
  if (workload->spec.paused && change != Change::kResume && change != Change::kPause) {
    context.out << "  once it is resumed: it is paused\n";
  }
  return kDone;
}

int plugin_logs(const PluginContext& context, const LogRequest& request) {
  const auto instance = instance_name(request.name, request.instance, context.err);
  if (!instance) {
    return kFailed;
  }
  const kube::ObjectKey pod{context.ns, *instance};
  const int lines = request.tail == 0 ? kAllLines : request.tail;
  if (request.follow) {
    return follow(context, pod, lines);
  }
  const auto log =
      context.client.pod_log(pod, render::kContainerName, request.previous, lines, kMostBytes);
  if (!log) {
    context.err << printable(log.error().message) << '\n';
    return kFailed;
  }
  ConsoleOutput console(context.out, context.terminal);
  console.write(*log);
  console.end();
  return kDone;
}

std::vector<std::string> journal_command(const JournalRequest& request) {
  std::vector<std::string> command = {"kubectl"};
  command.insert(command.end(), request.connection.begin(), request.connection.end());
  for (const char* word : {"exec", "-n"}) {
    command.emplace_back(word);
  }
  command.insert(command.end(),
                 {request.ns, request.instance, "-c", std::string(render::kContainerName), "--",
                  "journalctl", "--no-pager"});
  command.push_back(request.tail == 0 ? "--lines=all" : "--lines=" + std::to_string(request.tail));
  if (!request.unit.empty()) {
    command.push_back("--unit=" + request.unit);
  }
  if (request.follow) {
    command.emplace_back("--follow");
  }
  return command;
}

std::optional<std::string> instance_name(const std::string& workload, const std::string& instance,
                                         std::ostream& err) {
  const auto ordinal = [](std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](unsigned char c) { return std::isdigit(c) != 0; });
  };
  if (instance.empty()) {
    return workload + "-0";
  }
  if (ordinal(instance)) {
    return workload + "-" + instance;
  }
  const bool own = instance.starts_with(workload + "-") &&
                   ordinal(std::string_view(instance).substr(workload.size() + 1));
  if (own) {
    return instance;
  }
  err << "\"" << instance << "\" is no instance of " << workload
      << ": name an ordinal such as 0, or " << workload << "-0\n";
  return std::nullopt;
}

}  // namespace swo::cli
