// The session's prepared statements as the client sees them. A statement whose first execution was
// a hit has not been sent to the backend yet (deferred); it is, before anything else goes there.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/buffer.h"
#include "base/counters.h"
#include "base/hash.h"
#include "query/scan.h"
#include "query/statement.h"
#include "wire/frontend.h"

namespace pgweir::proxy {

// What was found out when a prepared statement was last executed; true while the versions are the same.
struct Recall {
  std::uint64_t context_version = 0;  // Context::version(); 0: nothing is known
  std::uint64_t table_version = 0;    // StatementTable::version()
  const query::Verdict* verdict = nullptr;
  base::SipHash128 key_seed{{}};
};

struct PreparedStatement {
  std::string sql;
  query::Scan scan;
  std::vector<wire::Oid> parameter_types;
  // Context::stamp() when the backend analysed it; 0: unknown. Under another one its reply may be an
  // error ("cached plan must not change result type") that no cache entry would give.
  std::uint64_t stamp = 0;
  bool deferred = false;  // the backend does not know it
  // Context::round() when the backend analysed it; 0: unknown, or in several. What settings say is in its
  // constants for good.
  std::uint64_t round = 0;
  Recall recall{};
  base::Held held{};
};

// One session's, on its worker's thread.
class PreparedStatements {
 public:
  // What they take counts in the level.
  explicit PreparedStatements(base::Level& bytes) : bytes_(bytes) {}

  struct Pending {
    std::string name;
    PreparedStatement statement;
    bool forgotten = false;  // closed or replaced before the backend has answered
  };

  // nullptr: not known here (it may exist on the backend). Valid until the next change.
  PreparedStatement* find(std::string_view name);
  void put(Pending pending);
  void erase(std::string_view name);
  // The backend has just run it under this stamp without an error.
  void restamp(std::string_view name, std::uint64_t stamp);
  // The backend is about to use it in this round, and may analyse it again.
  void used(std::string_view name, std::uint64_t round);
  // A hit answered a simple Query, which destroys the unnamed statement; the backend still has it.
  void unnamed_destroyed();
  // pgweir has sent a simple Query of its own, which destroyed the backend's unnamed statement.
  void unnamed_lost();
  // An unnamed statement that is not in this table exists on the backend: nothing could restore it.
  bool unnamed_is_untracked() const { return unnamed_is_untracked_; }
  void unnamed_untracked() {
    unnamed_replaced();
    unnamed_is_untracked_ = true;
  }
  // What is sent next (a simple Query, or Parse of the unnamed statement) drops the backend's.
  void unnamed_replaced() {
    erase("");
    unnamed_is_stale_ = false;
    unnamed_is_untracked_ = false;
  }
  // Code that ran on the backend may have changed what names stand for: until confirm(), find()
  // knows nothing.
  void doubt() { in_doubt_ = !statements_.empty(); }
  bool in_doubt() const { return in_doubt_; }
  // What the backend has, by name. REQUIRES: nothing is deferred.
  void confirm(const std::unordered_map<std::string, std::string>& texts);
  // Whether something must be sent before the backend's statements are as the client thinks.
  bool needs_sync() const { return deferred_ != 0 || unnamed_is_stale_; }
  // Appends what must be sent; returns how many Syncs are in it. with_unnamed: what follows refers to the
  // unnamed statement. If not it stays as it is: that its Parse fails, when its table has gone since, must
  // not fail a transaction that has no use for it.
  std::size_t append_sync(base::Buffer& out, bool with_unnamed);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  base::Level& bytes_;
  std::unordered_map<std::string, PreparedStatement, Hash, std::equal_to<>> statements_;
  decltype(statements_)::value_type* last_found_ = nullptr;  // pipelines ask for the same one in a row
  std::size_t deferred_ = 0;
  bool unnamed_is_stale_ = false;
  bool unnamed_is_untracked_ = false;
  bool in_doubt_ = false;
};

}  // namespace pgweir::proxy
