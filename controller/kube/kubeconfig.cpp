// Reads and merges kubeconfig files. Field names and rules: k8s.io/client-go/tools/clientcmd.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "kube/client_config.hpp"
#include "kube/credentials.hpp"
#include "kube/exec_plugin.hpp"
#include "kube/resource.hpp"
#include "kube/transport_common.hpp"

namespace swo::kube {
namespace {

// Thrown within this file only, with the whole message.
struct Refusal {
  std::string message;
};

[[noreturn]] void refuse(std::string message) { throw Refusal{std::move(message)}; }

// A mapping of the file and where it is, so that a complaint about a field can say so.
class Section {
 public:
  Section(const YAML::Node& node, std::string file, std::string where)
      : node_(node), file_(std::move(file)), where_(std::move(where)) {}

  std::string at(const std::string& field) const {
    return file_ + ": " + (where_.empty() ? field : where_ + "." + field);
  }
  YAML::Node child(const std::string& field) const {
    if (!node_ || !node_.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    return node_[field];
  }
  bool has(const std::string& field) const {
    const auto node = child(field);
    return node && !node.IsNull();
  }
  std::string text(const std::string& field) const {
    if (!has(field)) return {};
    const auto node = child(field);
    if (!node.IsScalar()) refuse(at(field) + ": must be a text");
    return node.Scalar();
  }
  bool flag(const std::string& field) const {
    const std::string value = text(field);
    if (value.empty() || value == "false") return false;
    if (value != "true") refuse(at(field) + ": is \"" + value + "\", must be true or false");
    return true;
  }
  std::vector<YAML::Node> list(const std::string& field) const {
    if (!has(field)) return {};
    const auto node = child(field);
    if (!node.IsSequence()) refuse(at(field) + ": must be a list");
    return {node.begin(), node.end()};
  }
  std::vector<std::string> texts(const std::string& field) const {
    std::vector<std::string> out;
    for (const auto& item : list(field)) {
      if (!item.IsScalar()) refuse(at(field) + ": must be a list of texts");
      out.push_back(item.Scalar());
    }
    return out;
  }
  Section section(const std::string& field) const {
    if (has(field) && !child(field).IsMap()) refuse(at(field) + ": must be a mapping");
    return {child(field), file_, where_.empty() ? field : where_ + "." + field};
  }
  // The path in `field`, relative to the file's folder; "" when not set.
  std::string path(const std::string& field) const { return resolve(text(field)); }
  std::string resolve(const std::string& path) const {
    if (path.empty() || path.starts_with('/')) return path;
    return (std::filesystem::path(file_).parent_path() / path).lexically_normal().string();
  }
  const std::string& file() const { return file_; }

 private:
  YAML::Node node_;
  std::string file_;
  std::string where_;
};

Section load_file(const std::string& path) {
  auto text = read_config_file(path, "kubeconfig");
  if (!text) refuse(text.error().message);
  YAML::Node root;
  try {
    root = YAML::Load(*text);
  } catch (const YAML::Exception& error) {
    refuse("kubeconfig: " + path + ": is not YAML: " + error.what());
  }
  if (root && !root.IsNull() && !root.IsMap()) {
    refuse("kubeconfig: " + path + ": must be a mapping with clusters, users and contexts");
  }
  Section file(root, path, "");
  const std::string kind = file.text("kind");
  if (!kind.empty() && kind != "Config") {
    refuse("kubeconfig: " + path + ": kind is \"" + kind + "\", must be Config");
  }
  return file;
}

// The entry of `list` (clusters, users, contexts) that is called `name`, of the first file to have
// it.
std::optional<Section> find(const std::vector<Section>& files, const std::string& list,
                            const std::string& name, const std::string& field) {
  for (const Section& file : files) {
    for (const auto& node : file.list(list)) {
      const Section entry(node, file.file(), list);
      if (entry.text("name") != name) continue;
      const std::string where =
          std::string(list).append("[").append(name).append("].").append(field);
      if (entry.has(field) && !entry.child(field).IsMap()) {
        refuse(file.file() + ": " + where + ": must be a mapping");
      }
      return Section(entry.child(field), file.file(), where);
    }
  }
  return std::nullopt;
}

std::string names_of(const std::vector<Section>& files, const std::string& list) {
  std::string out;
  for (const Section& file : files) {
    for (const auto& node : file.list(list)) {
      out += (out.empty() ? "" : ", ") + Section(node, file.file(), list).text("name");
    }
  }
  return out.empty() ? "none" : out;
}

std::string decoded(const Section& section, const std::string& field) {
  std::string text;
  for (const char c : section.text(field)) {
    if (c != '\n' && c != '\r' && c != ' ') text += c;
  }
  auto bytes = from_base64(text);
  if (!bytes) refuse(section.at(field) + ": is not base64");
  return *std::move(bytes);
}

// FIELD-data if set, else a file to be read, each time it is asked for.
struct Pem {
  std::string data;
  std::string path;
  std::string field;
  Result<std::string> read() const {
    if (path.empty()) return data;
    return read_config_file(path, field);
  }
};

Pem pem_of(const Section& section, const std::string& field) {
  if (section.has(field + "-data")) return {decoded(section, field + "-data"), {}, {}};
  return {{}, section.path(field), section.at(field)};
}

// What the plugin is told of the cluster; Source: client.authentication.k8s.io/v1, type Cluster.
Json cluster_info(const Section& cluster) {
  Json info = {{"server", cluster.text("server")}};
  const auto pem = pem_of(cluster, "certificate-authority").read();
  if (!pem) refuse(pem.error().message);
  if (!pem->empty()) info["certificate-authority-data"] = base64(*pem);
  if (cluster.flag("insecure-skip-tls-verify")) info["insecure-skip-tls-verify"] = true;
  for (const char* field : {"tls-server-name", "proxy-url"}) {
    if (cluster.has(field)) info[field] = cluster.text(field);
  }
  return info;
}

std::shared_ptr<ExecCredentials> plugin_of(const Section& user, const Section& cluster) {
  const Section exec = user.section("exec");
  ExecSpec spec;
  spec.field = user.at("exec");
  spec.api_version = exec.text("apiVersion");
  const bool v1 = spec.api_version == "client.authentication.k8s.io/v1";
  if (!v1 && spec.api_version != "client.authentication.k8s.io/v1beta1") {
    refuse(exec.at("apiVersion") + ": is \"" + spec.api_version +
           "\", must be client.authentication.k8s.io/v1 or v1beta1: update the plugin");
  }
  spec.command = exec.text("command");
  if (spec.command.empty()) refuse(exec.at("command") + ": is empty: name the plugin's program");
  // A bare name is looked up in PATH; anything with a slash is a path.
  if (spec.command.find('/') != std::string::npos) spec.command = exec.resolve(spec.command);
  spec.args = exec.texts("args");
  for (const auto& node : exec.list("env")) {
    const Section entry(node, user.file(), exec.at("env"));
    spec.env.emplace_back(entry.text("name"), entry.text("value"));
  }
  spec.install_hint = exec.text("installHint");
  const std::string mode = exec.text("interactiveMode");
  if (mode == "Always") {
    refuse(exec.at("interactiveMode") +
           ": is Always, but no one is there to answer the plugin: use a token or certificate");
  }
  if (mode.empty() ? v1 : mode != "Never" && mode != "IfAvailable") {
    refuse(exec.at("interactiveMode") + ": is \"" + mode + "\", must be Never or IfAvailable");
  }
  if (exec.flag("provideClusterInfo")) spec.cluster = cluster_info(cluster);
  return std::make_shared<ExecCredentials>(std::move(spec));
}

std::shared_ptr<TokenSource> token_of(const Section& user) {
  const bool basic = user.has("username") || user.has("password");
  const bool bearer = user.has("token") || user.has("tokenFile");
  if (basic && bearer) {
    refuse(user.at("username") + ": is given beside a token: keep one of them");
  }
  if (user.has("tokenFile")) {
    return std::make_shared<FileToken>(user.path("tokenFile"), user.at("tokenFile"));
  }
  if (user.has("token")) {
    const std::string token = user.text("token");
    if (auto good = check_token(token, user.at("token")); !good) refuse(good.error().message);
    return fixed_authorization("Bearer " + token);
  }
  if (basic) {
    return fixed_authorization("Basic " +
                               base64(user.text("username") + ":" + user.text("password")));
  }
  return nullptr;
}

void impersonate(const Section& user, TransportConfig& out) {
  const auto add = [&out](std::string name, std::string value) {
    out.extra_headers.emplace_back(std::move(name), std::move(value));
  };
  if (user.has("as")) add("Impersonate-User", user.text("as"));
  if (user.has("as-uid")) add("Impersonate-Uid", user.text("as-uid"));
  for (auto& group : user.texts("as-groups")) add("Impersonate-Group", std::move(group));
  const Section extra = user.section("as-user-extra");
  if (!user.has("as-user-extra")) return;
  for (const auto& entry : user.child("as-user-extra")) {
    const auto key = entry.first.as<std::string>();
    for (auto& value : extra.texts(key)) {
      // The key may hold "/", which the API server wants escaped in a header name.
      add("Impersonate-Extra-" + url_escape(key), std::move(value));
    }
  }
}

void read_cluster(const Section& cluster, TransportConfig& out) {
  out.server = cluster.text("server");
  if (out.server.empty()) refuse(cluster.at("server") + ": is empty: give the API server's URL");
  if (auto url = parse_url(out.server, cluster.at("server")); !url) refuse(url.error().message);
  out.insecure_skip_tls_verify = cluster.flag("insecure-skip-tls-verify");
  if (out.insecure_skip_tls_verify &&
      (cluster.has("certificate-authority") || cluster.has("certificate-authority-data"))) {
    refuse(cluster.at("insecure-skip-tls-verify") +
           ": is true beside a certificate-authority: keep one of them");
  }
  out.tls_server_name = cluster.text("tls-server-name");
  out.proxy_url = cluster.text("proxy-url");
}

void read_user(const Section& user, const Section& cluster, TransportConfig& out) {
  if (user.has("auth-provider")) {
    refuse(user.at("auth-provider") + ": is gone since Kubernetes 1.26: use an exec plugin");
  }
  impersonate(user, out);
  std::shared_ptr<ExecCredentials> plugin;
  if (user.has("exec")) {
    plugin = plugin_of(user, cluster);
    out.token = plugin;
  } else {
    out.token = token_of(user);
  }
  const Pem ca = pem_of(cluster, "certificate-authority");
  const Pem certificate = pem_of(user, "client-certificate");
  const Pem key = pem_of(user, "client-key");
  const auto read = [ca, certificate, key, plugin]() -> Result<TlsMaterial> {
    TlsMaterial material;
    for (const auto& [pem, into] :
         {std::pair(&ca, &material.ca), std::pair(&certificate, &material.client_certificate),
          std::pair(&key, &material.client_key)}) {
      auto text = pem->read();
      if (!text) return text.error();
      *into = *std::move(text);
    }
    if (plugin) {
      if (auto added = plugin->add_certificate(material); !added) return added.error();
    }
    return material;
  };
  if (plugin || !ca.path.empty() || !certificate.path.empty() || !key.path.empty()) {
    out.reread_tls = read;
  } else {
    out.tls = *read();  // from data alone: cannot fail
  }
}

std::vector<std::string> paths_of(const ConfigOptions& options, bool& must_exist) {
  must_exist = true;
  if (!options.kubeconfig.empty()) return {options.kubeconfig};
  const std::string variable = options.environment("KUBECONFIG");
  std::vector<std::string> paths;
  for (std::size_t at = 0; at < variable.size();) {
    const std::size_t end = std::min(variable.find(':', at), variable.size());
    if (end > at) paths.push_back(variable.substr(at, end - at));
    at = end + 1;
  }
  must_exist = paths.size() == 1;
  if (!paths.empty()) return paths;
  must_exist = true;
  std::string home = options.environment("HOME");
  if (home.empty()) refuse("HOME is not set: give a kubeconfig");
  return {home + "/.kube/config"};
}

ClientConfig load(const ConfigOptions& options) {
  bool must_exist = false;
  const auto paths = paths_of(options, must_exist);
  std::vector<Section> files;
  std::string names;
  for (const std::string& path : paths) {
    names += (names.empty() ? "" : ":") + path;
    std::error_code ignored;
    if (!must_exist && !std::filesystem::exists(path, ignored)) continue;
    files.push_back(load_file(path));
  }
  if (files.empty()) refuse("kubeconfig: none of " + names + " exists: check $KUBECONFIG");
  std::string context_name = options.context;
  for (const Section& file : files) {
    if (context_name.empty()) context_name = file.text("current-context");
  }
  if (context_name.empty()) {
    refuse("kubeconfig: " + names + ": current-context is empty: choose one of " +
           names_of(files, "contexts"));
  }
  const auto context = find(files, "contexts", context_name, "context");
  if (!context) {
    refuse("kubeconfig: " + names + ": no context \"" + context_name + "\": choose one of " +
           names_of(files, "contexts"));
  }
  const std::string cluster_name = context->text("cluster");
  const auto cluster = find(files, "clusters", cluster_name, "cluster");
  if (!cluster) {
    refuse(context->at("cluster") + ": no cluster \"" + cluster_name + "\": there are " +
           names_of(files, "clusters"));
  }
  ClientConfig out;
  out.origin = "kubeconfig " + names + ", context " + context_name;
  if (context->has("namespace")) out.ns = context->text("namespace");
  read_cluster(*cluster, out.transport);
  const std::string user_name = context->text("user");
  auto user = find(files, "users", user_name, "user");
  if (!user && !user_name.empty()) {
    refuse(context->at("user") + ": no user \"" + user_name + "\": there are " +
           names_of(files, "users"));
  }
  if (!user) user = Section(YAML::Node(YAML::NodeType::Null), context->file(), "user");
  read_user(*user, *cluster, out.transport);
  return out;
}

// What a file says may be quoted in a complaint, and must not break out of its line.
Error complaint(std::string message) {
  std::replace_if(message.begin(), message.end(), is_control, ' ');
  return make_error(ErrorKind::kConfig, std::move(message));
}

}  // namespace

Result<ClientConfig> load_kubeconfig(const ConfigOptions& options) {
  try {
    return load(options);
  } catch (const Refusal& refusal) {
    return complaint(refusal.message);
  } catch (const std::exception& error) {
    return complaint(std::string("kubeconfig: ") + error.what());
  }
}

}  // namespace swo::kube
