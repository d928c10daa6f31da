// What was sent upstream and not answered yet, as PostgreSQL will answer it: groups that each end in
// one ReadyForQuery. Follows the server's rules for Sync, errors and COPY, so that pgweir always
// knows which reply belongs to what it sent (PostgreSQL documentation, "Message Flow").
//
// One thing cannot be known when it happens. A COPY FROM STDIN discards the Syncs that it finds among its
// data. If it fails after CopyInResponse, it may or may not have read those sent before its end; each that
// it has not read is answered by a ReadyForQuery. That follows another one at once, where a group's own
// never comes without a reply before it; so it can be told apart. Only if statements follow such a Sync up
// to the next one, nothing tells whether they have been skipped: kLost.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "proxy/capture.h"
#include "proxy/fallback.h"
#include "proxy/fence.h"
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
  // It was not asked, and nothing comes.
  virtual void not_sent() {}
  // Whether this setting's change is its own doing, for its own transaction: nobody is to hear of it.
  virtual bool sets(std::string_view setting) const {
    static_cast<void>(setting);
    return false;
  }
  // The backend reports another setting than before: not by what was asked.
  virtual void on_foreign_setting() {}
  // Whether a message so large is of no interest: it is thrown away as it arrives.
  virtual bool passes_over(char type, std::uint64_t message_bytes) {
    static_cast<void>(type), static_cast<void>(message_bytes);
    return false;
  }
};

// Everything up to one ReadyForQuery.
struct Group {
  char terminator = 0;    // 'S' Sync, 'Q' Query, 'F' FunctionCall, 'c' end of copy data; 0: still open
  bool extended = false;  // holds extended-protocol messages
  std::unique_ptr<InjectedReply> injected;
  Fence fence;  // released when the outcome is known
  std::unique_ptr<Capture> capture;
  std::unique_ptr<Fallback> fallback;
  std::unique_ptr<FollowersSuspended> suspended;    // until the outcome is known
  std::vector<PreparedStatements::Pending> parses;  // statements that exist once ParseComplete has come
  std::size_t parses_done = 0;
  bool failed = false;            // an ErrorResponse has come
  bool harmless = true;           // nothing in it writes, or changes session or transaction
  bool changes_settings = false;  // the session's settings must be read again
  bool changes_names = false;     // and texts and names may mean something else
  bool changes_catalog = false;   // the catalog snapshot is no longer true
  std::string restamp;            // a prepared statement that runs again after a change
  std::uint64_t stamp = 0;        // what it is then known to be right for; 0: nothing
  base::Nanos arrived_at = 0;     // of its first statement, at pgweir
  base::Nanos sent_at = 0;
  unsigned statements = 0;
  bool replies = false;  // at least one message comes before its ReadyForQuery
  unsigned asked = 0;    // extended messages that are answered, each by one last message
  unsigned answered = 0;
  bool skips = false;      // an extended message has failed: all up to Sync is skipped
  unsigned copy_ends = 0;  // CopyDone or CopyFail sent amid its extended messages
  bool copy_data = false;  // CopyData was sent behind it
  unsigned doubtful_syncs =
      0;  // sent into its COPY: unanswered if COPY reads them, answered if it fails before
  bool doubtful_tail = false;    // statements were sent behind such a Sync
  bool counts_as_miss = false;   // else as bypass
  bool is_answered = false;      // by its fallback: no more of its reply is for the client
  std::string notice;            // pgweir's own messages, to come before its replies
  std::optional<bool> explains;  // what it sets pgweir.explain to
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

  // Whether the outcome of a write is still to come.
  bool is_fenced() const;
  // The server may wait for copy data, or may send a ReadyForQuery more than there are groups: only what
  // is sent to it gets its replies in the right place.
  bool in_doubt() const { return awaiting_copy_ || strays_ != 0; }
  // The server skips all that is sent up to a Sync, and sends no ReadyForQuery before.
  bool skipping() const;
  // All that was sent is answered or skipped: if no more is sent, nothing more can commit.
  bool settled() const;
  // What was sent may still change the session's settings, and so what the next text and its names mean.
  bool changes_settings() const;
  bool changes_names() const;

  // To be called for what is sent. The reference is valid until the next call.
  Group& sent_extended();        // Parse, Bind, Describe, Execute, Close; not Flush, which has no reply
  Group& sent_query(char type);  // Query 'Q' or FunctionCall 'F'
  void sent_sync();
  void sent_copy_end();  // CopyDone or CopyFail
  void sent_copy_data();

  // To be called for what is received.
  // kGroup: the group given back has ended. kStray: no group has, pass it on. kLost: the server's replies
  // cannot be matched any more, and nothing is known of what is outstanding.
  enum class Ready : std::uint8_t { kGroup, kStray, kLost };
  using Ended = std::list<Group>;  // of at most one: a group is large, and moves with its node
  [[nodiscard]] Ready received_ready(Ended& out);
  // False: out of turn.
  [[nodiscard]] bool received_copy_in();
  // Everything else but what comes at any time (notices, notifications, settings).
  void received_reply(char type);

  // The statements of this name that are on their way will not exist when their ParseComplete comes.
  void forget_parse(std::string_view name);

  // No reply will ever come: gives back the front group's fence. REQUIRES: !empty().
  Fence drop_front();

 private:
  Group& open_group();
  void absorb_next();
  void skip_to_sync();
  void abandon_copy();

  std::list<Group> groups_;
  bool copying_ = false;
  bool awaiting_copy_ = false;  // CopyInResponse has come, and nothing since
  bool replied_ = false;        // something has come since the last ReadyForQuery
  unsigned strays_ = 0;         // ReadyForQuery that may come for Syncs of a COPY that failed
};

}  // namespace pgweir::proxy
