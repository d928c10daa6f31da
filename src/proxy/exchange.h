// What was sent upstream and not answered yet, as PostgreSQL will answer it: groups that each end in
// one ReadyForQuery. Follows the server's rules for Sync, errors and COPY, so that pgweir always
// knows which reply belongs to what it sent (PostgreSQL documentation, "Message Flow").
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cache/generations.h"
#include "proxy/capture.h"
#include "proxy/followers_suspended.h"
#include "proxy/prepared.h"

namespace pgweir::proxy {

// Receives the replies to something pgweir asked on its own.
class InjectedReply {
 public:
  virtual ~InjectedReply() = default;
  // A whole message that the client must not see; body points into a buffer.
  virtual void on_message(char type, std::string_view body) = 0;
  // ReadyForQuery has come.
  virtual void on_ready(char transaction_status) = 0;
};

// Everything up to one ReadyForQuery.
struct Group {
  char terminator = 0;    // 'S' Sync, 'Q' Query, 'F' FunctionCall, 'c' end of copy data; 0: still open
  bool extended = false;  // holds extended-protocol messages
  std::unique_ptr<InjectedReply> injected;
  cache::Hold fence;  // released when the outcome is known
  std::unique_ptr<Capture> capture;
  std::unique_ptr<FollowersSuspended> suspended;    // until the outcome is known
  std::vector<PreparedStatements::Pending> parses;  // statements that exist once ParseComplete has come
  std::size_t parses_done = 0;
  bool failed = false;            // an ErrorResponse has come
  bool harmless = true;           // nothing in it writes, or changes session or transaction
  bool changes_settings = false;  // the session's settings must be read again
  bool changes_catalog = false;   // the catalog snapshot is no longer true
  std::string restamp;            // a prepared statement that runs again after a change
  std::uint64_t stamp = 0;        // what it is then known to be right for; 0: nothing
  base::Nanos arrived_at = 0;     // of its first statement, at pgweir
  base::Nanos sent_at = 0;
  unsigned statements = 0;
  unsigned copy_ends = 0;       // CopyDone or CopyFail sent amid its extended messages
  bool counts_as_miss = false;  // else as bypass
};

// One session's, on its worker's thread.
class Exchange {
 public:
  bool empty() const { return groups_.empty(); }
  std::size_t size() const { return groups_.size(); }
  // REQUIRES: !empty().
  Group& front() { return groups_.front(); }
  // Whether the client is amid COPY FROM STDIN.
  bool copying() const { return copying_; }
  // Whether extended-protocol messages were sent that no Sync has followed yet.
  bool open() const { return !groups_.empty() && groups_.back().terminator == 0; }

  // An error came in a group of extended messages that a Query ended without a Sync: if it was theirs,
  // the server skips the Query and all else up to a Sync, and no ReadyForQuery will come before.
  bool may_be_skipping() const;
  // Whether the outcome of a write is still to come.
  bool is_fenced() const;
  // What was sent last may still change how the next text is to be read.
  bool changes_settings() const;

  // To be called for what is sent. The reference is valid until the next call.
  Group& sent_extended();        // Parse, Bind, Describe, Execute, Close; not Flush, which has no reply
  Group& sent_query(char type);  // Query 'Q' or FunctionCall 'F'
  void sent_sync();
  void sent_copy_end();  // CopyDone or CopyFail
  void sent_copy_data() { copy_answered_ = true; }

  // To be called for what is received. False: the server's replies cannot be matched any more.
  [[nodiscard]] bool received_copy_in();
  void received_error();
  // ReadyForQuery: gives back the group that it ends.
  [[nodiscard]] bool received_ready(Group& out);

  // The statements of this name that are on their way will not exist when their ParseComplete comes.
  void forget_parse(std::string_view name);

  // No reply will ever come: gives back what the front group held. REQUIRES: !empty().
  cache::Hold drop_front();

 private:
  void absorb_next();

  std::deque<Group> groups_;
  bool copying_ = false;
  bool copy_answered_ = false;  // data or its end was sent since CopyInResponse
  bool sync_in_doubt_ =
      false;  // a Sync sent before CopyInResponse came: ignored, unless an error preceded it
};

}  // namespace pgweir::proxy
