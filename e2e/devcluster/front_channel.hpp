// One end of a connection through the front door: a socket, with TLS over it or without. Blocking;
// by one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace devcluster {

class Channel {
 public:
  explicit Channel(int socket);  // takes it
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int socket() const { return socket_; }
  // False: there was no handshake.
  bool accept_tls(SSL_CTX* context);
  bool connect_tls(SSL_CTX* context, const std::string& name);

  // What has come, at most `size` bytes; nothing at the end, and after half a minute of silence.
  std::size_t read(char* into, std::size_t size);
  bool write(std::string_view text);
  // Something has been read from the socket that read() has not given yet.
  bool holds() const { return tls_ && SSL_pending(tls_.get()) > 0; }
  // The TLS record that comes first, left in place; "" where none comes.
  std::string first_record() const;

 private:
  struct FreeSsl {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };
  SSL* start_tls(SSL_CTX* context);

  int socket_;
  std::unique_ptr<SSL, FreeSsl> tls_;
};

// Both ways, until one side ends or nothing has come for half a minute.
void splice(Channel& client, Channel& pod);

}  // namespace devcluster
