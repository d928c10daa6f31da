#include "proxy/earlier_replies.h"

#include "sync/kept_slot.h"

namespace pgweir::proxy {

void EarlierReplies::decide(bool is_told) {
  const std::lock_guard lock(mutex_);
  if (is_decided()) return;
  is_told_ = is_told;
  if (fingerprint_ != 0) compare();
  is_decided_.store(true, std::memory_order_release);
}

void EarlierReplies::read(std::string_view fingerprint) {
  if (words_ == nullptr) return;
  const std::lock_guard lock(mutex_);
  fingerprint_ = base::hash128(slots_.secret(), fingerprint).lo | 1;
  if (is_decided()) compare();
}

// What is kept of it follows the generations, so that whoever is killed in between finds a difference.
void EarlierReplies::compare() {
  std::atomic<std::uint64_t>& kept = at(*words_, sync::KeptWord::kCatalog);
  if (!is_compared_ && !is_told_ && kept != fingerprint_) slots_.generations().bump(slots_.everything());
  is_compared_ = true;
  kept = fingerprint_;
}

}  // namespace pgweir::proxy
