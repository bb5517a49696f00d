#include "cli/render_command.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "api/json_read.hpp"
#include "api/names.hpp"
#include "api/workload.hpp"
#include "cli/paint.hpp"
#include "render/render.hpp"
#include "render/yaml.hpp"

namespace swo::cli {
namespace {

class Renderer {
 public:
  Renderer(const RenderOptions& options, platform::Facts facts, std::ostream& err)
      : options_(options), facts_(std::move(facts)), err_(err) {}

  void add(const Json& document) {
    ++number_;
    if (text(at(document, "kind")) == "List" && document.contains("items") &&
        document["items"].is_array()) {
      for (const Json& item : document["items"]) {
        add_object(item);
      }
      return;
    }
    add_object(document);
  }

  int finish(std::ostream& out) {
    if (workloads_ == 0 && !faulty_) {
      fault("", "no " + std::string(api::kKind) + " in it: give one, with apiVersion " +
                    std::string(api::kApiVersion));
    }
    if (faulty_) {
      return kBadInput;
    }
    for (const std::string& line : comments_) {
      out << "# " << line << '\n';
    }
    out << render::to_yaml(objects_);
    return kRendered;
  }

 private:
  void fault(const std::string& where, const std::string& what) {
    faulty_ = true;
    err_ << options_.file << ": " << printable(where + what) << '\n';
  }

  void add_object(const Json& object) {
    if (text(at(object, "kind")) != api::kKind) {
      if (text(at(object, "kind")).empty()) {
        fault("document " + std::to_string(number_) + ": ",
              "kind: missing: write kind and apiVersion");
      }
      add_once(object);
      return;
    }
    ++workloads_;
    const std::string name = text(at(object, "metadata", "name"));
    where_ = "document " + std::to_string(number_) + (name.empty() ? "" : " (" + name + ")") + ": ";
    if (text(at(object, "apiVersion")) != api::kApiVersion) {
      fault(where_, "apiVersion: \"" + text(at(object, "apiVersion")) + "\" is not one of " +
                        std::string(api::kKind) + ": write " + std::string(api::kApiVersion));
      return;
    }
    auto parsed = api::parse_workload(object);
    if (const auto* error = std::get_if<api::FieldError>(&parsed)) {
      fault(where_, error->message());
      return;
    }
    add_workload(std::get<api::Workload>(std::move(parsed)), object);
  }

  void add_workload(api::Workload workload, const Json& object) {
    if (!options_.ns.empty() && !workload.ns.empty() && workload.ns != options_.ns) {
      fault(where_, "metadata.namespace: \"" + workload.ns +
                        "\" is not the namespace asked for, \"" + options_.ns +
                        "\": leave one of the two out");
      return;
    }
    if (workload.ns.empty()) {
      workload.ns = options_.ns.empty() ? "default" : options_.ns;
    }
    workload.uid
        .clear();  // a manifest taken from a cluster has one; its children would not be adopted
    for (const std::string& field : api::unknown_fields(object["spec"])) {
      fault(where_, field + ": no such field: correct its name, or remove it");
    }
    for (const api::FieldError& error : api::validate(workload)) {
      fault(where_, error.message());
    }
    if (faulty_) {
      return;  // nothing will be printed, and a spec without bounds has renderings without
    }
    const platform::Strategy strategy = platform::decide(workload, facts_, options_.machine_config);
    explain(workload, strategy);
    for (const Json& rendered : render::everything(workload, strategy)) {
      add_once(rendered);
    }
  }

  // Two workloads share an SCC and a MachineConfig.
  void add_once(const Json& object) {
    if (seen_.insert(object.dump(-1, ' ', false, Json::error_handler_t::replace)).second) {
      objects_.push_back(object);
    }
  }

  // One line, whatever the text holds.
  void comment(const std::string& text) { comments_.push_back(printable(text)); }

  void explain(const api::Workload& workload, const platform::Strategy& strategy) {
    const auto say = [&](const std::string& what, const platform::Blocker& blocker) {
      comment("  " + what + ": " + blocker.message + " (" + blocker.reason + ")");
    };
    const std::vector<platform::Blocker> blockers = platform::every_blocker(strategy);
    if (!options_.explain) {
      for (const platform::Blocker& blocker : blockers) {
        if (!blocker.waiting) {
          err_ << options_.file << ": " << printable(where_) << " on " << options_.cluster << ": "
               << printable(blocker.message) << '\n';
        }
      }
      return;
    }
    comment(workload.name + " on " + facts_.generation());
    for (const platform::Reason& reason : strategy.reasons) {
      comment("  " + reason.topic + ": " + reason.text);
    }
    for (const platform::Blocker& blocker : blockers) {
      say(blocker.waiting ? "waits" : "blocked", blocker);
    }
    for (const platform::Blocker& warning : strategy.warnings) {
      say("warning", warning);
    }
  }

  const RenderOptions& options_;
  platform::Facts facts_;
  std::ostream& err_;
  std::string where_;
  int number_ = 0;
  int workloads_ = 0;
  bool faulty_ = false;
  std::vector<std::string> comments_;
  std::vector<Json> objects_;
  std::unordered_set<std::string> seen_;
};

}  // namespace

int render_command(const RenderOptions& options, std::istream& manifest, std::ostream& out,
                   std::ostream& err) {
  auto facts = platform::well_known_generation(options.cluster);
  if (!facts) {
    err << "--cluster: \"" << options.cluster << "\" is not known: use one of";
    for (const std::string& name : platform::well_known_generations()) {
      err << ' ' << name;
    }
    err << '\n';
    return kBadInput;
  }
  const std::string text{std::istreambuf_iterator<char>(manifest), {}};
  const auto documents = render::read_yaml(text);
  if (const auto* error = std::get_if<render::YamlError>(&documents)) {
    err << options.file << ':' << error->line << ": " << printable(error->text) << '\n';
    return kBadInput;
  }
  Renderer renderer(options, *std::move(facts), err);
  for (const Json& document : std::get<std::vector<Json>>(documents)) {
    renderer.add(document);
  }
  return renderer.finish(out);
}

int render_command(const RenderOptions& options, std::ostream& out, std::ostream& err) {
  if (options.file == "-") {
    return render_command(options, std::cin, out, err);
  }
  errno = 0;
  std::ifstream manifest(options.file);
  if (!manifest || manifest.peek() == std::ifstream::traits_type::eof()) {
    err << options.file << ": "
        << (errno != 0 ? std::strerror(errno) : "empty: give a manifest with a SystemdWorkload")
        << '\n';
    return kBadInput;
  }
  return render_command(options, manifest, out, err);
}

}  // namespace swo::cli
