// A whole text written to a file that is there already, such as one of /proc or a cgroup's.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "node/fd.hpp"

namespace node {

// Throws std::system_error naming the path.
inline void write_file(const std::string& path, const std::string& text) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || write(file.get(), text.data(), text.size()) < 0) {
    throw std::system_error(errno, std::generic_category(), "write " + path);
  }
}

}  // namespace node
