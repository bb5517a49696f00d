// devcluster: a stand-in for a cluster on loopback, for demos, tests and trying the operator by
// hand.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio.hpp>
#include <unistd.h>

#include "devcluster/certificates.hpp"
#include "devcluster/cluster.hpp"
#include "devcluster/faults.hpp"
#include "devcluster/front_door.hpp"
#include "devcluster/http_server.hpp"
#include "devcluster/kubeconfig.hpp"
#include "devcluster/node_agent.hpp"
#include "devcluster/node_ports.hpp"
#include "node/image_store.hpp"

namespace {

using namespace devcluster;

using Seconds = std::chrono::duration<double>;

struct Flags {
  ClusterOptions cluster;
  int port = 0;
  std::string kubeconfig_file;
  std::string account, account_file;
  double boot_seconds = 1.5;
  double reboot_seconds = 1.5;
  bool no_tls = false;
  std::string pods = "auto";
  std::string image_dir;
  int front_door_port = 0;
  std::vector<std::string> faults;
};

// Empty: Pods run for real.
std::string why_simulated(const Flags& flags) {
  if (flags.pods == "simulated") return "asked for";
  if (std::string missing = node::unsupported_because(); !missing.empty()) return missing;
  if (node::ImageStore(flags.image_dir).references().empty()) {
    return "no image in " + flags.image_dir + " (make demo-image)";
  }
  return {};
}

void introduce(Cluster& cluster, const std::string& url, const Flags& flags,
               const std::string& simulated_because, int front_door_port) {
  const auto& profile = cluster.profile();
  std::cout << "devcluster: a stand-in, not Kubernetes. It imitates the API server, nodes, "
               "admission and\n"
               "machine-config pools as far as an operator depends on them.\n"
            << "  profile    " << profile.name << " (Kubernetes " << profile.kubernetes << ", "
            << profile.runtime << (profile.is_openshift() ? ", OpenShift " + profile.openshift : "")
            << ")\n"
            << "  server     " << url << "\n"
            << "  nodes      1 master, " << flags.cluster.workers << " workers\n";
  if (simulated_because.empty()) {
    std::cout << "  Pods       run for real, by crun, from the images of " << flags.image_dir
              << "\n  front door http://127.0.0.1:" << front_door_port
              << " leads by Host header or SNI to Routes and Ingresses;\n"
              << "             node ports of Services are on 127.0.0.1\n";
  } else {
    std::cout << "  Pods       are simulated, no container runs: " << simulated_because << "\n";
  }
  if (!flags.kubeconfig_file.empty()) {
    std::cout << "  kubeconfig " << flags.kubeconfig_file << " (system:masters)\n";
  }
  if (!flags.account_file.empty()) {
    std::cout << "  kubeconfig " << flags.account_file << " (ServiceAccount " << flags.account
              << ")\n";
  }
  std::cout << "  not done   CEL rules are not evaluated (told for each CRD); attach, "
               "port-forward;\n"
               "             controllers of Deployments, StatefulSets, Jobs and their kin\n"
            << std::flush;
}

// Each of a CRD's unevaluated rules is told once.
void tell_rules(const ApiServer& server, std::vector<std::string>& told) {
  const auto rules = server.unevaluated_rules();
  if (rules == told) return;
  for (const auto& rule : rules) {
    if (std::find(told.begin(), told.end(), rule) == told.end()) {
      std::cout << "devcluster: CEL not evaluated: " << rule << "\n" << std::flush;
    }
  }
  told = rules;
}

int run(const Flags& flags) {
  // What changes, what is due and signals come together in this one thread.
  boost::asio::io_context loop;
  boost::asio::system_timer due(loop);
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });

  ClusterOptions options = flags.cluster;
  options.pace.boot = std::chrono::round<milliseconds>(Seconds(flags.boot_seconds));
  options.pace.reboot = std::chrono::round<milliseconds>(Seconds(flags.reboot_seconds));
  const std::string simulated_because = why_simulated(flags);
  if (flags.pods == "real" && !simulated_because.empty()) {
    throw std::runtime_error("--pods real: " + simulated_because);
  }
  if (simulated_because.empty()) {
    options.agent = [&flags](World& world) {
      const auto scratch =
          std::filesystem::temp_directory_path() / ("devcluster-" + std::to_string(getpid()));
      return real_agent(world, {.image_dir = flags.image_dir, .scratch_dir = scratch.string()});
    };
  }
  Cluster cluster(options);
  cluster.api().on_change([&] { boost::asio::post(loop, [&] { due.cancel(); }); });

  const auto token = random_token();
  cluster.api().add_token(token, "admin", {"system:masters"});
  HttpServerOptions http;
  http.port = flags.port;
  if (!flags.no_tls) {
    const CertificateAuthority authority;
    const auto own = authority.server();
    http.certificate_pem = own.certificate_pem;
    http.key_pem = own.key_pem;
    http.client_ca_pem = authority.pem();
  }
  HttpServer front(cluster.api(), http);
  if (!flags.kubeconfig_file.empty()) {
    write_private_file(flags.kubeconfig_file,
                       kubeconfig({front.url(), "admin", token, "default", http.client_ca_pem}));
  }
  if (!flags.account_file.empty()) {
    const auto slash = flags.account.find('/');
    const auto ns = flags.account.substr(0, slash);
    const auto name = flags.account.substr(slash + 1);
    const auto account_token = service_account_token(cluster.api(), ns, name);
    write_private_file(flags.account_file,
                       kubeconfig({front.url(), name, account_token, ns, http.client_ca_pem}));
  }
  // Now: what the stand-in does for itself at its start is not to be counted.
  for (const auto& fault : flags.faults) cluster.api().faults().add(fault);
  std::optional<FrontDoor> door;
  std::optional<NodePorts> node_ports;
  if (simulated_because.empty()) {
    const auto connect = [&cluster](const std::string& uid, int port) {
      return cluster.connect_to(uid, port);
    };
    door.emplace(cluster.api(), connect, CertificateAuthority().server(), flags.front_door_port);
    node_ports.emplace(cluster.api(), connect);
  }
  introduce(cluster, front.url(), flags, simulated_because, door ? door->port() : 0);

  std::vector<std::string> told;
  const std::function<void()> live = [&] {
    cluster.tick();
    if (node_ports) node_ports->follow();
    tell_rules(cluster.api(), told);
    // Streams with a time of their own (bookmarks, followed logs) want a look now and then.
    const auto latest = std::chrono::system_clock::now() + seconds(1);
    due.expires_at(std::min(cluster.next_due().value_or(latest), latest));
    due.async_wait([&](const boost::system::error_code&) { live(); });
  };
  live();
  loop.run();
  std::cout << "devcluster: stopped\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app{"A stand-in for a Kubernetes or OpenShift cluster on 127.0.0.1."};
  app.option_defaults()->always_capture_default();
  app.add_option("--port", flags.port, "Port on 127.0.0.1; 0 takes a free one")
      ->check(CLI::Range(0, 65535));
  app.add_option("--profile", flags.cluster.profile, "Generation of cluster")
      ->check(CLI::IsMember(profile_names()));
  app.add_option("--kubeconfig", flags.kubeconfig_file,
                 "Write an administrator's kubeconfig to this file");
  auto* account = app.add_option("--service-account", flags.account,
                                 "NAMESPACE/NAME of a ServiceAccount to write a kubeconfig for");
  account->check([](const std::string& text) {
    const auto slash = text.find('/');
    const bool good = slash != std::string::npos && slash > 0 && slash + 1 < text.size();
    return good ? std::string() : "\"" + text + "\" is not NAMESPACE/NAME";
  });
  app.add_option("--service-account-kubeconfig", flags.account_file, "The file for it")
      ->needs(account);
  account->needs("--service-account-kubeconfig");
  app.add_option("--boot-seconds", flags.boot_seconds, "How long a simulated boot takes")
      ->check(CLI::Range(0.0, 3600.0));
  app.add_option("--reboot-seconds", flags.reboot_seconds, "How long a node's reboot takes")
      ->check(CLI::Range(0.0, 3600.0));
  app.add_option("--pods", flags.pods, "Whether Pods are run by crun: auto, real, simulated")
      ->check(CLI::IsMember({"auto", "real", "simulated"}));
  app.add_option("--image-dir", flags.image_dir, "OCI layout that images come from");
  app.add_option("--front-door-port", flags.front_door_port,
                 "Port on 127.0.0.1 that leads to Routes and Ingresses; 0 takes a free one")
      ->check(CLI::Range(0, 65535));
  app.add_flag("--no-tls", flags.no_tls,
               "Serve plain HTTP; kubectl sends no credentials over it, other clients do");
  app.add_option("--fault", flags.faults,
                 "VERB:RESOURCE[@FIRST[+COUNT]]=ACTION[:ARGUMENT], as in create:pods@2=error:500; "
                 "may be repeated");
  CLI11_PARSE(app, argc, argv);
  if (flags.image_dir.empty()) flags.image_dir = node::demo_image_dir();
  try {
    return run(flags);
  } catch (const std::exception& error) {
    std::cerr << "devcluster: " << error.what() << "\n";
    return 1;
  }
}
