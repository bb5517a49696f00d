// A program's streams over a WebSocket: binary messages whose first byte is the channel.
//
// Channels: 0 input, 1 output, 2 errors, 3 the end as a Status, 4 size of the terminal, 255 (v5)
// names a channel that the client closes. Source: k8s.io/apimachinery pkg/util/remotecommand,
// k8s.io/client-go tools/remotecommand (v4.go for the Status, websocket.go). All coroutines of one
// conversation run on its connection's strand.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "node/exec.hpp"

namespace devcluster {

// The Status of channel 3.
inline std::string end_status(int exit_code) {
  using nlohmann::json;
  json status = {{"metadata", json::object()}, {"status", "Success"}};
  if (exit_code != 0) {
    const std::string code = std::to_string(exit_code);
    status["status"] = "Failure";
    status["reason"] = "NonZeroExitCode";
    status["message"] = "command terminated with non-zero exit code: exit status " + code;
    status["details"]["causes"] = json::array({{{"reason", "ExitCode"}, {"message", code}}});
  }
  return status.dump();
}

template <typename Stream>
class RemoteCommand : public std::enable_shared_from_this<RemoteCommand<Stream>> {
 public:
  RemoteCommand(Stream& stream, std::shared_ptr<node::RunningExec> program)
      : socket_(stream), program_(std::move(program)), bell_(stream.get_executor()) {}

  // Until the program has ended or the client is gone.
  template <typename Request>
  boost::asio::awaitable<void> run(const Request& request, const std::string& subprotocol) {
    namespace websocket = boost::beast::websocket;
    socket_.set_option(websocket::stream_base::timeout::suggested(boost::beast::role_type::server));
    socket_.set_option(websocket::stream_base::decorator([&](websocket::response_type& response) {
      response.set(boost::beast::http::field::sec_websocket_protocol, subprotocol);
    }));
    socket_.binary(true);
    co_await socket_.async_accept(request, boost::asio::use_awaitable);
    open(input_, program_->input());
    open(ended_, program_->ended());
    start(watch_for_end());
    start(listen());
    for (const auto& [descriptor, fd, channel] :
         {std::tuple{&output_, program_->output(), kOutput},
          std::tuple{&errors_, program_->errors(), kErrors}}) {
      if (fd < 0) continue;
      open(*descriptor, fd);
      ++pumps_;
      start(pump(**descriptor, channel));
    }
    co_await write_all();
    if (!gone_) {
      co_await send(std::string(1, kStatus) + end_status(program_->wait()));
      boost::system::error_code ignored;
      co_await socket_.async_close(websocket::close_code::normal, into(ignored));
    }
    program_.reset();
    for (auto* descriptor : {&input_, &output_, &errors_, &ended_}) {
      if (*descriptor) (*descriptor)->cancel();
    }
    while (running_ > 0) co_await wait(bell_);
  }

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  static constexpr char kInput = 0, kOutput = 1, kErrors = 2, kStatus = 3, kResize = 4;
  static constexpr char kClose = static_cast<char>(255);
  static constexpr std::size_t kPart = 32768;
  // A client that reads slowly holds the program up rather than fill our memory.
  static constexpr std::size_t kMostQueued = 64;

  void open(std::optional<Descriptor>& descriptor, int fd) {
    if (fd >= 0) descriptor.emplace(socket_.get_executor(), ::dup(fd));
  }

  void start(boost::asio::awaitable<void> part) {
    ++running_;
    boost::asio::co_spawn(
        socket_.get_executor(),
        [self = this->shared_from_this(), part = std::move(part)]() mutable {
          return std::move(part);
        },
        [self = this->shared_from_this()](const std::exception_ptr&) {
          --self->running_;
          self->bell_.cancel();
        });
  }

  static auto into(boost::system::error_code& error) {
    return boost::asio::redirect_error(boost::asio::use_awaitable, error);
  }

  // Until it is cancelled.
  static boost::asio::awaitable<void> wait(boost::asio::steady_timer& bell) {
    boost::system::error_code ignored;
    bell.expires_at(std::chrono::steady_clock::time_point::max());
    co_await bell.async_wait(into(ignored));
  }

  boost::asio::awaitable<void> send(std::string frame) {
    boost::system::error_code error;
    co_await socket_.async_write(boost::asio::buffer(frame), into(error));
    gone_ = gone_ || error;
  }

  boost::asio::awaitable<void> write_all() {
    while (!gone_) {
      if (!outbox_.empty()) {
        std::string frame = std::move(outbox_.front());
        outbox_.pop_front();
        if (outbox_.size() == kMostQueued - 1) room_.cancel();
        co_await send(std::move(frame));
      } else if (program_ended_ && pumps_ == 0) {
        co_return;
      } else {
        co_await wait(bell_);
      }
    }
  }

  boost::asio::awaitable<void> pump(Descriptor& from, char channel) {
    std::array<char, kPart> part{};
    part[0] = channel;
    boost::system::error_code error;
    while (!gone_) {
      if (outbox_.size() >= kMostQueued) {
        co_await wait(room_);
        continue;
      }
      const auto room = boost::asio::buffer(part) + 1;
      std::size_t got = 0;
      if (program_ended_) {
        // What it has written is there; who else holds its output, it does not wait for.
        const ssize_t n = ::read(from.native_handle(), room.data(), room.size());
        got = n > 0 ? static_cast<std::size_t>(n) : 0;
        if (got == 0) break;
      } else {
        got = co_await from.async_read_some(room, into(error));
        if (error == boost::asio::error::operation_aborted && program_ended_) continue;
        if (error) break;
      }
      outbox_.emplace_back(part.data(), got + 1);
      bell_.cancel();
    }
    --pumps_;
    bell_.cancel();
  }

  boost::asio::awaitable<void> watch_for_end() {
    boost::system::error_code error;
    co_await ended_->async_wait(Descriptor::wait_read, into(error));
    program_ended_ = true;
    for (auto* descriptor : {&input_, &output_, &errors_}) {
      if (*descriptor) (*descriptor)->cancel();
    }
    bell_.cancel();
  }

  boost::asio::awaitable<void> listen() {
    for (;;) {
      boost::beast::flat_buffer message;
      boost::system::error_code error;
      co_await socket_.async_read(message, into(error));
      if (error) break;
      const std::string text = boost::beast::buffers_to_string(message.data());
      if (!text.empty()) co_await take(text[0], text.substr(1));
    }
    gone_ = true;
    bell_.cancel();
    room_.cancel();
  }

  boost::asio::awaitable<void> take(char channel, std::string text) {
    if (channel == kInput && input_) {
      boost::system::error_code ignored;  // a program that reads no more
      co_await boost::asio::async_write(*input_, boost::asio::buffer(text), into(ignored));
    } else if (channel == kClose && text == std::string(1, kInput)) {
      input_.reset();
      if (program_) program_->close_input();
    } else if (channel == kResize && program_) {
      const auto size = nlohmann::json::parse(text, nullptr, false);
      if (size.is_object()) program_->resize(size.value("Height", 0), size.value("Width", 0));
    }
  }

  boost::beast::websocket::stream<Stream&> socket_;
  std::shared_ptr<node::RunningExec> program_;
  boost::asio::steady_timer bell_;  // something has come or ended
  boost::asio::steady_timer room_{socket_.get_executor()};
  std::optional<Descriptor> input_, output_, errors_, ended_;
  std::deque<std::string> outbox_;
  int pumps_ = 0, running_ = 0;
  bool program_ended_ = false, gone_ = false;
};

}  // namespace devcluster
