// SIGTERM and SIGINT as something to wait for, instead of a handler.
#pragma once

#include <chrono>
#include <string>

namespace swo::cli {

// Blocks both signals in this thread and in those it starts: call it first in main's thread. With
// SIGPIPE ignored, a connection that the server closed is an error of that connection.
void block_stop_signals();

// Waits at most `limit`; the signal's name, or "" when none came.
std::string wait_for_stop(std::chrono::milliseconds limit);

}  // namespace swo::cli
