#include "cache/kept_generations.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace pgweir::cache {
namespace {

constexpr std::uint64_t kMagic = 0x31'4e45'4752'4957;  // "WIRGEN1"
// A counter that has come so far is not taken over: it must never come round.
constexpr std::uint64_t kBumpsMax = std::uint64_t{1} << (64 - Generations::kHoldBits - 1);

std::unexpected<base::Error> failed(const std::string& path, const char* what) {
  return base::fail(base::ErrorCode::kUnavailable, path + ": " + what + ": " + std::strerror(errno));
}

base::Result<void> write_all(const io::Fd& file, const char* bytes, std::size_t size,
                             const std::string& path) {
  while (size != 0) {
    const ssize_t n = ::write(file.get(), bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed(path, "cannot be written");
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

bool read_all(const io::Fd& file, char* bytes, std::size_t size) {
  while (size != 0) {
    const ssize_t n = ::read(file.get(), bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// What became of the names in it survives a crash of the machine.
base::Result<void> sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const io::Fd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || fsync(opened.get()) != 0) return failed(directory, "cannot be brought to the disk");
  return {};
}

}  // namespace

// At the start of the file, as of its copy; the counters follow.
struct KeptGenerations::Header {
  struct Run {
    std::atomic<std::uint64_t> lo, hi;
  };
  std::uint64_t magic;  // written last
  std::uint64_t slots_log2;
  std::uint64_t meaning_lo, meaning_hi;
  std::atomic<std::int64_t> wall;  // the latest seen
  std::atomic<std::uint64_t> runs_added;
  std::array<Run, kRunsMax> runs;  // the newest takes the place of the oldest
  alignas(64) std::array<KeptWords, kNamesMax> names;
};

KeptGenerations::~KeptGenerations() {
  if (header_ != nullptr) munmap(header_, bytes());
}

std::size_t KeptGenerations::bytes() const {
  constexpr std::size_t kPage = 4096;
  return (sizeof(Header) + kPage - 1) / kPage * kPage + slots() * sizeof(std::uint64_t);
}

std::atomic<std::uint64_t>* KeptGenerations::counters() const {
  char* const begin = reinterpret_cast<char*>(header_) + (bytes() - slots() * sizeof(std::uint64_t));
  return std::launder(reinterpret_cast<std::atomic<std::uint64_t>*>(begin));
}

base::Result<std::unique_ptr<KeptGenerations>> KeptGenerations::open(const KeptGenerationsConfig& config,
                                                                     const base::Clock& clock) {
  KeptGenerationsConfig clamped = config;
  clamped.slots_log2 = std::clamp(config.slots_log2, Generations::kSlotsLog2Min, Generations::kSlotsLog2Max);
  std::unique_ptr<KeptGenerations> kept(new KeptGenerations(clamped, clock));
  if (auto mapped = kept->map(); !mapped) return std::unexpected(mapped.error());
  kept->is_continued_ = kept->is_usable() || kept->read_saved();
  if (kept->is_continued_) {
    kept->settle();
  } else {
    kept->start_anew();
  }
  // From here on it is out of date.
  if (unlink(config.saved.c_str()) == 0)
    if (auto synced = sync_directory_of(config.saved); !synced) return std::unexpected(synced.error());
  kept->tick();
  kept->generations_ = std::make_unique<Generations>(clamped.slots_log2, kept->counters());
  return kept;
}

// One of the right size, ours, and all of it there, so that nothing is refused later.
base::Result<void> KeptGenerations::map() {
  const std::string& path = config_.path;
  io::Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return failed(path, "cannot be opened");
  struct stat facts{};
  struct statfs system{};
  if (fstat(file.get(), &facts) != 0 || fstatfs(file.get(), &system) != 0)
    return failed(path, "cannot be examined");
  const bool is_ours = S_ISREG(facts.st_mode) && facts.st_uid == geteuid() && (facts.st_mode & 077) == 0;
  if (!is_ours) return base::fail(base::ErrorCode::kUnavailable, path + ": is somebody else's");
  if (config_.wants_tmpfs && system.f_type != TMPFS_MAGIC)
    return base::fail(base::ErrorCode::kUnavailable, path + ": is not in memory (tmpfs)");
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) return failed(path, "is used by another process");
  const auto size = static_cast<off_t>(bytes());
  if (facts.st_size != size && ftruncate(file.get(), 0) != 0) return failed(path, "cannot be emptied");
  if (const int error = posix_fallocate(file.get(), 0, size); error != 0) {
    errno = error;
    return failed(path, "cannot be made as large as it should be");
  }
  void* const memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return failed(path, "cannot be mapped");
  madvise(memory, bytes(), MADV_HUGEPAGE);
  header_ = static_cast<Header*>(memory);
  file_ = std::move(file);
  return {};
}

bool KeptGenerations::is_usable() const {
  const Header& header = *header_;
  if (header.magic != kMagic || header.slots_log2 != config_.slots_log2) return false;
  if (header.meaning_lo != config_.meaning.lo || header.meaning_hi != config_.meaning.hi) return false;
  if (clock_.wall() < header.wall.load()) return false;
  return std::all_of(counters(), counters() + slots(), [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed) >> Generations::kHoldBits < kBumpsMax;
  });
}

bool KeptGenerations::read_saved() {
  const io::Fd saved(::open(config_.saved.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat facts{};
  if (!saved || fstat(saved.get(), &facts) != 0 || facts.st_size != static_cast<off_t>(bytes())) return false;
  return read_all(saved, reinterpret_cast<char*>(header_), bytes()) && is_usable();
}

void KeptGenerations::start_anew() {
  std::memset(static_cast<void*>(header_), 0, bytes());
  header_->slots_log2 = config_.slots_log2;
  set_meaning(config_.meaning);
  header_->magic = kMagic;
}

void KeptGenerations::set_meaning(const base::Hash128& meaning) {
  header_->meaning_lo = meaning.lo;
  header_->meaning_hi = meaning.hi;
}

void KeptGenerations::settle() {
  for (std::size_t slot = 0; slot < slots(); ++slot) {
    std::atomic<std::uint64_t>& counter = counters()[slot];
    const std::uint64_t value = counter.load(std::memory_order_relaxed);
    if (Generations::is_held(value))
      counter.store((value & ~Generations::kHoldMask) + Generations::kBump, std::memory_order_relaxed);
  }
}

void KeptGenerations::add_run(const base::Hash128& run) {
  const std::lock_guard lock(mutex_);
  Header::Run& place = header_->runs[header_->runs_added.load() % kRunsMax];
  // Half of one and half of another is known to nobody.
  place.lo.store(run.lo);
  place.hi.store(run.hi);
  header_->runs_added.fetch_add(1);
}

bool KeptGenerations::knows_run(const base::Hash128& run) const {
  const std::lock_guard lock(mutex_);
  const std::size_t known = std::min<std::uint64_t>(header_->runs_added.load(), kRunsMax);
  return std::any_of(header_->runs.begin(), header_->runs.begin() + known, [&](const Header::Run& one) {
    return one.lo.load() == run.lo && one.hi.load() == run.hi;
  });
}

KeptWords* KeptGenerations::words(std::uint64_t name) {
  const std::lock_guard lock(mutex_);
  name |= 1;  // never 0, which is nobody's
  for (KeptWords& one : header_->names) {
    if (one.name.load() == 0) one.name.store(name);
    if (one.name.load() == name) return &one;
  }
  return nullptr;
}

void KeptGenerations::tick() {
  const std::int64_t now = clock_.wall();
  if (now > header_->wall.load()) header_->wall.store(now);
}

base::Result<void> KeptGenerations::save() {
  tick();
  const std::string next = config_.saved + ".new";
  io::Fd file(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return failed(next, "cannot be written");
  if (auto done = write_all(file, reinterpret_cast<const char*>(header_), bytes(), next); !done) return done;
  if (fsync(file.get()) != 0) return failed(next, "cannot be brought to the disk");
  if (rename(next.c_str(), config_.saved.c_str()) != 0) return failed(next, "cannot be renamed");
  if (auto done = sync_directory_of(config_.saved); !done) return done;
  if (unlink(config_.path.c_str()) != 0) return failed(config_.path, "cannot be removed");
  return {};
}

}  // namespace pgweir::cache
