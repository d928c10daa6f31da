#include "cache/s3fifo.h"

namespace pgweir::cache {

void S3Fifo::insert(PolicyNode& node, Credit credit) {
  node.frequency = 0;
  small_.look_ahead();
  main_.look_ahead();
  (credit != 0 ? main_ : small_).push(node);
}

// A key that had earned its place in main gets it back when it is filled again.
Policy::Credit S3Fifo::remove(PolicyNode& node) {
  const bool was_main = node.queue == Queue::kMain;
  (was_main ? main_ : small_).remove(node);
  return was_main || node.frequency > 1 ? 1 : 0;
}

Policy::Victim S3Fifo::take(PolicyNode& node, bool is_dead) {
  const bool was_main = node.queue == Queue::kMain;
  const Credit earned = remove(node);
  return {.node = &node,
          .credit = is_dead ? earned : Credit(was_main ? 0 : 1),
          .is_dead = is_dead,
          .ages_ghosts = !was_main};
}

Policy::Victim S3Fifo::evict(const IsDead& is_dead) {
  small_.look_ahead();
  main_.look_ahead();
  PolicyNode* const tails[] = {small_.tail(), main_.tail()};
  for (PolicyNode* tail : tails) {
    if (tail != nullptr && is_dead(*tail)) return take(*tail, true);
  }
  for (unsigned reinserted = 0;;) {
    PolicyNode* const tail = next_queue().tail();
    if (tail == nullptr) return {};
    const bool from_small = tail == small_.tail();
    const bool is_spared =
        from_small ? tail->frequency > 1 : tail->frequency > 0 && reinserted < kReinsertMax;
    const bool dead = tail != tails[0] && tail != tails[1] && is_dead(*tail);
    if (!is_spared || dead) return take(*tail, dead);
    if (!from_small) ++reinserted;
    (from_small ? small_ : main_).remove(*tail);
    tail->frequency = from_small ? 0 : static_cast<std::uint16_t>(tail->frequency - 1);
    main_.push(*tail);
  }
}

}  // namespace pgweir::cache
