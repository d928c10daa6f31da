// One thing that clients write and read, and what is known of it: which versions it was given, what became
// of each, and so which of them a read may show. Versions only go up, and the database's own state follows
// their order, so that a read is judged by comparing numbers.
//
// The bounds: a read must show at least what was acknowledged, or shown to anybody, before it began (its
// floor), and at most what had been sent when it ended. A version that was rolled back must never be seen.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace pgweir::freshness {

using base::Nanos;
using Version = std::int64_t;

inline constexpr Version kLoaded = 0;  // as every cell was before the first write

// Who did what, and when: the evidence of a violation.
struct Event {
  const char* what = "loaded";  // as `how`, lives as long as the program
  const char* how = "";
  int session = 0;
  Nanos at = 0;  // since the start
};

std::string describe(const Event& event);

struct Floor {
  Version version = kLoaded;
  Event why;
};

// Any thread.
class Cell {
 public:
  // lag: for how long a change may stay unseen; 0 for what is written through pgweir.
  explicit Cell(std::string name, Nanos lag = 0);
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  const std::string& name() const { return name_; }

  // A write is about to be sent. leaves_absent: the row will be gone.
  Version begin_write(bool leaves_absent);
  // The write is committed, and the client knows.
  void acknowledge(Version version, const Event& event);
  // The write is rolled back. A complaint, if somebody has read it.
  std::optional<std::string> roll_back(Version version);
  // The outcome of writes was unknown, and then this was seen in the database itself, where nobody can
  // change the outcome any more.
  std::optional<std::string> settle(std::span<const Version> mine, std::optional<Version> shown,
                                    const Event& event);

  // What a read that begins now must show at least.
  Floor floor(Nanos now) const;
  // Whether a read that began at `floor` may show this (nothing: no row); the complaint if not.
  std::optional<std::string> judge(const Floor& floor, std::optional<Version> shown, const Event& event);
  Version newest_sent() const;
  // By what is committed for sure.
  bool is_present() const;

  // One writer at a time, for writes whose order the statements themselves do not keep.
  bool try_lease();
  void release_lease();

 private:
  enum class Fate : std::uint8_t { kOpen, kCommitted, kRolledBack };
  struct Write {
    bool leaves_absent = false;
    Fate fate = Fate::kOpen;
    bool was_read = false;
  };

  void raise(Version version, const Event& event);
  std::optional<Version> absent_since(Version version) const;
  std::optional<std::string> why_impossible(const Floor& floor, Version shown) const;
  std::optional<std::string> roll_back_locked(Version version);

  const std::string name_;
  const Nanos lag_;
  mutable std::mutex mutex_;
  std::vector<Write> writes_;  // by version
  Floor floor_;
  std::deque<Floor> known_;  // with a lag: the floors of the time that counts
  bool is_leased_ = false;
};

}  // namespace pgweir::freshness
