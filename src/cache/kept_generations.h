// Generations that outlive their process, so that what an earlier one has written to the disk can still be
// compared with them. The counters lie in a file that is memory (tmpfs): whatever has been counted is there
// however the process ends, and no counting ever waits for a device. What a machine forgets, a clean end
// saves: a copy goes to another file, to be found once, after the machine's next start.
//
// Replies name the run of the store that wrote them. Only those of runs that are known here were written
// under these counters; whatever else is on a disk, a copy of an older state put back included, compares with
// nothing. A slot that was held at the end has moved: nobody knows what became of the write.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "cache/generations.h"
#include "io/socket.h"

namespace pgweir::cache {

struct KeptGenerationsConfig {
  std::string path;   // in tmpfs
  std::string saved;  // for the copy; its directory exists
  unsigned slots_log2 = 20;
  // Of what names of slots and keys of replies mean: under another nothing is known.
  base::Hash128 meaning;
  bool wants_tmpfs = true;  // tests do without
};

// Words that others keep beside the counters, under a name; 0 at first. Any thread.
struct KeptWords {
  static constexpr std::size_t kWords = 7;
  std::atomic<std::uint64_t> name{0};
  std::array<std::atomic<std::uint64_t>, kWords> words{};
};

// Any thread, unless a function says otherwise. Locked against other processes.
class KeptGenerations {
 public:
  static constexpr std::size_t kNamesMax = 1024;
  static constexpr std::size_t kRunsMax = 128;

  // With what an earlier process has left, if it means the same and the clock has not gone back since.
  // kUnavailable: another process has it, or the system refuses.
  static base::Result<std::unique_ptr<KeptGenerations>> open(const KeptGenerationsConfig& config,
                                                             const base::Clock& clock);
  ~KeptGenerations();
  KeptGenerations(const KeptGenerations&) = delete;
  KeptGenerations& operator=(const KeptGenerations&) = delete;

  Generations& generations() { return *generations_; }
  // Whether there was anything to go on with.
  bool is_continued() const { return is_continued_; }

  // From now on they mean this.
  void set_meaning(const base::Hash128& meaning);
  // A run whose replies depend on these counters from now on. Of many only the last are known.
  void add_run(const base::Hash128& run);
  bool knows_run(const base::Hash128& run) const;
  // Null: there are too many.
  KeptWords* words(std::uint64_t name);
  // Says how late it is, now and then: a clock that is behind that at the next start has gone back.
  void tick();

  // The clean end: nobody counts any more. The file in memory goes once the copy is safe.
  base::Result<void> save();

 private:
  struct Header;

  KeptGenerations(const KeptGenerationsConfig& config, const base::Clock& clock)
      : config_(config), clock_(clock) {}
  base::Result<void> map();
  bool is_usable() const;
  bool read_saved();
  void start_anew();
  void settle();
  std::size_t slots() const { return std::size_t{1} << config_.slots_log2; }
  std::size_t bytes() const;
  std::atomic<std::uint64_t>* counters() const;

  const KeptGenerationsConfig config_;
  const base::Clock& clock_;
  io::Fd file_;
  Header* header_ = nullptr;  // mapped
  std::unique_ptr<Generations> generations_;
  bool is_continued_ = false;
  mutable std::mutex mutex_;  // of runs and names
};

}  // namespace pgweir::cache
