#include "sync/applier.h"

#include <charconv>
#include <utility>

namespace pgweir::sync {
namespace {

std::unexpected<base::Error> out_of_order(const char* what) {
  return base::fail(base::ErrorCode::kInvalid, std::string("replication stream: ") + what);
}

}  // namespace

Applier::Applier(ChangeSlots& slots, std::function<void()> definitions_changed, std::string heartbeat_name)
    : slots_(slots),
      definitions_changed_(std::move(definitions_changed)),
      heartbeat_name_(std::move(heartbeat_name) + ':') {}

base::Result<void> Applier::apply(std::string_view payload) {
  const auto message = parse_message(payload);
  if (!message) return std::unexpected(message.error());
  return std::visit([this](const auto& known) { return on(known); }, *message);
}

base::Result<void> Applier::on(const Begin& begin) {
  if (in_transaction_) return out_of_order("a transaction begins within another");
  in_transaction_ = true;
  xid_ = begin.xid;
  commit_lsn_ = begin.final_lsn;
  definitions_ = false;
  beat_ = 0;
  slots_.begin();
  return {};
}

base::Result<void> Applier::on(const Commit& commit) {
  if (!std::exchange(in_transaction_, false)) return out_of_order("a commit without its transaction");
  position_ = commit.end_lsn;
  if (beat_ != 0) heartbeat_ = beat_;
  const std::vector<cache::Slot> changed = slots_.take();
  ++stats_.transactions;
  if (changed.empty() && !definitions_) return {};
  cache::Generations& generations = slots_.slots().generations();
  Pending pending{.xid = xid_,
                  .commit_lsn = commit_lsn_,
                  .hold = {generations, changed},
                  .definitions = definitions_,
                  .layout = slots_.layout()};
  for (const cache::Slot slot : pending.hold.slots()) generations.bump(slot);
  pending_.push_back(std::move(pending));
  if (definitions_) {
    ++stats_.definitions;
    definitions_changed_();
  }
  return {};
}

base::Result<void> Applier::on(const RelationDescription& relation) {
  slots_.describe(relation);
  return {};
}

base::Result<void> Applier::on(const Change& change) {
  if (!in_transaction_) return out_of_order("a change without its transaction");
  ++stats_.changes;
  if (!slots_.add(change)) return out_of_order("a change of a relation that was not described");
  return {};
}

base::Result<void> Applier::on(const Truncate& truncate) {
  if (!in_transaction_) return out_of_order("a TRUNCATE without its transaction");
  ++stats_.changes;
  for (const query::Oid relation : truncate.relations) slots_.add_truncated(relation);
  return {};
}

base::Result<void> Applier::on(const LogicalMessage& message) {
  if (message.prefix == kDefinitionsPrefix) {
    definitions_ = true;
  } else if (message.prefix == kLostPrefix) {
    return base::fail(base::ErrorCode::kUnavailable,
                      "pgweir's event trigger failed: " + std::string(message.content));
  } else if (message.prefix == kHeartbeatPrefix && message.content.starts_with(heartbeat_name_)) {
    const std::string_view number = message.content.substr(heartbeat_name_.size());
    std::from_chars(number.data(), number.data() + number.size(), beat_);
  }
  return {};
}

void Applier::take(const Snapshot& snapshot) {
  take_untold(snapshot);
  std::erase_if(pending_, [&](Pending& pending) {
    if (!snapshot.has_ended(pending.xid)) return false;
    // Rows may have got other names meanwhile.
    if (pending.layout != slots_.current_layout())
      slots_.slots().generations().bump(slots_.slots().everything());
    pending.hold.release();
    if (pending.definitions) definitions_changed_();
    return true;
  });
}

// A slot begins to decode behind the commit of a transaction that may still wait for its standby. It may have
// changed definitions too.
void Applier::take_untold(const Snapshot& snapshot) {
  const auto ended = [&](std::uint64_t xid) { return snapshot.has_ended(static_cast<Xid>(xid)); };
  if (std::erase_if(untold_, ended) == 0) return;
  slots_.slots().generations().bump(slots_.slots().stream());
  definitions_changed_();
}

}  // namespace pgweir::sync
