#include <gtest/gtest.h>
#include <iostream>
#include <thread>
#include "node/pod_runtime.hpp"
#include "node/image_store.hpp"
#include <sys/socket.h>
#include <unistd.h>
TEST(Try, It) {
  ASSERT_EQ(node::unsupported_because(), "");
  node::PodRuntime rt({.state_dir = "/tmp/podruntime-try", .image_dir = node::demo_image_dir()});
  node::Json pod = {{"metadata", {{"name", "nginx"},{"namespace","demo"}}},
    {"spec", {{"hostUsers", false}, {"containers", {{{"name","c"},{"image","localhost/test-nginx:latest"},{"tty",true},{"command",{"/sbin/init"}}}}}}}};
  rt.start("aaaa-1", pod, {});
  for (int i = 0; i < 100; ++i) { auto s = *rt.state("aaaa-1"); if (s.phase != node::ContainerState::Phase::kCreating) { std::cout << int(s.phase) << s.error << "\n"; break; } usleep(50000); }
  int fd = -1;
  for (int i = 0; i < 100 && fd < 0; ++i) { fd = rt.connect_to("aaaa-1", 80); usleep(50000); }
  std::string q = "HEAD / HTTP/1.0\r\n\r\n"; (void)!write(fd, q.data(), q.size()); char b[1000]; int n = read(fd, b, 1000); std::cout << std::string(b, n > 0 ? n : 0);
  auto v = rt.host_view("aaaa-1"); if (v) { std::cout << v->pid << " uid " << v->host_uid << " map " << v->uid_map << " cg " << v->cgroup_owner_uid; for (auto& x : v->namespaces) std::cout << " " << x; }
  std::cout << rt.exec("aaaa-1", {"sh","-c","systemctl is-system-running --wait; systemctl --failed; systemctl list-jobs; env; ip a; cat /proc/1/cgroup; mount; uptime"}, std::chrono::seconds(20)).output;
  rt.stop("aaaa-1", std::chrono::seconds(20));
  for (int i = 0; i < 400; ++i) { auto s = *rt.state("aaaa-1"); if (s.phase == node::ContainerState::Phase::kExited) { std::cout << "exit " << s.exit_code << "\n"; break; } usleep(50000); }
  std::cout << rt.log("aaaa-1");
}
