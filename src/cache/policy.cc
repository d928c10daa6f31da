#include "cache/policy.h"

#include "base/check.h"
#include "cache/greedy_dual.h"
#include "cache/lru.h"
#include "cache/s3fifo.h"

namespace pgweir::cache {
std::unique_ptr<Policy> make_policy(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::kS3Fifo:
      return std::make_unique<S3Fifo>();
    case PolicyKind::kLru:
      return std::make_unique<Lru>();
    case PolicyKind::kCost:
      return std::make_unique<GreedyDual>();
  }
  CHECK(false);
  return nullptr;
}

}  // namespace pgweir::cache
