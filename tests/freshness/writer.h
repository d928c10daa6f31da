// A client that writes, in every way in which a write can be committed, rolled back or lost sight of.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "session.h"

namespace pgweir::freshness {

// A write on its way: the versions that a transaction may leave in a cell.
struct Intent {
  std::size_t kind = 0;
  const Write* write = nullptr;
  Cell* cell = nullptr;
  int id = 0;
  std::vector<Version> versions;  // in their order; the last is what it leaves
  std::optional<Version> undone;  // written and rolled back to a savepoint
};

// Transactions that one session prepared and another is to finish. Any thread.
class Prepared {
 public:
  struct Item {
    std::string name;
    Intent intent;
    int session = 0;
  };
  void put(Item item);
  // One that another session has prepared.
  std::optional<Item> take(int session);

 private:
  std::mutex mutex_;
  std::vector<Item> items_;
};

// What writers share: after each write the next one falls due some reads later.
struct Writers {
  Prepared prepared;
  std::atomic<std::uint64_t> due{0};
};

// Its thread's.
class Writer {
 public:
  // direct: past pgweir, and only what is for that.
  Writer(Run& run, Writers& writers, int number, bool direct);
  // Until the run is over.
  void run();

 private:
  enum class Outcome { kCommitted, kRolledBack, kUnknown, kHandedOn };

  // One way to write one kind.
  struct Choice {
    std::size_t kind = 0;
    const Write* write = nullptr;
  };

  bool runs_code(const Intent& intent) const { return kind_of(intent).runs_code || intent.write->runs_code; }
  bool code_is_due() const;
  bool may_run_code();
  void once();
  Choice choose();
  Choice choose_of(std::size_t kind);
  Choice choose_rarest(bool runs_code) const;
  std::optional<Intent> begin(const Choice& choice);
  void add_another(std::vector<Intent>& intents);
  const Kind& kind_of(const Intent& intent) const { return *run_.model.kinds()[intent.kind]; }

  // The ways of a write. Each sends it, and says what became of it.
  Outcome perform(std::vector<Intent>& intents);
  Outcome alone(const Intent& intent);
  Outcome in_block(const std::vector<Intent>& intents);
  Outcome rolled_back(const std::vector<Intent>& intents);
  Outcome with_savepoint(Intent& intent);
  Outcome timed_out(const Intent& intent);
  Outcome in_one_query(const std::vector<Intent>& intents, bool explicitly);
  Outcome in_pipeline(const std::vector<Intent>& intents, bool explicitly);
  Outcome prepared(Intent& intent);

  std::vector<Statement> statements(const Intent& intent, Version version) const;
  void run_statements(const Intent& intent, Version version);
  void check_own(const Intent& intent);
  Outcome commit();
  Outcome vanish(const std::string& text);
  Protocol protocol_for(const Statement& statement);
  static Outcome outcome_of(const Reply& commit);

  void withdraw(const Intent& intent);
  void finish(Intent& intent, Outcome outcome);
  void settle(Intent& intent);
  void finish_prepared(Prepared::Item item);
  bool is_prepared(const std::string& name);
  // Until no backend is left that may still be busy with the write at hand.
  void wait_until_gone();
  Connection& direct();
  void complain(const std::optional<std::string>& complaint, const Intent& intent);

  Run& run_;
  Writers& writers_;
  const bool is_direct_;
  Random random_;
  Session session_;
  Connection direct_;
  int backend_ = 0;  // of the write at hand
  std::uint64_t prepared_count_ = 0;
};

}  // namespace pgweir::freshness
