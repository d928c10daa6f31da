#include "cache/policy.h"

#include "base/check.h"
#include "cache/greedy_dual.h"
#include "cache/lru.h"
#include "cache/s3fifo.h"

namespace pgweir::cache {
std::unique_ptr<Policy> make_policy(PolicyKind kind, Nodes nodes) {
  switch (kind) {
    case PolicyKind::kS3Fifo:
      return std::make_unique<S3Fifo>(nodes);
    case PolicyKind::kLru:
      return std::make_unique<Lru>(nodes);
    case PolicyKind::kCost:
      return std::make_unique<GreedyDual>();
  }
  CHECK(false);
  return nullptr;
}

}  // namespace pgweir::cache
