// A small store on a mock device, cranked by hand, for the tests of the disk tier.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/disk_store.h"
#include "cache/kept_generations.h"
#include "cache/test_cache.h"
#include "io/mock_device.h"

namespace pgweir::cache {

inline DiskStoreConfig small_store() {
  return {.segment_bytes = 4096, .buffers = 2, .write_bytes = 4096, .identity = {.lo = 1, .hi = 2}};
}

// Counters that outlive stores, caches and themselves, in a file of the test's own.
class TestKept {
 public:
  TestKept() { reopen(); }
  ~TestKept() {
    kept_.reset();
    unlink(config.path.c_str());
    unlink(config.saved.c_str());
  }
  // As a process does that follows one that was killed, or one that ended well.
  void reopen() {
    kept_.reset();
    auto opened = KeptGenerations::open(config, clock);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    kept_ = std::move(*opened);
  }
  KeptGenerations& operator*() const { return *kept_; }
  KeptGenerations* operator->() const { return kept_.get(); }

  base::ManualClock clock;
  KeptGenerationsConfig config{.path = name("generations"),
                               .saved = name("saved"),
                               .slots_log2 = 10,
                               .meaning = {.lo = 3, .hi = 4},
                               .wants_tmpfs = false};

 private:
  static std::string name(const char* what) {
    return testing::TempDir() + "kept." + std::to_string(getpid()) + "." + what;
  }
  std::unique_ptr<KeptGenerations> kept_;
};

struct TestStore {
  explicit TestStore(io::Device& store_device, const DiskStoreConfig& config = small_store())
      : generations(config.kept != nullptr ? config.kept->generations() : own_generations),
        store(config, store_device, clock, [this](const disk::Record& record) {
          return clock.now() >= record.expires_at || !generations.is_fresh(record.dependencies);
        }) {}

  bool open() {
    const bool opened = store.open().has_value();
    if (opened) work();
    return opened;
  }
  // All that there is to do; false if a part of it failed.
  bool work() {
    bool done = true;
    while (done && store.has_work()) done = store.work().has_value();
    return done;
  }
  bool append(std::uint64_t number, std::string_view bytes, base::Nanos ttl = 100 * base::kSecond) {
    const std::vector<Dependency> dependencies{generations.depend(3), generations.depend(4)};
    const auto place = store.append({.key = key_of(number),
                                     .asked_at = clock.now(),
                                     .expires_at = clock.now() + ttl,
                                     .cost = base::kMillisecond,
                                     .mark = static_cast<std::uint32_t>(number % 3),
                                     .dependencies = dependencies,
                                     .bytes = bytes},
                                    store.epoch());
    if (place) store.publish(key_of(number), *place);
    last_append = place ? Admission::kAdmitted : place.error();
    return place.has_value();
  }
  // Empty if it is not there.
  std::string get(std::uint64_t number) {
    const auto place = store.find(key_of(number));
    if (!place) return "";
    std::string bytes;
    disk::Record record;
    last_read = store.read(key_of(number), *place, bytes, record);
    return last_read == DiskRead::kFound ? std::string(record.bytes) : "";
  }

  base::ManualClock clock;
  Generations own_generations{10};
  Generations& generations;
  DiskStore store;
  DiskRead last_read = DiskRead::kGone;
  Admission last_append = Admission::kClosed;
};

}  // namespace pgweir::cache
