#include "node/pod_sandbox.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <arpa/inet.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/pod_error.hpp"
#include "node/volumes.hpp"

namespace node {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSandboxError = "FailedCreatePodSandBox";
constexpr std::uint32_t kIdsPerPod = 65536;  // KEP-127
constexpr std::uint32_t kFirstRange =
    4096;  // in units of kIdsPerPod: far above any user of the host
constexpr std::uint32_t kRangesPerSubnet = 128;  // more than a node's Pods
constexpr int kFirstAddress = 2;                 // .1 is the bridge

void write_owned(const fs::path& path, const std::string& text, std::uint32_t owner) {
  std::ofstream(path) << text;
  if (chown(path.c_str(), owner, owner) != 0) {
    throw PodError(kSandboxError, "chown " + path.string() + " failed");
  }
}

// The bridge. It is also named as the name server: nobody listens there, so a lookup fails at once,
// where an address that nobody has would keep services waiting.
std::string gateway(int subnet) { return "10.244." + std::to_string(subnet) + ".1"; }

// Made from the address, as OVN-Kubernetes does it (go-controller/pkg/util, IPAddrToHWAddr): a Pod
// that gets the address of one that has just gone is found by all who still remember that one.
std::string hardware_address(const std::string& ip) {
  in_addr address{};
  inet_pton(AF_INET, ip.c_str(), &address);
  const std::uint32_t number = ntohl(address.s_addr);
  std::array<char, sizeof "0a:58:ff:ff:ff:ff"> text{};
  std::snprintf(text.data(), text.size(), "0a:58:%02x:%02x:%02x:%02x", number >> 24U,
                number >> 16U & 0xffU, number >> 8U & 0xffU, number & 0xffU);
  return text.data();
}

void pin(const Fd& ns, const std::string& path) {
  std::ofstream(path).close();
  attach_mount(clone_mount(ns.get()), path);
}

}  // namespace

std::optional<int> Slots::take() {
  for (int slot = 0; slot < count_; ++slot) {
    if (taken_.insert(slot).second) return slot;
  }
  return std::nullopt;
}

PodSandbox::PodSandbox(const Machine& machine, const SandboxRequest& request)
    : machine_(machine),
      name_(request.uid),
      directory_("/run/pods/" + request.uid),
      cgroup_(pod_cgroup(request.pod, request.uid)) {
  try {
    set_up(request);
  } catch (...) {
    tear_down();
    throw;
  }
}

void PodSandbox::set_up(const SandboxRequest& request) {
  const Json& spec = request.pod.at("spec");
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC"}) {
    if (spec.value(field, false))
      throw PodError(kSandboxError, std::string(field) + " is not imitated");
  }
  if (spec.at("containers").size() != 1) {
    throw PodError(kSandboxError, "this node runs Pods of exactly one container");
  }
  if (wants_user_namespace(request.pod, request.rules)) {
    const std::uint32_t index = kFirstRange +
                                static_cast<std::uint32_t>(request.subnet) * kRangesPerSubnet +
                                static_cast<std::uint32_t>(request.slot);
    ids_ = IdRange{.first = index * kIdsPerPod, .size = kIdsPerPod};
  }
  namespaces_ = make_pod_namespaces(ids_);
  ip_ = "10.244." + std::to_string(request.subnet) + "." +
        std::to_string(request.slot + kFirstAddress);

  std::map<std::string, Fd> from_host;  // cloned outside, where the paths are the host's
  for (const auto& [volume, path] : volume_sources(request.pod, request.contents)) {
    try {
      from_host[volume] = clone_mount(path, namespaces_.user.get());
    } catch (const std::exception& e) {
      throw PodError("FailedMount", "failed to set MOUNT_ATTR_IDMAP or bind volume \"" + volume +
                                        "\": " + e.what());
    }
  }
  machine_.inside([&] {
    fs::create_directories(directory_ + "/volumes");
    pin(namespaces_.net, "/run/netns/" + name_);
    if (ids_) pin(namespaces_.user, directory_ + "/userns");
    volumes_ = write_volumes(request.pod, request.contents, directory_ + "/volumes", owner(), ip_);
    for (const auto& [volume, tree] : from_host) {
      attach_mount(tree, volumes_.at(volume));
      mounted_.insert(volumes_.at(volume));
    }
    write_owned(directory_ + "/hosts", etc_hosts(request.pod, ip_), owner());
    write_owned(directory_ + "/hostname", pod_hostname(request.pod) + "\n", owner());
    write_owned(directory_ + "/resolv.conf", resolv_conf(request.pod, gateway(request.subnet)),
                owner());
    write_owned(directory_ + "/termination-log", "", owner());
    chmod((directory_ + "/termination-log").c_str(),
          0666);  // as the kubelet leaves it: any user may write
  });
  set_up_network(request.slot, request.subnet);
}

void PodSandbox::set_up_network(int slot, int subnet) {
  const std::string veth = "veth" + std::to_string(slot);
  machine_.run_inside(
      {"sh", "-ec",
       "ip link add \"$1\" type veth peer name eth0 address \"$6\" netns \"$2\"\n"
       "ip link set \"$1\" master \"$3\" up\n"
       "ip -n \"$2\" -batch - <<EOF\n"
       "link set lo up\naddr add $4/24 dev eth0\nlink set eth0 up\nroute add default via $5\n"
       "EOF",
       "sh", veth, name_, Machine::kBridge, ip_, gateway(subnet), hardware_address(ip_)});
}

PodSandbox::~PodSandbox() { tear_down(); }

void PodSandbox::tear_down() {
  try {
    machine_.inside([&] {
      for (const std::string& path : mounted_) umount2(path.c_str(), MNT_DETACH);
      umount2((directory_ + "/userns").c_str(), MNT_DETACH);
      umount2(("/run/netns/" + name_).c_str(), MNT_DETACH);
      std::error_code ignored;
      fs::remove("/run/netns/" + name_, ignored);
      fs::remove_all(directory_, ignored);
    });
  } catch (const std::exception&) {
    // The machine is going: it takes all of this with it.
  }
  remove_cgroup(machine_.host_cgroup() + cgroup_);
}

Sandbox PodSandbox::for_container(const Json& container, Env env) const {
  Sandbox out;
  out.network_namespace = "/run/netns/" + name_;
  if (ids_) out.user_namespace = directory_ + "/userns";
  out.ids = ids_;
  out.mounts = {{directory_ + "/hosts", "/etc/hosts", false},
                {directory_ + "/hostname", "/etc/hostname", false},
                {directory_ + "/resolv.conf", "/etc/resolv.conf", false},
                {directory_ + "/termination-log",
                 container.value("terminationMessagePath", "/dev/termination-log"), false}};
  for (BindMount& mount : volume_mounts(container, volumes_, env, owner()))
    out.mounts.push_back(std::move(mount));
  out.env = std::move(env);
  return out;
}

}  // namespace node
