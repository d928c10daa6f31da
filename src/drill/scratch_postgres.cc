#include "drill/scratch_postgres.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "base/hash.h"
#include "drill/http_get.h"

namespace pgweir::drill {

namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::kMillisecond;
using base::kSecond;
using base::Result;

constexpr base::Nanos kPause = 20 * kMillisecond;
constexpr int kStartTries = 60 * 50;  // a minute of pauses: recovery after a crash may take a while
constexpr int kLockTries = 10 * 50;   // ten seconds: the last run's server may still be shutting down
constexpr base::Nanos kStopGrace = 30 * kSecond;

// Everything in the directory has a name that says whose it is; only these are ever removed.
constexpr const char* kDataName = "scratch-postgres";
constexpr const char* kPasswordName = "scratch-postgres.password";
constexpr const char* kReadyName = "scratch-postgres.ready";
constexpr const char* kStampName = "scratch-postgres.stamp";
constexpr const char* kLockName = "scratch-postgres.lock";
constexpr const char* kLogName = "scratch-postgres.log";

std::string read_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Result<void> write_private(const fs::path& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int reason = errno;
  if (fd >= 0) close(fd);
  if (!written)
    return fail(ErrorCode::kInternal, "cannot write " + path.string() + ": " + std::strerror(reason));
  return {};
}

// Sleeps for one pause; true if cancelled.
bool pause_cancelled(int cancel_fd) {
  pollfd event{.fd = cancel_fd, .events = POLLIN, .revents = 0};
  return poll(&event, 1, static_cast<int>(kPause / kMillisecond)) > 0;
}

class Builder {
 public:
  Builder(const ScratchPostgresOptions& options, int cancel_fd)
      : options_(options), cancel_fd_(cancel_fd), dir_(fs::absolute(options.dir)) {}
  ~Builder() {
    if (lock_fd_ >= 0) close(lock_fd_);
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  Result<ChildProcess> build();
  std::string log_path() const { return dir_ / kLogName; }

 private:
  Result<void> find_binaries();
  Result<void> find_user();
  Result<void> make_dir();
  Result<void> check_entry() const;
  Result<void> lock_dir();
  bool cluster_is_usable() const;
  Result<void> make_cluster();
  Result<void> run_initdb();
  Result<ChildProcess> start_server();
  Result<void> wait_until_ready(ChildProcess& server);
  Result<void> make_role_and_database();
  Result<void> run_sql(const std::string& sql);
  std::string superuser_conninfo() const;

  const ScratchPostgresOptions& options_;
  const int cancel_fd_;
  const fs::path dir_;
  fs::path bin_dir_;
  std::optional<SystemUser> user_;
  int lock_fd_ = -1;
};

Result<ChildProcess> Builder::build() {
  if (auto found = find_binaries(); !found) return std::unexpected(found.error());
  if (auto found = find_user(); !found) return std::unexpected(found.error());
  if (auto made = make_dir(); !made) return std::unexpected(made.error());
  if (auto locked = lock_dir(); !locked) return std::unexpected(locked.error());
  std::error_code ignored;
  fs::remove(dir_ / kLogName, ignored);
  const bool is_new = !cluster_is_usable();
  if (is_new) {
    if (auto made = make_cluster(); !made) return std::unexpected(made.error());
  }
  auto server = start_server();
  if (!server) return server;
  if (auto ready = wait_until_ready(*server); !ready) return std::unexpected(ready.error());
  if (is_new) {
    if (auto made = make_role_and_database(); !made) return std::unexpected(made.error());
  }
  return server;
}

Result<void> Builder::find_binaries() {
  if (!options_.bin_dir.empty()) {
    bin_dir_ = options_.bin_dir;
  } else {
    int newest = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
      const int version = std::atoi(entry.path().filename().c_str());
      if (version <= newest || !fs::exists(entry.path() / "bin" / "initdb")) continue;
      newest = version;
      bin_dir_ = entry.path() / "bin";
    }
  }
  if (fs::exists(bin_dir_ / "initdb") && fs::exists(bin_dir_ / "postgres")) return {};
  return fail(ErrorCode::kInvalid,
              "there is no PostgreSQL server here; install it: apt-get install postgresql");
}

Result<void> Builder::find_user() {
  if (geteuid() != 0) return {};
  const passwd* entry = getpwnam("postgres");
  if (!entry) {
    return fail(ErrorCode::kInvalid,
                "PostgreSQL refuses to run as root and there is no user postgres; run this as another user");
  }
  user_ = SystemUser{entry->pw_name, entry->pw_uid, entry->pw_gid};
  return {};
}

Result<void> Builder::make_dir() {
  if (auto open = check_entry(); !open) return open;
  std::error_code error;
  fs::create_directories(dir_, error);
  if (error) return fail(ErrorCode::kInvalid, "cannot make " + dir_.string() + ": " + error.message());
  return check_entry();  // the new ones too: a strict umask shuts them
}

Result<void> Builder::check_entry() const {
  if (!user_) return {};
  for (fs::path path = dir_; path != path.root_path(); path = path.parent_path()) {
    struct stat info{};
    if (stat(path.c_str(), &info) != 0 || (info.st_mode & S_IXOTH)) continue;
    return fail(ErrorCode::kInvalid, "user postgres cannot enter " + path.string() +
                                         "; choose another directory with --dir, such as /var/tmp/pgweir");
  }
  return {};
}

// The server inherits the lock, so it holds until its last process has gone, whatever became of us.
Result<void> Builder::lock_dir() {
  const fs::path path = dir_ / kLockName;
  lock_fd_ = open(path.c_str(), O_RDWR | O_CREAT, 0600);
  if (lock_fd_ < 0)
    return fail(ErrorCode::kInvalid, "cannot write " + path.string() + ": " + std::strerror(errno));
  for (int i = 0; i < kLockTries; ++i) {
    if (flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return {};
    if (pause_cancelled(cancel_fd_)) return fail(ErrorCode::kClosed, "stopped");
  }
  return fail(ErrorCode::kInvalid, "another run uses " + dir_.string() + "; end it or choose another --dir");
}

bool Builder::cluster_is_usable() const {
  const std::string version = read_line(dir_ / kDataName / "PG_VERSION");
  return !version.empty() && version == read_line(dir_ / kReadyName) &&
         bin_dir_.parent_path().filename().string().starts_with(version);
}

Result<void> Builder::make_cluster() {
  std::error_code error;
  for (const char* name : {kReadyName, kStampName, kDataName}) fs::remove_all(dir_ / name, error);
  if (error) return fail(ErrorCode::kInternal, "cannot clear " + dir_.string() + ": " + error.message());
  fs::create_directory(dir_ / kDataName, error);
  if (user_ && chown((dir_ / kDataName).c_str(), user_->uid, user_->gid) != 0) {
    return fail(ErrorCode::kInternal,
                "cannot give " + dir_.string() + " to postgres: " + std::strerror(errno));
  }
  const base::HashSecret random = base::random_secret();
  if (auto kept = write_private(dir_ / kPasswordName, fmt::format("{:016x}{:016x}\n", random.k0, random.k1));
      !kept) {
    return kept;
  }
  return run_initdb();
}

Result<void> Builder::run_initdb() {
  // initdb reads the password as its own user: from a copy inside the directory that user owns.
  const fs::path password = dir_ / (std::string(kDataName) + ".initdb");
  if (auto copied = write_private(password, read_line(dir_ / kPasswordName) + "\n"); !copied) return copied;
  if (user_ && chown(password.c_str(), user_->uid, user_->gid) != 0) {
    return fail(ErrorCode::kInternal, "cannot give a file to postgres: " + std::string(std::strerror(errno)));
  }
  auto initdb =
      ChildProcess::start({.command = {bin_dir_ / "initdb", "--pgdata", dir_ / kDataName, "--username",
                                       "postgres", "--pwfile", password, "--auth", "scram-sha-256",
                                       "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"},
                           .environment = {},
                           .log_path = log_path(),
                           .user = user_});
  if (!initdb) return std::unexpected(initdb.error());
  const auto code = initdb->wait(cancel_fd_);
  initdb->stop();
  std::error_code ignored;
  fs::remove(password, ignored);
  if (!code) return std::unexpected(code.error());
  if (*code == 0) return {};
  return fail(ErrorCode::kInternal, "initdb failed:" + log_tail(log_path(), 4));
}

Result<ChildProcess> Builder::start_server() {
  // Otherwise another server on this port could be taken for ours.
  if (!port_is_free(options_.port)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("port {} is in use; choose others with --port", options_.port));
  }
  std::vector<std::string> settings{"listen_addresses=127.0.0.1",
                                    fmt::format("port={}", options_.port),
                                    "unix_socket_directories=",
                                    "wal_level=logical",
                                    "password_encryption=scram-sha-256",
                                    "max_connections=100",
                                    "shared_buffers=256MB",
                                    "maintenance_work_mem=128MB",
                                    "max_wal_size=2GB",
                                    "checkpoint_timeout=15min",
                                    "log_min_messages=warning"};
  settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
  std::vector<std::string> command{bin_dir_ / "postgres", "-D", dir_ / kDataName};
  for (const std::string& setting : settings) command.insert(command.end(), {"-c", setting});
  // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
  return ChildProcess::start({.command = std::move(command),
                              .environment = {},
                              .log_path = log_path(),
                              .user = user_,
                              .stop_signal = SIGINT});
}

std::string Builder::superuser_conninfo() const {
  return fmt::format("host=127.0.0.1 port={} user=postgres dbname=postgres password={} sslmode=disable",
                     options_.port, read_line(dir_ / kPasswordName));
}

Result<void> Builder::wait_until_ready(ChildProcess& server) {
  const std::string conninfo = superuser_conninfo();
  for (int i = 0; i < kStartTries; ++i) {
    if (!server.running()) {
      return fail(ErrorCode::kInternal, "PostgreSQL did not start:" + log_tail(log_path(), 4));
    }
    if (PQping(conninfo.c_str()) == PQPING_OK) return {};
    if (pause_cancelled(cancel_fd_)) return fail(ErrorCode::kClosed, "stopped");
  }
  return fail(ErrorCode::kInternal, "PostgreSQL does not accept connections:" + log_tail(log_path(), 4));
}

Result<void> Builder::run_sql(const std::string& sql) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(superuser_conninfo().c_str()),
                                                                PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()), PQclear);
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return {};
  return fail(ErrorCode::kInternal,
              "preparing the database: " + std::string(PQerrorMessage(connection.get())));
}

Result<void> Builder::make_role_and_database() {
  const std::vector<std::string> statements{
      fmt::format("CREATE ROLE {} LOGIN PASSWORD '{}'", options_.role, options_.password),
      fmt::format("CREATE DATABASE {} OWNER {}", options_.database, options_.role)};
  for (const std::string& sql : statements) {
    if (auto done = run_sql(sql); !done) return done;
  }
  return write_private(dir_ / kReadyName, read_line(dir_ / kDataName / "PG_VERSION") + "\n");
}

}  // namespace

Result<ScratchPostgres> ScratchPostgres::start(const ScratchPostgresOptions& options, int cancel_fd) {
  Builder builder(options, cancel_fd);
  auto server = builder.build();
  if (!server) return std::unexpected(server.error());
  return ScratchPostgres(options, *std::move(server), builder.log_path());
}

void ScratchPostgres::stop() { server_.stop(kStopGrace); }

std::string ScratchPostgres::url() const {
  return fmt::format("postgres://{}:{}@127.0.0.1:{}/{}", options_.role, options_.password, options_.port,
                     options_.database);
}

std::string ScratchPostgres::stamp() const { return read_line(fs::path(options_.dir) / kStampName); }

Result<void> ScratchPostgres::set_stamp(const std::string& text) {
  return write_private(fs::path(options_.dir) / kStampName, text + "\n");
}

}  // namespace pgweir::drill
