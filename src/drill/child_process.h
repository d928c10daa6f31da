// A program we start and are sure to end.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pgweir::drill {

struct SystemUser {
  std::string name;
  uid_t uid;
  gid_t gid;
};

struct ChildOptions {
  std::vector<std::string> command;  // command[0] is looked up in PATH unless it holds a slash
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string log_path;            // output and errors are appended here; empty: to ours
  std::optional<SystemUser> user;  // to run as; only root can
  int stop_signal = SIGTERM;
};

// The child lives in a process group of its own, so that Ctrl-C on the terminal reaches only us and
// things end in order. It gets stop_signal from the kernel if the thread that started it ends: start
// children on a thread that outlives them. Not thread-safe.
class ChildProcess {
 public:
  // kInternal if it cannot be started, naming the command.
  static base::Result<ChildProcess> start(ChildOptions options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();  // stops it

  pid_t pid() const { return pid_; }
  bool running();

  // Waits for its end and returns its exit code (128 + signal if one ended it). kClosed as soon as
  // cancel_fd is readable, the child running on; -1 for none.
  base::Result<int> wait(int cancel_fd);

  // Sends stop_signal, waits for grace_ns, then kills. Returns the exit code. May be called again.
  int stop(base::Nanos grace_ns = 10 * base::kSecond);

 private:
  ChildProcess(pid_t pid, int pid_fd, int stop_signal);
  bool ends_within(int timeout_ms);
  int reap();

  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int stop_signal_ = SIGTERM;
  std::optional<int> exit_code_;  // once it has ended
};

// The last lines of a log, for an error message; empty if there are none.
std::string log_tail(const std::string& path, std::size_t lines);

}  // namespace pgweir::drill
