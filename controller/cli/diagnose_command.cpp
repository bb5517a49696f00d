#include "cli/diagnose_command.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/exit_status.hpp"
#include "cli/paint.hpp"
#include "cli/story.hpp"
#include "diagnose/diagnose.hpp"

namespace swo::cli {
namespace {

int judge_log(const std::string& file, std::ostream& out, std::ostream& err) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    if (!opened || std::filesystem::is_directory(file)) {
      err << "--log: cannot read \"" << file
          << "\": give a file that exists, or - for standard input\n";
      return kBadUsage;
    }
  }
  std::istream& stream = file == "-" ? std::cin : opened;
  const std::string log{std::istreambuf_iterator<char>(stream), {}};
  const auto diagnosis = diagnose::diagnose_log(log);
  if (!diagnosis) {
    out << "nothing in this log is known to keep systemd from running\n";
    return kDone;
  }
  out << printable(diagnosis->reason) << "\n  cause     " << printable(diagnosis->cause)
      << "\n  seen      " << printable(diagnosis->evidence) << "\n  to do     "
      << printable(diagnosis->remedy) << '\n';
  return kFailed;
}

}  // namespace

int diagnose_command(const DiagnoseOptions& options, std::ostream& out, std::ostream& err) {
  if (!options.log_file.empty()) {
    return judge_log(options.log_file, out, err);
  }
  if (options.name.empty()) {
    err << "name a SystemdWorkload, or a log with --log FILE\n";
    return kBadUsage;
  }
  auto connected = connect(options.connection);
  if (!connected) {
    err << printable(connected.error().message) << '\n';
    return kBadUsage;
  }
  kube::Client client(*connected->transport);
  StoryOptions story;
  story.workload = {options.ns.empty() ? connected->ns : options.ns, options.name};
  story.machine_config = options.machine_config;
  return tell_story(client, story, out, err);
}

}  // namespace swo::cli
