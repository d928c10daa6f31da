// What pg_current_snapshot() says: which transactions had finished when it was taken.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sync/pgoutput.h"

namespace pgweir::sync {

class Snapshot {
 public:
  // "xmin:xmax:xip,xip,..." with 64-bit ids (PostgreSQL documentation, "pg_snapshot Components").
  static base::Result<Snapshot> parse(std::string_view text);

  // Whether what that transaction did is visible to whoever reads from now on, or will never be. The
  // 32 bits of `xid` are taken for the id nearest to the snapshot.
  bool has_ended(Xid xid) const;
  // Every transaction below has ended.
  std::uint64_t xmin() const { return xmin_; }
  // What may run, if `next` is an id that was given out afterwards: those from its end on are not listed.
  std::vector<std::uint64_t> running(std::uint64_t next) const;

 private:
  std::uint64_t xmin_ = 0;
  std::uint64_t xmax_ = 0;
  std::vector<std::uint64_t> running_;  // sorted
};

}  // namespace pgweir::sync
