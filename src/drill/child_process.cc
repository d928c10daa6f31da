#include "drill/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <string_view>

namespace pgweir::drill {

namespace {

// Everything the child needs between fork and exec, where memory must not be allocated.
struct Launch {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<std::string> added;  // owns what environment points to
  int log_fd = -1;
  int report_fd = -1;
  pid_t parent = 0;
};

Launch prepare(ChildOptions& options) {
  Launch launch;
  for (std::string& argument : options.command) launch.arguments.push_back(argument.data());
  launch.arguments.push_back(nullptr);
  for (const auto& [name, value] : options.environment)
    launch.added.push_back(fmt::format("{}={}", name, value));
  for (std::string& entry : launch.added) launch.environment.push_back(entry.data());
  // The first of two equal names counts, so ours come after the added ones.
  for (char** entry = environ; *entry; ++entry) launch.environment.push_back(*entry);
  launch.environment.push_back(nullptr);
  launch.parent = getpid();
  return launch;
}

bool become(const std::optional<SystemUser>& user) {
  if (!user) return true;
  return setgroups(1, &user->gid) == 0 && setgid(user->gid) == 0 && setuid(user->uid) == 0;
}

// In the child: async-signal-safe calls only.
[[noreturn]] void exec_child(const ChildOptions& options, const Launch& launch) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (launch.log_fd >= 0) {
    dup2(launch.log_fd, STDOUT_FILENO);
    dup2(launch.log_fd, STDERR_FILENO);
  }
  // After the change of user, which clears it; and the parent may have died before it was set.
  if (become(options.user) && prctl(PR_SET_PDEATHSIG, options.stop_signal) == 0) {
    if (getppid() != launch.parent) _exit(1);
    execvpe(launch.arguments[0], launch.arguments.data(), launch.environment.data());
  }
  const int reason = errno;
  [[maybe_unused]] const ssize_t written = write(launch.report_fd, &reason, sizeof reason);
  _exit(127);
}

// 0 once the child has executed its program, else the errno that kept it from doing so.
int read_report(int fd) {
  int reason = 0;
  ssize_t got;
  do {
    got = read(fd, &reason, sizeof reason);
  } while (got < 0 && errno == EINTR);
  return got == sizeof reason ? reason : 0;
}

}  // namespace

base::Result<ChildProcess> ChildProcess::start(ChildOptions options) {
  const auto failed = [&](int reason) {
    return base::fail(base::ErrorCode::kInternal,
                      "cannot start " + options.command[0] + ": " + std::strerror(reason));
  };
  if (options.command.empty()) return base::fail(base::ErrorCode::kInternal, "no command to start");
  Launch launch = prepare(options);
  if (!options.log_path.empty()) {
    launch.log_fd = open(options.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (launch.log_fd < 0) {
      return base::fail(base::ErrorCode::kInternal,
                        "cannot write " + options.log_path + ": " + std::strerror(errno));
    }
  }
  std::array<int, 2> report{};
  if (pipe2(report.data(), O_CLOEXEC) != 0) return failed(errno);
  launch.report_fd = report[1];
  const pid_t pid = fork();
  if (pid == 0) exec_child(options, launch);
  const int fork_errno = errno;
  close(report[1]);
  if (launch.log_fd >= 0) close(launch.log_fd);
  const int reason = pid < 0 ? fork_errno : read_report(report[0]);
  close(report[0]);
  if (pid < 0) return failed(reason);
  if (reason != 0) {
    waitpid(pid, nullptr, 0);
    return failed(reason);
  }
  const auto pid_fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));  // glibc's header lacks extern "C"
  if (pid_fd < 0) {
    const int refused = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return failed(refused);
  }
  return ChildProcess(pid, pid_fd, options.stop_signal);
}

ChildProcess::ChildProcess(pid_t pid, int pid_fd, int stop_signal)
    : pid_(pid), pid_fd_(pid_fd), stop_signal_(stop_signal) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pid_fd_(std::exchange(other.pid_fd_, -1)),
      stop_signal_(other.stop_signal_),
      exit_code_(other.exit_code_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pid_fd_, other.pid_fd_);
  std::swap(stop_signal_, other.stop_signal_);
  std::swap(exit_code_, other.exit_code_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  stop();
  close(pid_fd_);
}

bool ChildProcess::ends_within(int timeout_ms) {
  pollfd end{.fd = pid_fd_, .events = POLLIN, .revents = 0};
  return poll(&end, 1, timeout_ms) > 0;
}

int ChildProcess::reap() {
  if (!exit_code_) {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return *exit_code_;
}

bool ChildProcess::running() {
  if (exit_code_) return false;
  if (!ends_within(0)) return true;
  reap();
  return false;
}

base::Result<int> ChildProcess::wait(int cancel_fd) {
  while (!exit_code_) {
    std::array<pollfd, 2> events{pollfd{.fd = pid_fd_, .events = POLLIN, .revents = 0},
                                 pollfd{.fd = cancel_fd, .events = POLLIN, .revents = 0}};
    if (poll(events.data(), events.size(), -1) <= 0) continue;
    if (events[0].revents) return reap();
    return base::fail(base::ErrorCode::kClosed, "stopped");
  }
  return *exit_code_;
}

int ChildProcess::stop(base::Nanos grace_ns) {
  if (exit_code_) return *exit_code_;
  kill(pid_, stop_signal_);
  if (!ends_within(static_cast<int>(grace_ns / base::kMillisecond))) kill(-pid_, SIGKILL);
  return reap();
}

std::string log_tail(const std::string& path, std::size_t lines) {
  std::ifstream file(path);
  std::deque<std::string> last;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    last.push_back(std::move(line));
    if (last.size() > lines) last.pop_front();
  }
  std::string tail;
  for (const std::string& line : last) tail += "\n  " + line;
  return tail;
}

}  // namespace pgweir::drill
