#include "query/statement_table.h"

#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pgweir::query {
namespace {

// One template. The syntax is null if the parser refused the text.
struct Entry {
  base::Hash128 shape;
  bool used = false;  // live, not a free slot
  bool hot = false;   // asked for again since the hand passed
  bool time_word = false;
  bool judged = false;
  std::shared_ptr<const Syntax> syntax;
  std::string refusal;
  Rules::Candidates candidates;     // of rules_version
  std::uint64_t rules_version = 0;  // 0: not looked for yet
  std::uint64_t catalog_version = 0;
  std::optional<SearchPath> path;  // none: judged without a catalog
  Verdict verdict;
  std::size_t bytes = 0;
};

std::size_t pin_bytes(const std::vector<RelationPins>& relations) {
  std::size_t bytes = 0;
  for (const RelationPins& relation : relations) {
    bytes += sizeof relation;
    for (const Pin& pin : relation.pins) {
      bytes += sizeof pin;
      for (const PinnedColumn& column : pin.columns)
        bytes += sizeof column + column.alternatives.capacity() * sizeof(ValueSource);
    }
  }
  return bytes;
}

std::size_t verdict_bytes(const Verdict& v) {
  return pin_bytes(v.pins) + pin_bytes(v.effects.row_changes) + v.detail.capacity() +
         (v.reads.capacity() + v.effects.writes.capacity()) * sizeof(Oid);
}

}  // namespace

struct StatementTable::Impl {
  explicit Impl(const StatementTableConfig& c) : config(c), unanalysed(unknown_verdict(Reason::kUnparsable)) {
    if (config.bytes != nullptr) held = base::Held(*config.bytes);
  }

  StatementTableConfig config;
  std::vector<Entry> entries;
  std::vector<std::size_t> free;
  std::unordered_map<base::Hash128, std::size_t> by_shape;
  std::size_t bytes = 0;
  base::Held held;
  std::size_t hand = 0;
  std::uint64_t rules_version = 1;
  Verdict unanalysed;

  Entry& find_or_parse(std::string_view sql, const Scan& scan, StatementTableStats& stats);
  void find_rules(std::string_view sql, const Rules* rules, Entry& entry) const;
  void evict_one(StatementTableStats& stats, std::size_t keep);
  void account(Entry& entry);
  void make_room(StatementTableStats& stats, std::size_t keep);
  std::size_t take_slot();
};

StatementTable::StatementTable(const StatementTableConfig& config) : impl_(std::make_unique<Impl>(config)) {}
StatementTable::~StatementTable() = default;

std::size_t StatementTable::size() const { return impl_->by_shape.size(); }
std::size_t StatementTable::memory_bytes() const { return impl_->bytes; }

void StatementTable::Impl::account(Entry& entry) {
  bytes -= entry.bytes;
  entry.bytes = sizeof entry + 64 + entry.refusal.capacity() + verdict_bytes(entry.verdict) +
                entry.candidates.capacity() * sizeof(std::uint16_t) +
                (entry.syntax == nullptr ? 0 : entry.syntax->memory_bytes());
  bytes += entry.bytes;
  held.set(bytes);
}

// CLOCK: the first entry but `keep` that was not asked for since the hand last passed it.
// REQUIRES: there is an entry other than `keep`.
void StatementTable::Impl::evict_one(StatementTableStats& stats, std::size_t keep) {
  while (true) {
    hand = hand + 1 < entries.size() ? hand + 1 : 0;
    Entry& entry = entries[hand];
    if (!entry.used || hand == keep) continue;
    if (!std::exchange(entry.hot, false)) break;
  }
  Entry& entry = entries[hand];
  by_shape.erase(entry.shape);
  bytes -= entry.bytes;
  held.set(bytes);
  entry = Entry{};
  free.push_back(hand);
  ++stats.evictions;
}

// One entry always stays, however large.
void StatementTable::Impl::make_room(StatementTableStats& stats, std::size_t keep) {
  while (bytes > config.bytes_max && by_shape.size() > 1) evict_one(stats, keep);
}

std::size_t StatementTable::Impl::take_slot() {
  if (free.empty()) {
    entries.emplace_back();
    return entries.size() - 1;
  }
  const std::size_t slot = free.back();
  free.pop_back();
  return slot;
}

Entry& StatementTable::Impl::find_or_parse(std::string_view sql, const Scan& scan,
                                           StatementTableStats& stats) {
  const auto found = by_shape.find(scan.shape);
  if (found != by_shape.end()) {
    entries[found->second].hot = true;
    return entries[found->second];
  }
  if (by_shape.size() >= config.entries_max && !by_shape.empty()) evict_one(stats, entries.size());
  const std::size_t slot = take_slot();
  Entry& entry = entries[slot];
  entry.used = true;
  entry.shape = scan.shape;
  by_shape.emplace(scan.shape, slot);
  ++stats.parsed;
  auto syntax = parse(sql);
  if (syntax) {
    entry.syntax = std::move(*syntax);
  } else {
    entry.refusal = std::move(syntax.error().message);
  }
  return entry;
}

// Which rules a template may fall under is found out once.
void StatementTable::Impl::find_rules(std::string_view sql, const Rules* rules, Entry& entry) const {
  if (entry.rules_version == rules_version) return;
  entry.rules_version = rules_version;
  entry.candidates = rules == nullptr ? Rules::Candidates() : rules->candidates(sql);
}

void StatementTable::set_rules(std::shared_ptr<const Rules> rules) {
  rules_ = std::move(rules);
  ++impl_->rules_version;
  ++version_;
}

const Verdict& StatementTable::verdict(std::string_view sql, const Scan& scan, const Catalog& catalog,
                                       const SearchPath& path) {
  if (!scan.valid) return impl_->unanalysed;
  Entry& entry = impl_->find_or_parse(sql, scan, stats_);
  if (entry.judged && entry.path && entry.catalog_version == catalog.version() &&
      entry.rules_version == impl_->rules_version && entry.time_word == scan.time_word &&
      *entry.path == path) {
    ++stats_.hits;
    return entry.verdict;
  }
  ++stats_.judged;
  ++version_;
  if (entry.syntax == nullptr) {
    entry.verdict = unknown_verdict(Reason::kUnparsable, entry.refusal);
    entry.rules_version = impl_->rules_version;
  } else {
    impl_->find_rules(sql, rules_.get(), entry);
    const Directions directions{rules_.get(), entry.candidates, scan.hint};
    entry.verdict = judge(*entry.syntax, catalog, path, scan.time_word, directions);
  }
  entry.judged = true;
  entry.catalog_version = catalog.version();
  entry.path = path;
  entry.time_word = scan.time_word;
  impl_->account(entry);
  const auto slot = static_cast<std::size_t>(&entry - impl_->entries.data());
  impl_->make_room(stats_, slot);
  return impl_->entries[slot].verdict;
}

const Verdict& StatementTable::verdict_without_catalog(std::string_view sql, const Scan& scan) {
  if (!scan.valid) return impl_->unanalysed;
  Entry& entry = impl_->find_or_parse(sql, scan, stats_);
  if (entry.judged && !entry.path) {
    ++stats_.hits;
    return entry.verdict;
  }
  ++stats_.judged;
  ++version_;
  entry.verdict = entry.syntax == nullptr ? unknown_verdict(Reason::kUnparsable, entry.refusal)
                                          : judge_without_catalog(*entry.syntax);
  entry.judged = true;
  entry.path.reset();
  impl_->account(entry);
  const auto slot = static_cast<std::size_t>(&entry - impl_->entries.data());
  impl_->make_room(stats_, slot);
  return impl_->entries[slot].verdict;
}

}  // namespace pgweir::query
