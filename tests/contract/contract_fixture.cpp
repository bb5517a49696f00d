#include "contract_fixture.hpp"

#include <random>

namespace swo::contract {
namespace {

const std::string probes_plural = "probes";

const std::string& group() {
  static const std::string made = ns() + ".example.com";
  return made;
}

Json crd() {
  const Json schema = Json::parse(R"({
    "type": "object", "properties": {
      "spec": {"type": "object", "required": ["size"],
        "x-kubernetes-validations": [
          {"rule": "!has(self.least) || self.least <= self.size", "message": "least is above size"}],
        "properties": {
          "size": {"type": "integer", "minimum": 1, "maximum": 9},
          "least": {"type": "integer"},
          "mode": {"type": "string", "enum": ["Fast", "Slow"], "default": "Fast"},
          "ports": {"type": "array", "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {
              "name": {"type": "string"}, "port": {"type": "integer"},
              "protocol": {"type": "string", "default": "TCP"}}}}}},
      "status": {"type": "object", "properties": {
        "replicas": {"type": "integer"}, "phase": {"type": "string"}}}}})");
  return {
      {"apiVersion", "apiextensions.k8s.io/v1"},
      {"kind", "CustomResourceDefinition"},
      {"metadata", {{"name", probes_plural + "." + group()}}},
      {"spec",
       {{"group", group()},
        {"scope", "Namespaced"},
        {"names",
         {{"plural", probes_plural},
          {"singular", "probe"},
          {"kind", "Probe"},
          {"listKind", "ProbeList"}}},
        {"versions",
         {{{"name", "v1"},
           {"served", true},
           {"storage", true},
           {"schema", {{"openAPIV3Schema", schema}}},
           {"subresources",
            {{"status", Json::object()},
             {"scale",
              {{"specReplicasPath", ".spec.size"}, {"statusReplicasPath", ".status.replicas"}}}}},
           {"additionalPrinterColumns",
            {{{"name", "Size"}, {"type", "integer"}, {"jsonPath", ".spec.size"}}}}}}}}}};
}

// Made before the first scenario, removed after the last.
class Furniture : public testing::Environment {
 public:
  void SetUp() override {
    cluster_under_test();  // says what is missing, if anything is
    ASSERT_LT(post("/api/v1/namespaces", {{"metadata", {{"name", ns()}}}}).status, 300);
    ASSERT_LT(post(crds_path, crd()).status, 300);
    ASSERT_TRUE(cluster_under_test().until([] { return get(probes()).status == 200; }));
  }
  void TearDown() override {
    remove(crds_path + "/" + probes_plural + "." + group());
    remove("/api/v1/namespaces/" + ns());
  }
};

[[maybe_unused]] const auto* const furniture = testing::AddGlobalTestEnvironment(new Furniture);

}  // namespace

Answer call(const std::string& method, const std::string& target, const Json& body,
            const std::string& content_type, const std::string& accept) {
  kube::HttpRequest request;
  request.method = method;
  request.target = target;
  request.headers = {{"accept", accept}};
  if (!body.is_null()) {
    request.headers.emplace_back("content-type", content_type);
    request.body = body.dump();
  }
  const auto response = cluster_under_test().transport().send(request);
  if (!response) {
    ADD_FAILURE() << method << " " << target << ": " << response.error().message;
    return {};
  }
  return {response->status, Json::parse(response->body, nullptr, false),
          std::string(response->header("retry-after"))};
}

Answer get(const std::string& target) { return call("GET", target); }
Answer post(const std::string& target, const Json& body) { return call("POST", target, body); }
Answer put(const std::string& target, const Json& body) { return call("PUT", target, body); }
Answer merge(const std::string& target, const Json& patch) {
  return call("PATCH", target, patch, "application/merge-patch+json");
}
Answer remove(const std::string& target, const Json& options) {
  return call("DELETE", target, options);
}
Answer apply(const std::string& target, const Json& object, const std::string& manager,
             bool force) {
  return call("PATCH", target + "?fieldManager=" + manager + "&force=" + (force ? "true" : "false"),
              object, "application/apply-patch+yaml");
}

std::uint64_t version_of(const Json& object) {
  return std::stoull(object.at("metadata").value("resourceVersion", "0"));
}
std::string uid_of(const Json& object) { return object.at("metadata").value("uid", ""); }

Watch::Watch(const std::string& target) {
  kube::HttpRequest request;
  request.target = target;
  request.headers = {{"accept", "application/json"}};
  auto opened = cluster_under_test().transport().open(request);
  if (!opened) {
    ADD_FAILURE() << target << ": " << opened.error().message;
    return;
  }
  stream_ = *std::move(opened);
  status_ = stream_->head().status;
}

Json Watch::next() {
  constexpr std::chrono::milliseconds kWait{100};
  Json event;
  cluster_under_test().until([&] {
    if (const auto read = stream_->read(kWait); read.outcome == kube::ByteStream::Outcome::kData) {
      pending_ += read.data;
    }
    const std::size_t end = pending_.find('\n');
    if (end == std::string::npos) {
      return false;
    }
    event = Json::parse(pending_.substr(0, end), nullptr, false);
    pending_.erase(0, end + 1);
    return true;
  });
  return event;
}

std::string Watch::next_summary() {
  const Json event = next();
  return event.is_object() ? event.value("type", "") + " " +
                                 event["object"].value("metadata", Json::object()).value("name", "")
                           : "nothing";
}

const std::string& ns() {
  static const std::string name = [] {
    std::random_device random;
    return "swo-contract-" + std::to_string(random() % 1'000'000);
  }();
  return name;
}

std::string maps() { return "/api/v1/namespaces/" + ns() + "/configmaps"; }
std::string probes() { return "/apis/" + group() + "/v1/namespaces/" + ns() + "/" + probes_plural; }

Json config_map(const std::string& name, const std::string& value) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}}},
          {"data", {{"key", value}}}};
}

Json probe(const std::string& name, const Json& spec) {
  return {{"apiVersion", group() + "/v1"},
          {"kind", "Probe"},
          {"metadata", {{"name", name}}},
          {"spec", spec}};
}

std::string Contract::name(const std::string& base) {
  static int made = 0;
  return base + "-" + std::to_string(++made);
}

}  // namespace swo::contract
