#include "sync/kept_slot.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <charconv>

namespace pgweir::sync {
namespace {

constexpr base::Nanos kQueryTimeout = 10 * base::kSecond;
// The slot's creation waits for every transaction that is open.
constexpr base::Nanos kSlotTimeout = 3600 * base::kSecond;
constexpr std::string_view kUnbounded = "-1";

constexpr const char* kFacts = R"(
SELECT pg_catalog.current_setting('max_slot_wal_keep_size'),
  (SELECT pg_catalog.concat(d.oid, ' ', pg_catalog.current_setting('server_version_num'))
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()),
  pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn,
  s.slot_name IS NOT NULL, s.active,
  s.slot_type = 'logical' AND s.plugin = 'pgoutput' AND s.database = pg_catalog.current_database()
    AND NOT s.temporary,
  s.wal_status = 'lost', s.confirmed_flush_lsn - '0/0'::pg_catalog.pg_lsn
FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name = '{}')";
constexpr const char* kDrop =
    "SELECT pg_catalog.pg_drop_replication_slot(s.slot_name) FROM pg_catalog.pg_replication_slots s "
    "WHERE s.slot_name = '{}' AND NOT s.active";

std::uint64_t to_number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Lsn parse_lsn(std::string_view text) {
  constexpr int kHexadecimal = 16;
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return 0;
  std::uint32_t high = 0, low = 0;
  const auto first = std::from_chars(text.data(), text.data() + slash, high, kHexadecimal);
  const auto second = std::from_chars(text.data() + slash + 1, text.data() + text.size(), low, kHexadecimal);
  const bool is_whole = first.ptr == text.data() + slash && second.ptr == text.data() + text.size() &&
                        first.ec == std::errc{} && second.ec == std::errc{};
  return is_whole ? Lsn{high} << 32 | low : 0;
}

KeptSlot::KeptSlot(const DatabaseSlots& slots, cache::KeptWords* words, bool is_wanted)
    : secret_(slots.secret()),
      name_(fmt::format("pgweir_keep_{:016x}", slots.database().hi)),
      words_(words),
      is_wanted_(is_wanted) {}

std::uint64_t KeptSlot::fingerprint(std::string_view text) const { return base::hash128(secret_, text).lo; }

bool KeptSlot::may_go_on(const SlotFacts& facts) const {
  if (!is_wanted() || at(*words_, KeptWord::kVouched) != 1) return false;
  if (!facts.exists || !facts.is_ours || facts.is_lost) return false;
  if (at(*words_, KeptWord::kSystem) != fingerprint(facts.system)) return false;
  // What lies between, somebody else has heard. And a log that is shorter than it was is another's.
  const Lsn position = at(*words_, KeptWord::kPosition);
  return facts.confirmed <= position && position <= facts.written;
}

base::Result<SlotFacts> KeptSlot::ask(Connection& sql, Connection& stream) const {
  const auto system = stream.query("IDENTIFY_SYSTEM", kQueryTimeout);
  if (!system) return std::unexpected(system.error());
  const auto found = sql.query(fmt::format(fmt::runtime(kFacts), name_), kQueryTimeout);
  if (!found) return std::unexpected(found.error());
  const auto is = [&](int column) { return value_of(*found, column) == "t"; };
  return SlotFacts{
      .wal_keep_size = std::string(value_of(*found, 0)),
      .system = fmt::format("{} {} {}", value_of(*system, 0), value_of(*system, 1), value_of(*found, 1)),
      .written = to_number(value_of(*found, 2)),
      .exists = is(3),
      .is_active = is(4),
      .is_ours = is(5),
      .is_lost = is(6),
      .confirmed = to_number(value_of(*found, 7))};
}

base::Result<KeptSlot::Claim> KeptSlot::claim(Connection& sql, Connection& stream) {
  if (!is_wanted()) return Claim{};
  const auto facts = ask(sql, stream);
  if (!facts) return std::unexpected(facts.error());
  if (facts->is_active)
    return base::fail(base::ErrorCode::kUnavailable,
                      fmt::format("the replication slot {} is in use still", name_));
  if (facts->wal_keep_size == kUnbounded) {
    forget();
    drop(sql);
    return Claim{.said = "without a permanent slot, since max_slot_wal_keep_size sets it no bound"};
  }
  if (may_go_on(*facts)) return Claim{.name = name_, .goes_on = true, .said = "from where they ended last"};
  forget();
  if (facts->exists) drop(sql);
  at(*words_, KeptWord::kPosition) = 0;
  at(*words_, KeptWord::kSystem) = fingerprint(facts->system);
  const auto made = stream.query(
      fmt::format("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput NOEXPORT_SNAPSHOT", name_), kSlotTimeout);
  if (!made) return std::unexpected(made.error());
  confirming(parse_lsn(value_of(*made, 1)));  // where it begins
  return Claim{.name = name_, .said = "by a permanent slot, from now on"};
}

void KeptSlot::drop(Connection& sql) const {
  // What fails here fails again where it matters.
  static_cast<void>(sql.query(fmt::format(fmt::runtime(kDrop), name_), kQueryTimeout));
}

void KeptSlot::drop_unwanted(Connection& sql) const {
  if (words_ != nullptr && !is_wanted_) drop(sql);  // else its name is nobody else's
}

void KeptSlot::confirming(Lsn position) {
  if (!is_wanted()) return;
  std::atomic<std::uint64_t>& kept = at(*words_, KeptWord::kPosition);
  kept = std::max<std::uint64_t>(kept, position);
}

void KeptSlot::vouch() {
  if (is_wanted()) at(*words_, KeptWord::kVouched) = 1;
}

void KeptSlot::forget() {
  if (words_ != nullptr) at(*words_, KeptWord::kVouched) = 0;
}

bool KeptSlot::definitions_differ(std::string_view definitions) const {
  return is_wanted() && at(*words_, KeptWord::kDefinitions) != fingerprint(definitions);
}

void KeptSlot::set_definitions(std::string_view definitions) {
  if (is_wanted()) at(*words_, KeptWord::kDefinitions) = fingerprint(definitions);
}

}  // namespace pgweir::sync
