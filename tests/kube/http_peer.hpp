// The other end for transport tests: a server of raw sockets on 127.0.0.1 whose script decides each
// byte and each close, plain or with TLS, and certificates made on the spot.
//
// A script runs once per connection, on a thread of its own. The destructor cuts all connections
// and joins.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <openssl/ssl.h>

namespace swo::kube::test {

struct Identity {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

// A certificate authority of P-256 keys. Names are "DNS:api.test" or "IP:127.0.0.1".
class Authority {
 public:
  explicit Authority(const std::string& name);
  // One below another.
  Authority(const std::string& name, const Authority& parent);
  Identity issue(const std::string& common_name, const std::string& alternative_names,
                 int valid_from_days = -1, int valid_to_days = 1) const;
  const std::string& certificate() const { return self_.certificate; }

 private:
  Identity self_;
};

struct PeerRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // lower-case names; a repeated one joined by '\n'
  std::string body;
};

// One accepted connection.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  bool start_tls(SSL_CTX* context);
  // False when the client has gone.
  bool read_request(PeerRequest& request);
  std::string read_until(std::string_view delimiter);
  bool write(std::string_view bytes);
  // A whole answer with Content-Length.
  bool answer(int status, std::string_view body, std::string_view headers = "");
  void reset();                     // RST in place of FIN
  void cut();                       // from any thread: both directions end
  std::string client_name() const;  // the client certificate's subject, "" without one
  std::string server_name() const;  // what the client announced (SNI), "" without

 private:
  std::size_t read_some(char* data, std::size_t size);
  int fd_;
  SSL* tls_ = nullptr;
  std::string buffer_;
};

class Server {
 public:
  using Script = std::function<void(Peer&)>;
  struct Tls {
    Identity identity;
    std::string client_ca;   // PEM; demands a client certificate when set
    bool by_script = false;  // the script calls start_tls(), as behind a proxy
  };
  explicit Server(Script script) : Server(std::move(script), Tls{}) {}
  Server(Script script, const Tls& tls);
  ~Server();
  int port() const { return port_; }
  int accepted() const { return accepted_.load(); }
  // Waits until `predicate` holds; scripts call changed() after what it looks at. False after 10 s.
  bool wait_for(const std::function<bool()>& predicate);
  void changed();
  // What connections accepted from now on show.
  void show(const Identity& identity);
  SSL_CTX* context() const { return context_; }
  bool stopping() const { return stopping_.load(); }

 private:
  void accept_loop();

  Script script_;
  bool tls_by_script_;
  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> accepted_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Peer*> peers_;          // guarded by mutex_
  std::vector<std::thread> threads_;  // guarded by mutex_
  std::thread acceptor_;
};

// A script that answers each request of a connection until the client leaves.
Server::Script answering(std::function<bool(Peer&, const PeerRequest&)> answer);

}  // namespace swo::kube::test
