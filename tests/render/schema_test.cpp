// The OpenShift objects against OpenShift's own published schemas, where these are at hand
// (openshift/api payload-manifests/crds): in openshift/crds of a folder beside the sources, or in
// the folder that SWO_OPENSHIFT_CRDS names.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support.hpp"

namespace swo::render::test {
namespace {

// Empty when there is none.
std::filesystem::path schemas() {
  namespace fs = std::filesystem;
  if (const char* folder = std::getenv("SWO_OPENSHIFT_CRDS")) return folder;
  std::error_code ignored;
  for (const auto& beside :
       fs::directory_iterator(fs::path(SWO_SOURCE_DIR).parent_path(), ignored)) {
    if (const fs::path folder = beside.path() / "openshift" / "crds"; fs::exists(folder, ignored)) {
      return folder;
    }
  }
  return {};
}

// The structural part of an OpenAPI v3 schema, as an API server holds objects against it.
class Validator {
 public:
  std::vector<std::string> faults;

  void check(const Json& value, const Json& schema, const std::string& path) {
    if (value.is_null() && schema.value("nullable", false)) return;
    if (schema.value("x-kubernetes-int-or-string", false)) {
      if (!value.is_number_integer() && !value.is_string()) fault(path, "neither number nor text");
      return;
    }
    if (schema.contains("enum") &&
        std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
      fault(path, value.dump() + " is not one of " + schema["enum"].dump());
    }
    const std::string type = schema.value("type", "");
    if (!type.empty() && !has_type(value, type)) {
      fault(path, value.dump() + " is not of type " + type);
    } else if (value.is_object()) {
      check_object(value, schema, path);
    } else if (value.is_array()) {
      if (value.size() > schema.value("maxItems", value.size())) fault(path, "too many items");
      for (std::size_t i = 0; schema.contains("items") && i < value.size(); ++i) {
        check(value[i], schema["items"], path + "[" + std::to_string(i) + "]");
      }
    } else if (value.is_string()) {
      check_text(value.get<std::string>(), schema, path);
    } else if (value.is_number()) {
      if (value < schema.value("minimum", value) || value > schema.value("maximum", value)) {
        fault(path, value.dump() + " is out of bounds");
      }
    }
  }

 private:
  void fault(const std::string& path, const std::string& what) {
    faults.push_back(path + ": " + what);
  }

  static bool has_type(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer") return value.is_number_integer();
    return type == "number" && value.is_number();
  }

  void check_object(const Json& value, const Json& schema, const std::string& path) {
    for (const Json& name : schema.value("required", Json::array())) {
      if (!value.contains(name.get<std::string>())) fault(path, "lacks " + name.dump());
    }
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [key, member] : value.items()) {
      if (path.empty() && (key == "apiVersion" || key == "kind" || key == "metadata")) continue;
      if (properties.contains(key)) {
        check(member, properties[key], path + "." + key);
      } else if (schema.contains("additionalProperties")) {
        if (schema["additionalProperties"].is_object()) {
          check(member, schema["additionalProperties"], path + "." + key);
        }
      } else if (!schema.value("x-kubernetes-preserve-unknown-fields", false)) {
        fault(path + "." + key, "no such field");
      }
    }
  }

  void check_text(const std::string& text, const Json& schema, const std::string& path) {
    if (text.size() < schema.value("minLength", std::size_t{0}) ||
        text.size() > schema.value("maxLength", text.size())) {
      fault(path, "length " + std::to_string(text.size()));
    }
    if (schema.contains("pattern") &&
        !std::regex_search(text, std::regex(schema["pattern"].get<std::string>()))) {
      fault(path, "does not match " + schema["pattern"].dump());
    }
  }
};

class Schema : public testing::Test {
 protected:
  void SetUp() override {
    if (schemas().empty()) {
      GTEST_SKIP() << "OpenShift's schemas are not at hand: set SWO_OPENSHIFT_CRDS";
    }
  }

  static std::vector<std::string> faults_of(const Json& object, const std::string& file) {
    const Json crd = yaml(read_file(schemas() / file));
    EXPECT_EQ(object["kind"], crd["spec"]["names"]["kind"]);
    for (const Json& version : crd["spec"]["versions"]) {
      if (object["apiVersion"] ==
          crd["spec"]["group"].get<std::string>() + "/" + version["name"].get<std::string>()) {
        Validator validator;
        validator.check(object, version["schema"]["openAPIV3Schema"], "");
        return validator.faults;
      }
    }
    return {"no such version: " + object["apiVersion"].dump()};
  }
};

const std::vector<std::string> kNone;

TEST_F(Schema, TakesTheScc) {
  for (const bool level : {false, true}) {
    for (const auto& capabilities : {std::vector<std::string>{}, {"SYS_ADMIN", "MKNOD"}}) {
      EXPECT_EQ(faults_of(security_context_constraints("systemd-workload", capabilities, level),
                          "securitycontextconstraints.crd.yaml"),
                kNone);
    }
  }
}

TEST_F(Schema, TakesTheRouteWithEachKindOfTls) {
  for (const char* route :
       {"{}", "{host: a.example.com, path: /x, targetPort: http, annotations: {a: b}}",
        "{tls: {termination: edge, insecureEdgeTerminationPolicy: Redirect, certificateSecret: "
        "tls}}",
        "{tls: {termination: passthrough}}",
        "{tls: {termination: reencrypt, certificateSecret: tls, destinationCACertificate: "
        "\"-----BEGIN CERTIFICATE-----\\n\"}}"}) {
    const api::Workload one =
        workload("{ports: [{name: http, port: 80}], route: " + std::string(route) + "}");
    EXPECT_EQ(faults_of(render::route(one), "routes.crd.yaml"), kNone) << route;
  }
}

TEST_F(Schema, TakesTheMachineConfig) {
  for (const bool arguments : {false, true}) {
    for (const bool files : {false, true}) {
      for (const bool table : {false, true}) {
        EXPECT_EQ(faults_of(machine_config({.pool = "worker",
                                            .kernel_arguments = arguments,
                                            .crio_files = files,
                                            .crio_runtime_table = files && table}),
                            "machineconfigs.crd.yaml"),
                  kNone);
      }
    }
  }
}

TEST_F(Schema, TakesTheNodesConfig) {
  EXPECT_EQ(faults_of(nodes_config(), "nodes.config.crd.yaml"), kNone);
}

TEST_F(Schema, WouldRefuseWhatIsWrong) {
  Json scc = security_context_constraints("a", {}, true);
  scc["allowHostPid"] = true;
  scc["allowHostPID"] = "no";
  scc["userNamespaceLevel"] = "Sometimes";
  scc.erase("volumes");
  EXPECT_EQ(faults_of(scc, "securitycontextconstraints.crd.yaml").size(), 4U);
}

}  // namespace
}  // namespace swo::render::test
