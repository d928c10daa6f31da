#include "proxy/refreshers.h"

#include <algorithm>

#include "proxy/query_path.h"

namespace pgweir::proxy {
namespace {

// So that a search costs little, however many sessions there are.
constexpr std::size_t kLooksMax = 64;
// A client that comes back meanwhile waits for the rest of it.
constexpr base::Nanos kCostMax = base::kSecond;
constexpr base::Nanos kIdleMin = 5 * base::kMillisecond;
constexpr int kCostsOfIdleness = 4;

}  // namespace

void Refreshers::remove(QueryPath& path) {
  const auto i = std::ranges::find(paths_, &path);
  if (i == paths_.end()) return;
  *i = paths_.back();
  paths_.pop_back();
}

QueryPath* Refreshers::find(const Context& context, base::Nanos cost, base::Nanos now) {
  if (cost > kCostMax) return nullptr;
  const base::Nanos idle = std::max(kIdleMin, kCostsOfIdleness * cost);
  for (std::size_t looks = std::min(kLooksMax, paths_.size()); looks != 0; --looks) {
    next_ = (next_ + 1) % paths_.size();
    if (paths_[next_]->may_refresh(context, idle, now)) return paths_[next_];
  }
  return nullptr;
}

}  // namespace pgweir::proxy
