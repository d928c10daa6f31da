#include "warm/list_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include "io/socket.h"
#include "wire/backend.h"
#include "wire/reader.h"

namespace pgweir::warm {
namespace {

constexpr std::string_view kMagic = "PGWEIRW1";
constexpr std::size_t kChecksumBytes = 16;

enum class Form : char { kSimple = 'Q', kExtended = 'E', kDescribed = 'D' };

std::unexpected<base::Error> damaged() {
  return base::fail(base::ErrorCode::kInvalid, "damaged, or written with another hash secret");
}

std::unexpected<base::Error> failed(const std::string& path, const char* what) {
  return base::fail(base::ErrorCode::kUnavailable, path + ": " + what + ": " + std::strerror(errno));
}

void append_u64(base::Buffer& out, std::uint64_t value) {
  wire::append_u32(out, static_cast<std::uint32_t>(value >> 32));
  wire::append_u32(out, static_cast<std::uint32_t>(value));
}

void append_bytes(base::Buffer& out, std::string_view bytes) {
  wire::append_u32(out, static_cast<std::uint32_t>(bytes.size()));
  out.append(bytes);
}

std::string checksum(std::string_view bytes, const base::HashSecret& secret) {
  const base::Hash128 hash = base::hash128(secret, bytes);
  base::Buffer out;
  append_u64(out, hash.lo);
  append_u64(out, hash.hi);
  return std::string(out.view());
}

// Reads the fields between magic and checksum. Whatever is wrong turns ok() false.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : reader_(bytes) {}

  bool ok() const { return ok_ && reader_.ok(); }
  bool at_end() const { return reader_.at_end(); }
  void refuse() { ok_ = false; }

  std::uint64_t u64() {
    const std::uint64_t high = reader_.u32();
    return high << 32 | reader_.u32();
  }
  std::uint32_t u32() { return reader_.u32(); }
  std::uint8_t u8() { return reader_.u8(); }
  // How many follow, each of at least one byte, so that nothing is reserved for what is not there.
  std::size_t count(std::size_t max) {
    const std::uint32_t n = reader_.u32();
    if (n <= max && n <= reader_.rest().size()) return n;
    refuse();
    return 0;
  }
  std::string bytes(std::size_t max) {
    const std::uint32_t size = reader_.u32();
    if (size > max) refuse();
    return ok() ? std::string(reader_.bytes(size)) : std::string();
  }
  // What is sent with a zero byte behind it.
  std::string text(std::size_t max) {
    std::string text = bytes(max);
    if (text.find('\0') != std::string::npos) refuse();
    return text;
  }

 private:
  wire::Reader reader_;
  bool ok_ = true;
};

void append_session(base::Buffer& out, const SessionState& session) {
  append_bytes(out, session.database);
  wire::append_u32(out, static_cast<std::uint32_t>(session.search_path.size()));
  for (const std::string& schema : session.search_path) append_bytes(out, schema);
  append_bytes(out, session.settings);
}

SessionState read_session(Decoder& in) {
  SessionState session;
  session.database = in.text(kSessionBytesMax);
  for (std::size_t n = in.count(kSessionBytesMax); n != 0 && in.ok(); --n)
    session.search_path.push_back(in.text(kSessionBytesMax));
  session.settings = in.text(kSessionBytesMax);
  if (session.bytes() > kSessionBytesMax) in.refuse();
  return session;
}

void append_statement(base::Buffer& out, const Statement& statement) {
  append_u64(out, statement.key.lo);
  append_u64(out, statement.key.hi);
  wire::append_u32(out, static_cast<std::uint32_t>(statement.session));
  append_u64(out, static_cast<std::uint64_t>(statement.saved_ns));
  const Form form = !statement.bound      ? Form::kSimple
                    : statement.describes ? Form::kDescribed
                                          : Form::kExtended;
  out.push_back(static_cast<char>(form));
  append_bytes(out, statement.sql);
  if (!statement.bound) return;
  wire::append_u32(out, static_cast<std::uint32_t>(statement.types.size()));
  for (const wire::Oid type : statement.types) wire::append_u32(out, type);
  append_bytes(out, *statement.bound);
}

// Whether a Bind without names may end so.
bool is_bound(const std::string& bound) {
  wire::Bind bind;
  return wire::parse_bind(std::string(2, '\0') + bound, bind).has_value();
}

Statement read_statement(Decoder& in, std::size_t sessions) {
  constexpr std::uint64_t kSavedMax = std::uint64_t{1} << 62;
  Statement statement;
  statement.key.lo = in.u64();
  statement.key.hi = in.u64();
  statement.session = in.u32();
  const std::uint64_t saved = in.u64();
  statement.saved_ns = static_cast<double>(saved);
  const auto form = static_cast<Form>(in.u8());
  statement.sql = in.text(kStatementBytesMax);
  if (statement.session >= sessions || saved > kSavedMax) in.refuse();
  if (form == Form::kSimple) return statement;
  if (form != Form::kExtended && form != Form::kDescribed) in.refuse();
  for (std::size_t n = in.count(UINT16_MAX); n != 0 && in.ok(); --n) statement.types.push_back(in.u32());
  statement.bound = in.bytes(kStatementBytesMax);
  statement.describes = form == Form::kDescribed;
  if (statement.sql.size() + statement.bound->size() > kStatementBytesMax || !is_bound(*statement.bound))
    in.refuse();
  return statement;
}

// Whether nobody else can have read or written it.
base::Result<void> check_owner(const std::string& path, const struct stat& facts) {
  if (!S_ISREG(facts.st_mode))
    return base::fail(base::ErrorCode::kUnavailable, path + ": is not a regular file: remove it");
  if (facts.st_uid != geteuid())
    return base::fail(
        base::ErrorCode::kUnavailable,
        fmt::format("{}: belongs to user {}, and it decides what is sent to the database: chown "
                    "it to user {}, or remove it",
                    path, facts.st_uid, geteuid()));
  if ((facts.st_mode & 077) != 0)
    return base::fail(
        base::ErrorCode::kUnavailable,
        fmt::format(
            "{}: has mode {:04o}, and it holds statements with their values: chmod 600 it, or remove it",
            path, facts.st_mode & 07777));
  if (facts.st_size > static_cast<off_t>(kFileBytesMax))
    return base::fail(base::ErrorCode::kInvalid, path + ": is too large");
  return {};
}

base::Result<void> write_whole(const std::string& path, std::string_view bytes) {
  // Whatever an earlier attempt has left may have another mode.
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return failed(path, "cannot be removed");
  const io::Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return failed(path, "cannot be made");
  while (!bytes.empty()) {
    const ssize_t n = write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed(path, "cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  if (fsync(file.get()) != 0) return failed(path, "cannot be brought to the disk");
  return {};
}

}  // namespace

std::string encode_list(const List& list, std::string_view user, const base::HashSecret& secret) {
  base::Buffer out;
  out.append(kMagic);
  append_bytes(out, user);
  wire::append_u32(out, static_cast<std::uint32_t>(list.sessions.size()));
  for (const SessionState& session : list.sessions) append_session(out, session);
  wire::append_u32(out, static_cast<std::uint32_t>(list.statements.size()));
  for (const Statement& statement : list.statements) append_statement(out, statement);
  out.append(checksum(out.view(), secret));
  return std::string(out.view());
}

base::Result<List> decode_list(std::string_view bytes, std::string_view user,
                               const base::HashSecret& secret) {
  if (bytes.size() < kMagic.size() + kChecksumBytes || bytes.size() > kFileBytesMax) return damaged();
  const std::string_view content = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (!content.starts_with(kMagic) || bytes.substr(content.size()) != checksum(content, secret))
    return damaged();
  Decoder in(content.substr(kMagic.size()));
  const std::string owner = in.text(kSessionBytesMax);
  if (in.ok() && owner != user)
    return base::fail(base::ErrorCode::kInvalid, "of another role than warm.user");
  List list;
  for (std::size_t n = in.count(kSessionsMax); n != 0 && in.ok(); --n)
    list.sessions.push_back(read_session(in));
  for (std::size_t n = in.count(kStatementsMax * kSessionsMax); n != 0 && in.ok(); --n)
    list.statements.push_back(read_statement(in, list.sessions.size()));
  if (!in.ok() || !in.at_end()) return damaged();
  return list;
}

base::Result<std::optional<List>> load_list(const std::string& path, std::string_view user,
                                            const base::HashSecret& secret) {
  // A pipe must not block us until somebody writes into it.
  const io::Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file && errno == ELOOP)
    return base::fail(base::ErrorCode::kUnavailable, path + ": is a symbolic link: remove it");
  struct stat facts{};
  if (!file || fstat(file.get(), &facts) != 0) return failed(path, "cannot be opened");
  if (auto checked = check_owner(path, facts); !checked) return std::unexpected(checked.error());
  std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = read(file.get(), bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(path, "cannot be read");
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  auto list = decode_list(std::string_view(bytes).substr(0, size), user, secret);
  if (!list) return base::fail(list.error().code, path + ": " + list.error().message);
  return std::move(*list);
}

base::Result<void> save_list(const std::string& path, std::string_view bytes) {
  const std::string next = path + ".new";
  if (auto written = write_whole(next, bytes); !written) return written;
  if (rename(next.c_str(), path.c_str()) != 0) return failed(next, "cannot be renamed");
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const io::Fd opened(open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || fsync(opened.get()) != 0) return failed(directory, "cannot be brought to the disk");
  return {};
}

}  // namespace pgweir::warm
