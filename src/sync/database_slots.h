// The generation slots of one database's names: the same for those who write through pgweir, for the
// change stream, and for what replies depend on.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "cache/generations.h"
#include "query/statement.h"

namespace pgweir::sync {

// Any thread. REQUIRES: the Generations outlives it.
class DatabaseSlots {
 public:
  DatabaseSlots(cache::Generations& generations, const base::HashSecret& secret, std::string_view database)
      : generations_(generations), secret_(secret), database_(base::hash128(secret, database)) {}

  cache::Generations& generations() const { return generations_; }
  // A keyed hash of the database's name.
  const base::Hash128& database() const { return database_; }
  // Of names of rows.
  const base::HashSecret& secret() const { return secret_; }
  // Of everything in every database.
  cache::Slot everything() const { return generations_.slot_of(0); }
  // Any mixing will do: a collision costs a miss.
  cache::Slot relation(query::Oid oid) const {
    return generations_.slot_of(database_.lo ^ (std::uint64_t{oid} + 1) * 0xd6e8feb86659fd93ULL);
  }
  // Moves when the change stream begins: what changed while nobody followed, it does not tell.
  cache::Slot stream() const { return named(1); }
  // Of what already has a keyed hash: a row or a set of rows of a relation.
  cache::Slot named(std::uint64_t hash) const { return generations_.slot_of(database_.hi ^ hash); }

 private:
  cache::Generations& generations_;
  const base::HashSecret secret_;
  const base::Hash128 database_;
};

}  // namespace pgweir::sync
