#include "cache/generations.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "base/check.h"

namespace pgweir::cache {

Generations::Generations(unsigned slots_log2)
    : slots_log2_(std::clamp(slots_log2, kSlotsLog2Min, kSlotsLog2Max)),
      slots_(allocate(std::size_t{1} << slots_log2_)) {}

Generations::Generations(unsigned slots_log2, std::atomic<std::uint64_t>* counters)
    : slots_log2_(slots_log2), slots_(counters, Free{.is_ours = false}) {
  CHECK(slots_log2 >= kSlotsLog2Min && slots_log2 <= kSlotsLog2Max);
}

// On huge pages where there are any: lookups go to slots at random, and would miss in the TLB each time.
std::unique_ptr<std::atomic<std::uint64_t>[], Generations::Free> Generations::allocate(std::size_t size) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const std::size_t bytes = size * sizeof(std::atomic<std::uint64_t>);
  const std::size_t align = bytes < kHugePage ? alignof(std::max_align_t) : kHugePage;
  void* const memory = std::aligned_alloc(align, (bytes + align - 1) / align * align);
  CHECK(memory != nullptr);
  if (align == kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  auto* const slots = static_cast<std::atomic<std::uint64_t>*>(memory);
  std::uninitialized_value_construct_n(slots, size);
  return std::unique_ptr<std::atomic<std::uint64_t>[], Free>(slots, Free{.is_ours = true});
}

void Generations::Free::operator()(std::atomic<std::uint64_t>* slots) const {
  if (is_ours) std::free(slots);
}

bool Generations::is_fresh(std::span<const Dependency> dependencies) const {
  return std::all_of(dependencies.begin(), dependencies.end(),
                     [this](const Dependency& dependency) { return is_fresh(dependency); });
}

PackedDependency Generations::pack(const Dependency& dependency) const {
  const std::uint64_t bumps = (dependency.seen >> kHoldBits) - (is_held(dependency.seen) ? 1 : 0);
  return PackedDependency(bumps << (slots_log2_ + kKindBits) |
                          static_cast<std::uint64_t>(dependency.kind) << slots_log2_ | dependency.slot);
}

Dependency Generations::unpack(PackedDependency packed) const {
  const Slot slot = slot_of(packed);
  const std::uint64_t value = observe(slot), count = value & ~kHoldMask;
  return {slot, kind_of(packed), has_moved(packed, value) ? count - kBump : count};
}

void Generations::hold(Slot slot) {
  const std::uint64_t before = slots_[slot].fetch_add(1, std::memory_order_seq_cst);
  CHECK((before & kHoldMask) != kHoldMask);
}

void Generations::release(Slot slot) {
  const std::uint64_t before = slots_[slot].fetch_add(kBump - 1, std::memory_order_seq_cst);
  CHECK(is_held(before));
  count(before);
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
