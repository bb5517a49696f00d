// A program in a running container whose streams are held from outside, as `crun exec` starts it.
// Destroying it ends the program. Not thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "node/fd.hpp"

namespace node {

struct ExecRequest {
  std::vector<std::string> command;
  bool tty = false;    // a terminal: one stream for output and errors
  bool input = false;  // else it reads the end of a file at once
};

class RunningExec {
 public:
  // `line` is the command line that runs crun, complete; `clean_up` is called once, at the end: it
  // ends what crun may have left. Throws std::system_error.
  RunningExec(const std::vector<std::string>& line, const ExecRequest& request,
              std::function<void()> clean_up);
  ~RunningExec();
  RunningExec(const RunningExec&) = delete;
  RunningExec& operator=(const RunningExec&) = delete;

  // Descriptors, owned by this; -1 where there is none.
  int input() const { return input_.get(); }
  int output() const { return output_.get(); }
  int errors() const { return errors_.get(); }
  int ended() const { return pidfd_.get(); }  // readable once the program has ended
  void close_input() { input_.reset(); }
  void resize(int rows, int columns) const;  // of the terminal
  int wait();                                // for its end; the exit code

 private:
  std::function<void()> clean_up_;
  Fd input_, output_, errors_, pidfd_;
  bool tty_;
  pid_t pid_ = 0;
};

}  // namespace node
