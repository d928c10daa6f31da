// The database `pgweir`, which is pgweir itself: what psql and drivers say to it, and tables in return.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "wire/backend.h"

namespace pgweir::proxy {

inline constexpr std::string_view kConsoleDatabase = "pgweir";

// All values are text; none: NULL.
struct ConsoleTable {
  std::vector<std::string> columns;  // none: the command returns no rows
  std::vector<std::vector<std::optional<std::string>>> rows;
  std::string tag;  // of CommandComplete: "SHOW"
};

// Knows the commands. Any worker's thread; must not block.
class Console {
 public:
  virtual ~Console() = default;
  virtual std::string version() const = 0;  // of pgweir
  // One command, without what surrounds it: no blanks, no semicolon.
  virtual std::expected<ConsoleTable, wire::Complaint> run(std::string_view command) = 0;
};

// One client of it, from its login on, by the simple or the extended protocol. On its worker's thread.
class ConsoleSession {
 public:
  static constexpr std::size_t kMessageBytesMax = 64 * 1024;
  static constexpr std::size_t kUnsentBytesMax = 64 * 1024;  // and one more answer
  static constexpr std::size_t kNamesMax = 1000;             // prepared statements, and portals

  explicit ConsoleSession(Console& console) : console_(console) {}

  // What a server says once it believes the login.
  void append_welcome(base::Buffer& out) const;

  // Answers the whole messages at the start of input, until much is to be sent; returns their bytes.
  std::size_t process(std::string_view input, base::Buffer& out);
  // Why the session must end; "": the client has said so.
  const std::optional<std::string>& fault() const { return fault_; }

 private:
  using Names = std::map<std::string, std::string, std::less<>>;  // of statements or portals: the command

  void take(char type, std::string_view body, base::Buffer& out);
  void query(std::string_view body, base::Buffer& out);
  void extended(char type, std::string_view body, base::Buffer& out);
  void parse(std::string_view body, base::Buffer& out);
  void bind(std::string_view body, base::Buffer& out);
  void describe(std::string_view body, base::Buffer& out);
  void close(std::string_view body, base::Buffer& out);
  void execute(std::string_view body, base::Buffer& out);
  void keep(Names& names, std::string_view name, std::string_view command, base::Buffer& out,
            std::string_view done);
  // The command of that name, or null after an error.
  const std::string* find(const Names& names, std::string_view name, base::Buffer& out);
  // The table, or none after an error or for an empty command.
  std::optional<ConsoleTable> run(std::string_view command, base::Buffer& out);
  void fail(const wire::Complaint& complaint, base::Buffer& out);
  void malformed(const std::string& what) { fault_ = what; }

  Console& console_;
  Names statements_;
  Names portals_;
  bool skipping_ = false;  // an extended message has failed: all up to Sync is skipped
  std::optional<std::string> fault_;
};

}  // namespace pgweir::proxy
