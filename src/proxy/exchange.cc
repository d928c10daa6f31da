#include "proxy/exchange.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pgweir::proxy {

bool Exchange::may_be_skipping() const {
  if (groups_.size() != 1) return false;
  const Group& front = groups_.front();
  return front.extended && front.failed && (front.terminator == 'Q' || front.terminator == 'F');
}

bool Exchange::is_fenced() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const Group& group) { return !group.fence.empty(); });
}

bool Exchange::changes_settings() const {
  return std::any_of(groups_.begin(), groups_.end(),
                     [](const Group& group) { return group.changes_settings; });
}

Group& Exchange::sent_extended() {
  if (may_be_skipping()) return groups_.front();
  if (!open()) groups_.emplace_back();
  groups_.back().extended = true;
  return groups_.back();
}

Group& Exchange::sent_query(char type) {
  // Query after extended messages without a Sync: its ReadyForQuery ends them all.
  if (may_be_skipping()) return groups_.front();
  if (!open()) groups_.emplace_back();
  groups_.back().terminator = type;
  return groups_.back();
}

void Exchange::sent_sync() {
  if (copying_) return;  // the server ignores Sync while it copies
  if (may_be_skipping()) {
    groups_.front().terminator = 'S';
    return;
  }
  if (!open()) groups_.emplace_back();
  groups_.back().terminator = 'S';
}

void Exchange::sent_copy_end() {
  if (copying_) {
    copying_ = false;
    copy_answered_ = true;
    return;
  }
  if (groups_.empty()) return;  // the server ignores it
  if (open()) {
    ++groups_.back().copy_ends;
    return;
  }
  // Pipelined before CopyInResponse came. If the COPY fails first, the server ignores this too.
  groups_.emplace_back();
  groups_.back().terminator = 'c';
}

bool Exchange::received_copy_in() {
  if (groups_.empty()) return false;
  copy_answered_ = false;
  sync_in_doubt_ = false;
  if (groups_.front().copy_ends != 0) {
    --groups_.front().copy_ends;
    return true;
  }
  copying_ = true;
  if (groups_.front().extended && groups_.front().terminator == 'S') {
    groups_.front().terminator = 0;
    sync_in_doubt_ = true;
  }
  while (copying_ && groups_.size() > 1) {
    const Group& next = groups_[1];
    if (next.extended || next.terminator == 'Q' || next.terminator == 'F') return false;
    copying_ = next.terminator != 'c';
    groups_.erase(std::next(groups_.begin()));
  }
  if (groups_.front().terminator == 0 && groups_.size() > 1) absorb_next();
  return true;
}

void Exchange::received_error() {
  copying_ = false;
  if (groups_.empty()) return;
  groups_.front().failed = true;
  // Nothing had been sent for COPY to read, so the server cannot have read past COPY: that Sync still counts.
  if (sync_in_doubt_ && !copy_answered_ && groups_.front().terminator == 0) groups_.front().terminator = 'S';
  sync_in_doubt_ = false;
}

bool Exchange::received_ready(Group& out) {
  while (!groups_.empty() && groups_.front().terminator == 'c') groups_.pop_front();
  if (groups_.empty()) return false;
  if (groups_.front().terminator == 0 && !groups_.front().extended) return false;
  out = std::move(groups_.front());
  groups_.pop_front();
  while (!groups_.empty() && groups_.front().terminator == 'c') groups_.pop_front();
  copying_ = false;
  sync_in_doubt_ = false;
  return true;
}

void Exchange::forget_parse(std::string_view name) {
  for (Group& group : groups_)
    for (auto& parse : group.parses)
      if (parse.name == name) parse.forgotten = true;
}

cache::Hold Exchange::drop_front() {
  cache::Hold fence = std::move(groups_.front().fence);
  groups_.pop_front();
  return fence;
}

void Exchange::absorb_next() {
  Group next = std::move(groups_[1]);
  groups_.erase(std::next(groups_.begin()));
  Group& front = groups_.front();
  front.terminator = next.terminator;
  front.harmless = front.harmless && next.harmless;
  front.changes_settings |= next.changes_settings;
  front.changes_catalog |= next.changes_catalog;
  front.statements += next.statements;
  front.copy_ends += next.copy_ends;
  if (!next.fence.empty())
    front.fence = std::move(next.fence);  // holds all that the transaction may have touched
  for (auto& parse : next.parses) front.parses.push_back(std::move(parse));
}

}  // namespace pgweir::proxy
