#include "proxy/exchange.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pgweir::proxy {
namespace {

bool is_bare_sync(const Group& group) { return group.terminator == 'S' && !group.replies; }

// Whether it is the last of the messages that answer an extended message.
bool is_last_answer(char type) {
  switch (type) {
    case '1':
    case '2':
    case '3':
    case 'T':
    case 'n':
    case 'C':
    case 'I':
    case 's':
      return true;
    default:
      return false;
  }
}

}  // namespace

bool Exchange::skipping() const {
  return groups_.size() == 1 && groups_.front().skips && groups_.front().terminator != 'S';
}

bool Exchange::settled() const {
  if (groups_.empty()) return true;
  const Group& front = groups_.front();
  if (front.doubtful_syncs != 0 || front.copy_ends != 0) return false;
  if (skipping()) return true;
  return groups_.size() == 1 && open() && front.answered == front.asked && !in_doubt() && !copying_;
}

bool Exchange::is_fenced() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const Group& group) { return !group.fence.empty(); });
}

bool Exchange::changes_settings() const {
  return std::any_of(groups_.begin(), groups_.end(),
                     [](const Group& group) { return group.changes_settings; });
}

bool Exchange::changes_names() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const Group& group) { return group.changes_names; });
}

Group& Exchange::open_group() {
  if (skipping()) return groups_.front();
  if (copying_) abandon_copy();
  if (!open()) groups_.emplace_back();
  return groups_.back();
}

Group& Exchange::sent_extended() {
  Group& group = open_group();
  group.extended = true;
  group.replies = true;
  ++group.asked;
  group.doubtful_tail |= group.doubtful_syncs != 0;
  return group;
}

Group& Exchange::sent_query(char type) {
  // Query after extended messages without a Sync: its ReadyForQuery ends them all.
  if (skipping()) return groups_.front();
  Group& group = open_group();
  group.terminator = type;
  group.replies = true;
  group.doubtful_tail |= group.doubtful_syncs != 0;
  return group;
}

void Exchange::sent_sync() {
  if (copying_) {
    ++groups_.front().doubtful_syncs;
    return;
  }
  open_group().terminator = 'S';
}

void Exchange::sent_copy_data() {
  if (!groups_.empty()) groups_.back().copy_data = true;
}

void Exchange::sent_copy_end() {
  if (copying_) {
    copying_ = false;
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
  received_reply('G');
  if (groups_.empty()) return false;
  awaiting_copy_ = true;
  if (groups_.front().copy_ends != 0) {
    --groups_.front().copy_ends;
    return true;
  }
  // Behind it: Syncs, which fall into the COPY up to its end, or a statement.
  unsigned syncs = 0;
  auto end = std::next(groups_.begin());
  bool data = groups_.front().copy_data;
  for (; end != groups_.end() && is_bare_sync(*end); ++end, ++syncs) data |= end->copy_data;
  const bool ended = end != groups_.end() && end->terminator == 'c';
  if (end != groups_.end() && !ended) {
    // Reading the statement will end the session: else COPY fails before it has read that far.
    groups_.front().doubtful_tail = groups_.front().extended && data;
    return true;
  }
  copying_ = !ended;
  groups_.erase(std::next(groups_.begin()), ended ? std::next(end) : end);
  Group& front = groups_.front();
  front.copy_data = data;
  front.doubtful_syncs = syncs;
  if (front.extended && front.terminator == 'S') {
    ++front.doubtful_syncs;
    front.terminator = 0;
    if (groups_.size() > 1) {
      front.doubtful_tail |= std::next(groups_.begin())->replies;
      absorb_next();
    }
  }
  return true;
}

void Exchange::received_reply(char type) {
  replied_ = true;
  // What is replied to is no bare Sync: those before it have fallen into a COPY.
  while (groups_.size() > 1 && is_bare_sync(groups_.front())) groups_.pop_front();
  if (groups_.empty()) return;
  strays_ = 0;
  Group& front = groups_.front();
  if (is_last_answer(type)) ++front.answered;
  if (type == 'E') {
    front.failed = true;
    copying_ = false;
    front.skips = front.answered < front.asked;
    if (front.skips) skip_to_sync();
  } else if (awaiting_copy_) {  // COPY has read up to its end
    front.doubtful_syncs = 0;
    front.doubtful_tail = false;
  }
  awaiting_copy_ = false;
}

// A Query behind extended messages is skipped too, and whatever else is sent up to a Sync.
void Exchange::skip_to_sync() {
  if (groups_.front().terminator == 0) return;  // nothing follows
  while (groups_.size() > 1 && groups_.front().terminator != 'S') {
    if (const auto next = std::next(groups_.begin()); next->terminator == 'c') {
      groups_.erase(next);
    } else {
      absorb_next();
    }
  }
}

Exchange::Ready Exchange::received_ready(Ended& out) {
  while (!groups_.empty() && groups_.front().terminator == 'c') groups_.pop_front();
  if (groups_.empty() || (groups_.front().replies && !replied_)) {
    if (strays_ == 0) return Ready::kLost;
    --strays_;
    return Ready::kStray;
  }
  Group& front = groups_.front();
  if (front.terminator == 0 && !front.extended) return Ready::kLost;
  if (front.failed && front.doubtful_tail) return Ready::kLost;
  strays_ += front.doubtful_syncs;
  out.splice(out.end(), groups_, groups_.begin());
  while (!groups_.empty() && groups_.front().terminator == 'c') groups_.pop_front();
  copying_ = false;
  awaiting_copy_ = false;
  replied_ = false;
  return Ready::kGroup;
}

void Exchange::forget_parse(std::string_view name) {
  for (Group& group : groups_)
    for (auto& parse : group.parses)
      if (parse.name == name) parse.forgotten = true;
}

Fence Exchange::drop_front() {
  Fence fence = std::move(groups_.front().fence);
  groups_.pop_front();
  return fence;
}

// A statement where the server waits for copy data. Reading it ends the session; if COPY has failed
// before, the Syncs sent since were not read either, unless there was data to read first.
void Exchange::abandon_copy() {
  copying_ = false;
  Group& front = groups_.front();
  unsigned syncs = front.doubtful_syncs;
  if (front.copy_data || syncs == 0) return;
  front.doubtful_syncs = 0;
  if (front.terminator == 0) {
    front.terminator = 'S';
    --syncs;
  }
  for (; syncs != 0; --syncs) groups_.emplace_back().terminator = 'S';
}

void Exchange::absorb_next() {
  const auto second = std::next(groups_.begin());
  Group next = std::move(*second);
  groups_.erase(second);
  Group& front = groups_.front();
  front.terminator = next.terminator;
  front.harmless = front.harmless && next.harmless;
  front.changes_settings |= next.changes_settings;
  front.changes_names |= next.changes_names;
  front.changes_catalog |= next.changes_catalog;
  front.statements += next.statements;
  front.replies |= next.replies;
  front.asked += next.asked;
  front.copy_ends += next.copy_ends;
  if (!next.fence.empty())
    front.fence = std::move(next.fence);  // holds all that the transaction may have touched
  for (auto& parse : next.parses) front.parses.push_back(std::move(parse));
}

}  // namespace pgweir::proxy
