#include "session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "evidence.h"

namespace pgweir::freshness {

void Sessions::put(int number, const Connection& connection) {
  const std::lock_guard lock(mutex_);
  members_[number] = {connection.backend(), connection.cancel_handle()};
}

void Sessions::remove(int number) {
  const std::lock_guard lock(mutex_);
  members_.erase(number);
}

std::optional<Sessions::Member> Sessions::choose(Random& random) const {
  const std::lock_guard lock(mutex_);
  if (members_.empty()) return std::nullopt;
  return std::next(members_.begin(), static_cast<std::ptrdiff_t>(random() % members_.size()))->second;
}

bool is_expected(std::string_view code) {
  static constexpr auto kCodes = std::to_array<std::string_view>({
      "",       // never sent: skipped behind an error in a pipeline
      "25P02",  // in a failed transaction
      "40001",
      "40P01",
      "57014",  // cancelled, or timed out
      "42P01",
      "XX000",  // the table was replaced a moment ago
      "55P03",
  });
  return std::ranges::find(kCodes, code) != kCodes.end();
}

Protocol choose_protocol(Random& random) {
  if (chance(random, 10)) return Protocol::kBinary;
  return static_cast<Protocol>(random() % 3);
}

Session::Session(Run& run, int number, std::string options)
    : run_(run), number_(number), options_(std::move(options)), connection_(options_) {
  if (connection_.is_open()) run_.sessions.put(number_, connection_);
}

bool Session::open() {
  if (connection_.is_open() && !connection_.is_idle()) connection_.run("ROLLBACK");
  if (connection_.is_idle()) return true;
  drop();
  run_.progress.totals.sessions_lost.fetch_add(1);
  connection_ = Connection(options_);
  if (!connection_.is_open()) return false;
  run_.sessions.put(number_, connection_);
  return true;
}

void Session::drop() {
  run_.sessions.remove(number_);
  connection_.close();
}

Event Session::event(const char* what, const char* how) const {
  return {what, how, number_, run_.progress.now()};
}

Reply Session::read(Read& read, Protocol protocol, const char* way, Snapshot* snapshot) {
  const Nanos began = run_.progress.now();
  read.begin(began, snapshot);
  Reply reply = connection_.run(read.statement(), protocol);
  judge(read, reply, began, fmt::format("{}, {}", way, name(protocol)), snapshot);
  return reply;
}

void Session::judge(Read& read, const Reply& reply, Nanos began, std::string_view way, Snapshot* snapshot) {
  Progress& progress = run_.progress;
  const auto evidence = [&] {
    std::string text =
        fmt::format("\n    [{}] by session {} ({}), sent at {:.6f} s, answered by {:.6f} s: {}",
                    read.statement().with_literals(), number_, way, static_cast<double>(began) / 1e9,
                    static_cast<double>(progress.now()) / 1e9,
                    reply.done() ? show(reply.rows) : reply.code + " " + reply.message);
    return text.append(evidence_at(run_, connection_.backend(), began));
  };
  if (!reply.done()) {
    progress.totals.reads_failed.fetch_add(1);
    if (!reply.lost() && !is_expected(reply.code)) progress.violation("ERROR: a read failed" + evidence());
    return;
  }
  const char* const how = read.text();
  for (const std::string& complaint : read.judge(reply, event("read", how), snapshot))
    progress.violation(complaint + evidence());
  progress.read_checked();
}

}  // namespace pgweir::freshness
