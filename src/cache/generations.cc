#include "cache/generations.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace pgweir::cache {

Generations::Generations(unsigned slots_log2)
    : slots_log2_(std::clamp(slots_log2, kSlotsLog2Min, kSlotsLog2Max)),
      slots_(std::make_unique<std::atomic<std::uint64_t>[]>(std::size_t{1} << slots_log2_)) {}

bool Generations::is_fresh(std::span<const Dependency> dependencies) const {
  return std::all_of(dependencies.begin(), dependencies.end(),
                     [this](const Dependency& dependency) { return is_fresh(dependency); });
}

void Generations::hold(Slot slot) {
  const std::uint64_t before = slots_[slot].fetch_add(1, std::memory_order_seq_cst);
  CHECK((before & kHoldMask) != kHoldMask);
}

void Generations::release(Slot slot) {
  const std::uint64_t before = slots_[slot].fetch_add(kBump - 1, std::memory_order_seq_cst);
  CHECK(is_held(before));
}

void Generations::release_unmoved(Slot slot) {
  const std::uint64_t before = slots_[slot].fetch_sub(1, std::memory_order_seq_cst);
  CHECK(is_held(before));
}

Hold::Hold(Generations& generations, std::span<const Slot> slots)
    : generations_(&generations), slots_(slots.begin(), slots.end()) {
  std::sort(slots_.begin(), slots_.end());
  slots_.erase(std::unique(slots_.begin(), slots_.end()), slots_.end());
  for (const Slot slot : slots_) generations_->hold(slot);
}

Hold::Hold(Hold&& other) noexcept
    : generations_(other.generations_), slots_(std::exchange(other.slots_, {})) {}

Hold& Hold::operator=(Hold&& other) noexcept {
  if (this != &other) {
    release();
    generations_ = other.generations_;
    slots_ = std::exchange(other.slots_, {});
  }
  return *this;
}

void Hold::release() {
  for (const Slot slot : slots_) generations_->release(slot);
  slots_.clear();
}

void Hold::release_unmoved() {
  for (const Slot slot : slots_) generations_->release_unmoved(slot);
  slots_.clear();
}

}  // namespace pgweir::cache
