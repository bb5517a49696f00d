#include "cli/usage.hpp"

#include <string>
#include <vector>

#include "cli/exit_status.hpp"

namespace swo::cli {

int end_of_parsing(const CLI::App& app, const CLI::ParseError& error, std::ostream& out,
                   std::ostream& err) {
  const std::vector<std::string> unknown = app.remaining();
  // CLI11 would say only that a subcommand is required.
  if (error.get_name() == "RequiredError" && app.get_subcommands().empty() && !unknown.empty()) {
    err << '"' << unknown.front() << "\" is none of the commands:";
    for (const CLI::App* command : app.get_subcommands(nullptr)) {
      err << ' ' << command->get_name();
    }
    err << "\nRun with --help for more information.\n";
    return kBadUsage;
  }
  return app.exit(error, out, err) == 0 ? kDone : kBadUsage;
}

}  // namespace swo::cli
