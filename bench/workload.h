// What the load generator sends: one encoded request for each key, made before the clock starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgweir::bench {

// The name of the statement that `prepared` requests bind; login prepares it.
inline constexpr char kStatementName[] = "bench";

enum class Mode : std::uint8_t {
  kSimple,    // Query, the key written into the text
  kPrepared,  // Bind, Describe portal, Execute, Sync of a statement prepared at login (as libpq does)
  kRedis,     // GET
};

struct WorkloadConfig {
  Mode mode = Mode::kSimple;
  std::string sql;                    // `$1` stands for the key, if it occurs; not for kRedis
  std::size_t keys = 1000;            // keys are 1..keys
  std::size_t redis_value_bytes = 0;  // of the values that login stores; kRedis only
};

// Immutable after make(); views live as long as the workload.
class Workload {
 public:
  // kInvalid if a prepared statement has no parameter where more than one key was asked for.
  static base::Result<Workload> make(const WorkloadConfig& config);

  std::size_t keys() const { return ends_.size(); }
  // key: 0..keys()-1.
  std::string_view request(std::size_t key) const {
    const std::size_t begin = key == 0 ? 0 : ends_[key - 1];
    return std::string_view(bytes_).substr(begin, ends_[key] - begin);
  }

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

// `SET` of a value for a key of a kRedis workload (1..keys).
std::string redis_set(std::size_t key, std::size_t value_bytes);

}  // namespace pgweir::bench
