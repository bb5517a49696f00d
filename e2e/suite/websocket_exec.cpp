#include "websocket_exec.hpp"

#include <cctype>
#include <stdexcept>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace e2e {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;

constexpr char kInput = 0, kOutput = 1, kErrors = 2, kStatus = 3;
constexpr char kClose = static_cast<char>(255);

std::string escaped(const std::string& text) {
  static const char* const kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return out;
}

}  // namespace

ExecResult exec_by_websocket(const Stand& stand, const std::string& ns, const std::string& pod,
                             const std::vector<std::string>& command, const std::string& input) {
  const Json config = Json::parse(stand.kubectl({"config", "view", "--raw", "-o", "json"}));
  const std::string server = config.at("clusters").at(0).at("cluster").at("server");
  const std::string token = config.at("users").at(0).at("user").at("token");
  const std::string port = server.substr(server.rfind(':') + 1);

  asio::io_context io;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  websocket::stream<asio::ssl::stream<asio::ip::tcp::socket>> socket(io, tls);
  boost::beast::get_lowest_layer(socket).connect(
      {asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::stoi(port))});
  socket.next_layer().handshake(asio::ssl::stream_base::client);
  socket.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
    request.set(boost::beast::http::field::authorization, "Bearer " + token);
    request.set(boost::beast::http::field::sec_websocket_protocol, "v5.channel.k8s.io");
  }));
  std::string target =
      "/api/v1/namespaces/" + ns + "/pods/" + pod + "/exec?stdin=true&stdout=true&stderr=true";
  for (const std::string& word : command) target += "&command=" + escaped(word);
  socket.handshake("127.0.0.1", target);
  socket.binary(true);
  socket.write(asio::buffer(std::string(1, kInput) + input));
  socket.write(asio::buffer(std::string{kClose, kInput}));

  ExecResult result;
  for (;;) {
    boost::beast::flat_buffer message;
    boost::system::error_code end;
    socket.read(message, end);
    if (end == websocket::error::closed) return result;
    if (end) throw std::runtime_error("exec: " + end.message());
    const std::string text = boost::beast::buffers_to_string(message.data());
    if (text.empty()) continue;
    if (text[0] == kOutput) result.output += text.substr(1);
    if (text[0] == kErrors) result.errors += text.substr(1);
    if (text[0] == kStatus) result.status = Json::parse(text.substr(1));
  }
}

}  // namespace e2e
