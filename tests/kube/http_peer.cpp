#include "http_peer.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

namespace swo::kube::test {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_ctrl(bio, BIO_CTRL_INFO, 0, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

std::string pem_of(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  return text_of(bio);
}

std::string pem_of(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio);
}

X509* certificate_from(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

EVP_PKEY* key_from(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return key;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) throw std::invalid_argument("certificate extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`, or by itself when that is null.
Identity make_certificate(const std::string& common_name, const std::string& names,
                          const Identity* issuer, int from_days, int to_days, bool is_ca) {
  static std::atomic<long> serial{1};
  constexpr long kDay = 24L * 60 * 60;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from_days * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), to_days * kDay);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509* parent = issuer != nullptr ? certificate_from(issuer->certificate) : certificate;
  EVP_PKEY* signer = issuer != nullptr ? key_from(issuer->key) : key;
  X509_set_issuer_name(certificate, X509_get_subject_name(parent));
  if (is_ca) {
    add_extension(certificate, parent, NID_basic_constraints, "critical,CA:TRUE");
  } else if (!names.empty()) {
    add_extension(certificate, parent, NID_subject_alt_name, names);
  }
  X509_sign(certificate, signer, EVP_sha256());
  Identity out{pem_of(certificate), pem_of(key)};
  if (issuer != nullptr) {
    X509_free(parent);
    EVP_PKEY_free(signer);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return out;
}

}  // namespace

Authority::Authority(const std::string& name)
    : self_(make_certificate(name, "", nullptr, -1, 1, true)) {}

Authority::Authority(const std::string& name, const Authority& parent)
    : self_(make_certificate(name, "", &parent.self_, -1, 1, true)) {}

Identity Authority::issue(const std::string& common_name, const std::string& alternative_names,
                          int valid_from_days, int valid_to_days) const {
  return make_certificate(common_name, alternative_names, &self_, valid_from_days, valid_to_days,
                          false);
}

Peer::~Peer() {
  if (tls_ != nullptr) {
    SSL_shutdown(tls_);
    SSL_free(tls_);
  }
  ::close(fd_);
}

bool Peer::start_tls(SSL_CTX* context) {
  tls_ = SSL_new(context);
  SSL_set_fd(tls_, fd_);
  return SSL_accept(tls_) == 1;
}

std::size_t Peer::read_some(char* data, std::size_t size) {
  const auto got =
      tls_ != nullptr ? SSL_read(tls_, data, static_cast<int>(size)) : ::recv(fd_, data, size, 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

std::string Peer::read_until(std::string_view delimiter) {
  std::array<char, 16384> block{};
  std::size_t end = 0;
  while ((end = buffer_.find(delimiter)) == std::string::npos) {
    const std::size_t got = read_some(block.data(), block.size());
    if (got == 0) return {};
    buffer_.append(block.data(), got);
  }
  std::string text = buffer_.substr(0, end + delimiter.size());
  buffer_.erase(0, text.size());
  return text;
}

bool Peer::read_request(PeerRequest& request) {
  std::string head = read_until("\r\n\r\n");
  if (head.empty()) return false;
  request = {};
  const std::size_t line = head.find("\r\n");
  const std::string first = head.substr(0, line);
  request.method = first.substr(0, first.find(' '));
  request.target = first.substr(request.method.size() + 1);
  request.target.resize(request.target.rfind(' '));
  for (std::size_t at = line + 2; at < head.size() - 2;) {
    const std::size_t end = head.find("\r\n", at);
    const std::size_t colon = head.find(':', at);
    std::string name = head.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    const std::size_t value = head.find_first_not_of(' ', colon + 1);
    auto& slot = request.headers[name];
    slot += (slot.empty() ? "" : "\n") + head.substr(value, end - value);
    at = end + 2;
  }
  const auto length = request.headers.find("content-length");
  if (length == request.headers.end()) return true;
  const auto size = std::strtoull(length->second.c_str(), nullptr, 10);
  std::array<char, 65536> block{};
  while (buffer_.size() < size) {
    const std::size_t got = read_some(block.data(), block.size());
    if (got == 0) return false;
    buffer_.append(block.data(), got);
  }
  request.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return true;
}

bool Peer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = tls_ != nullptr ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                     : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

bool Peer::answer(int status, std::string_view body, std::string_view headers) {
  std::string text = "HTTP/1.1 " + std::to_string(status) +
                     " Text\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  text.append(headers).append("\r\n").append(body);
  return write(text);
}

void Peer::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  if (tls_ != nullptr) SSL_set_quiet_shutdown(tls_, 1);
}

void Peer::cut() { ::shutdown(fd_, SHUT_RDWR); }

std::string Peer::client_name() const {
  X509* certificate = tls_ != nullptr ? SSL_get1_peer_certificate(tls_) : nullptr;
  if (certificate == nullptr) return {};
  std::array<char, 256> text{};
  X509_NAME_oneline(X509_get_subject_name(certificate), text.data(), text.size());
  X509_free(certificate);
  return text.data();
}

std::string Peer::server_name() const {
  const char* name =
      tls_ != nullptr ? SSL_get_servername(tls_, TLSEXT_NAMETYPE_host_name) : nullptr;
  return name != nullptr ? name : "";
}

Server::Server(Script script, const Tls& tls)
    : script_(std::move(script)), tls_by_script_(tls.by_script) {
  if (!tls.identity.key.empty()) {
    context_ = SSL_CTX_new(TLS_server_method());
    // A client that has gone shows in write()'s result, not as a signal.
    std::signal(SIGPIPE, SIG_IGN);
    show(tls.identity);
    if (!tls.client_ca.empty()) {
      X509* ca = certificate_from(tls.client_ca);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), ca);
      X509_free(ca);
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 64) != 0) {
    throw std::runtime_error("cannot listen on 127.0.0.1");
  }
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

Server::~Server() {
  stopping_ = true;
  changed();
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    for (Peer* peer : peers_) peer->cut();
    threads.swap(threads_);
  }
  for (auto& thread : threads) thread.join();
  SSL_CTX_free(context_);
}

void Server::show(const Identity& identity) {
  const std::lock_guard lock(mutex_);
  X509* certificate = certificate_from(identity.certificate);
  EVP_PKEY* key = key_from(identity.key);
  SSL_CTX_use_cert_and_key(context_, certificate, key, nullptr, 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

void Server::accept_loop() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    // Without it each small write of a script waits for the acknowledgement of the one before.
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto peer = std::make_unique<Peer>(fd);
    const std::lock_guard lock(mutex_);
    peers_.push_back(peer.get());
    threads_.emplace_back([this, peer = std::move(peer)]() mutable {
      ++accepted_;
      changed();
      if (context_ == nullptr || tls_by_script_ || peer->start_tls(context_)) script_(*peer);
      {
        const std::lock_guard guard(mutex_);
        std::erase(peers_, peer.get());
      }
      peer.reset();
      changed();
    });
  }
}

bool Server::wait_for(const std::function<bool()>& predicate) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), predicate);
}

void Server::changed() {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

Server::Script answering(std::function<bool(Peer&, const PeerRequest&)> answer) {
  return [answer = std::move(answer)](Peer& peer) {
    PeerRequest request;
    while (peer.read_request(request) && answer(peer, request)) {
    }
  };
}

}  // namespace swo::kube::test
