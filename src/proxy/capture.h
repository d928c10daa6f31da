// The reply to a miss, collected while it streams to the client.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/counters.h"
#include "cache/cache.h"
#include "proxy/compression.h"

namespace pgweir::proxy {

// What is kept is RowDescription (if it was asked for), DataRows, CommandComplete, as Compression has them
// stored. One session's; ends the fill exactly once.
class Capture {
 public:
  struct Limits {
    std::uint64_t bytes_max;      // of a reply
    base::Level& all_bytes;       // what all captures of the worker take
    std::uint64_t all_bytes_max;  // beyond it none grows
  };

  // dependencies: as observed before the query was sent. ttl: 0: what finish() gives.
  Capture(cache::Fill fill, std::vector<cache::Dependency> dependencies, const Limits& limits,
          base::Nanos sent_at, base::Nanos ttl = 0)
      : fill_(std::move(fill)),
        dependencies_(std::move(dependencies)),
        limits_(limits),
        bytes_(limits.all_bytes),
        sent_at_(sent_at),
        ttl_(ttl) {}

  // A part of the reply: header or body bytes of one message of the given type.
  void add(char type, std::string_view part);
  // The statement has failed: the next to ask may fare better.
  void fail() { fill_.abandon(cache::FillEnd::kFailed); }
  // ReadyForQuery has come. ttl: where the statement has none of its own.
  void finish(base::Nanos ttl, base::Nanos now, Compression& compression);

 private:
  void failed(std::string_view error);
  void refuse(cache::FillEnd end = cache::FillEnd::kUncacheable);

  cache::Fill fill_;
  std::vector<cache::Dependency> dependencies_;
  Limits limits_;
  base::Buffer bytes_;
  base::Nanos sent_at_;
  base::Nanos ttl_;
  bool complete_ = false;
};

}  // namespace pgweir::proxy
