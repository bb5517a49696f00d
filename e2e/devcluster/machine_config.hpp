// The Machine Config Operator: MachineConfigs of a role become one rendered configuration, and the
// pool's nodes get it one after the other by drain and reboot.
//
// Source: openshift/machine-config-operator pkg/controller/render, pkg/controller/node (status.go
// for the conditions and counts), pkg/controller/common (MergeMachineConfigs),
// pkg/controller/kubelet-config (97-<pool>-generated-kubelet from nodes.config), pkg/daemon
// (drain.go, update.go).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "devcluster/controller.hpp"

namespace devcluster {

class MachineConfigOperator final : public Controller {
 public:
  using Power = std::function<void(const std::string& node, bool up)>;
  MachineConfigOperator(World& world, Power power);

  void observe(const Delta& delta) override;
  void work(Time now) override;
  std::optional<Time> due() const override { return due_; }

  // How often this pool's target has changed since the cluster was made: each is a round of
  // reboots.
  int rollouts(const std::string& pool) const { return count_of(rollouts_, pool); }
  int reboots(const std::string& node) const { return count_of(reboots_, node); }
  // The pool's next nodes fail to take their configuration; "" ends it.
  void degrade(const std::string& pool, std::string message);

 private:
  struct Rolling {  // a node under way
    enum class Step { kDrain, kReboot } step = Step::kDrain;
    Time until{};
  };
  using Counts = std::map<std::string, int>;
  static int count_of(const Counts& counts, const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() ? 0 : found->second;
  }
  void render(const std::string& pool, Time now);
  void roll(const std::string& pool, Time now);
  bool go_on(const Json& node, Time now);
  void annotate(const Json& node, const Json& annotations, const Json& spec = Json::object());
  void generate_kubelet_config();
  void apply_to_machine(const std::string& node, const std::string& config);
  void write_status(const Json& pool, Time now);
  std::vector<Json> nodes_of(const std::string& pool);
  bool same_content(const std::string& one, const std::string& other);
  bool drained(const std::string& node);
  void wake(Time when);

  const Power power_;
  bool dirty_ = true, configs_changed_ = true;
  std::optional<Time> render_at_, due_;
  std::map<std::string, Rolling> rolling_;
  Counts rollouts_, reboots_;
  std::map<std::string, std::string> degraded_;
};

}  // namespace devcluster
