// The permanent replication slot of one database, for those who ask for one: PostgreSQL keeps the changes
// that nobody has heard of yet, so a stream can go on where the last one ended, of this process or an earlier
// one, and what was kept meanwhile is still told of. What is known of where that was outlives the process
// (cache::KeptGenerations). The slot is used only while PostgreSQL bounds what it holds back; in any doubt a
// new one takes its place, and the stream begins anew.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "cache/kept_generations.h"
#include "sync/connection.h"
#include "sync/database_slots.h"
#include "sync/pgoutput.h"

namespace pgweir::sync {

// What is kept of a database, by place in KeptWords::words.
enum class KeptWord : std::uint8_t {
  kPosition,     // what has been, or may have been, confirmed: all before is in the generations
  kVouched,      // 1: all since then is in the slot
  kSystem,       // fingerprint of the cluster and the database
  kDefinitions,  // fingerprint of what is polled, as it is in the generations
  kCatalog,      // fingerprint of the system catalogs, likewise; the proxy's
};
inline std::atomic<std::uint64_t>& at(cache::KeptWords& words, KeptWord word) {
  return words.words[static_cast<std::size_t>(word)];
}

// As PostgreSQL writes it, "16/B374D848"; 0 if it is not one.
Lsn parse_lsn(std::string_view text);

// What PostgreSQL says of itself and of the slot.
struct SlotFacts {
  std::string wal_keep_size;  // max_slot_wal_keep_size; "-1": without bound
  std::string system;         // identifier, timeline, database, version
  Lsn written = 0;            // the end of the log
  bool exists = false;
  bool is_active = false;
  bool is_ours = false;  // logical, pgoutput, of this database, permanent
  bool is_lost = false;  // it has held back more than it may
  Lsn confirmed = 0;
};

// One database's. On its follower's thread.
class KeptSlot {
 public:
  // words: null if nothing outlives the process, and then there is no such slot.
  KeptSlot(const DatabaseSlots& slots, cache::KeptWords* words, bool is_wanted);

  struct Claim {
    std::string name{};    // of the slot to stream from; empty: a temporary one
    bool goes_on = false;  // from where the last stream ended
    std::string said{};    // for people
  };
  // A slot that has been claimed holds back the log until drop(). kUnavailable: another still uses it.
  base::Result<Claim> claim(Connection& sql, Connection& stream);
  // Drops what an earlier process may have left, if it is not wanted; failures are the next one's.
  void drop_unwanted(Connection& sql) const;
  void drop(Connection& sql) const;
  const std::string& name() const { return name_; }
  bool is_wanted() const { return words_ != nullptr && is_wanted_; }

  // Of the stream that runs on it. Nothing happens if it is not wanted.
  // Before it is said to PostgreSQL. REQUIRES: all before is in the generations, and can be seen.
  void confirming(Lsn position);
  // All that is not yet in the generations is in the slot.
  void vouch();
  // Something may have gone by: the next stream begins anew.
  void forget();
  // Whether they differ from the last ones.
  bool definitions_differ(std::string_view definitions) const;
  void set_definitions(std::string_view definitions);

  // Whether the stream may go on. Pure.
  bool may_go_on(const SlotFacts& facts) const;

 private:
  base::Result<SlotFacts> ask(Connection& sql, Connection& stream) const;
  std::uint64_t fingerprint(std::string_view text) const;

  const base::HashSecret secret_;
  const std::string name_;
  cache::KeptWords* const words_;
  const bool is_wanted_;
};

}  // namespace pgweir::sync
