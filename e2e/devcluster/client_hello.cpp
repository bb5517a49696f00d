#include "devcluster/client_hello.hpp"

#include <memory>

#include <boost/asio/ssl/context.hpp>

namespace devcluster {

std::string server_name(std::string_view record) {
  // A server that has nothing but this record, and nobody to answer: it has no certificate either.
  static boost::asio::ssl::context context(boost::asio::ssl::context::tls_server);
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.native_handle()), SSL_free);
  SSL_set_bio(tls.get(), BIO_new_mem_buf(record.data(), static_cast<int>(record.size())),
              BIO_new(BIO_s_null()));  // takes both
  SSL_accept(tls.get());
  const char* const name = SSL_get_servername(tls.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? "" : name;
}

}  // namespace devcluster
