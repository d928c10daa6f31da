// Warm-up of a running pgweir: recording while it serves, and asking again after its start.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "admin/status.h"
#include "app/current_config.h"
#include "base/clock.h"
#include "base/hash.h"
#include "observe/prometheus.h"
#include "proxy/server.h"
#include "warm/recorder.h"
#include "warm/warmer.h"

namespace pgweir::app {

// The main thread's, unless a function says otherwise. Without warm.user it does nothing.
class ServeWarm {
 public:
  ServeWarm(const config::Config& config, const base::HashSecret& secret, const base::Clock& clock);
  ~ServeWarm();

  // Null: nothing is recorded.
  warm::Recorder* recorder() { return recorder_.get(); }
  // Begins to warm up. All outlive stop(). REQUIRES: the server is started.
  void start(const proxy::Server& server, const CurrentConfig& config);
  // Some ten times a second.
  void tick();
  // Before the server drains: asks nothing more.
  void stop();
  // Once nobody serves any more.
  void save();
  std::uint64_t memory_bytes() const { return recorder_ ? recorder_->memory_bytes() : 0; }

  // Any thread, and below. One more warm-up; false: one is not over, or there is none.
  bool begin() const;
  // Nothing: there is none.
  std::optional<admin::Status::Warm> status() const;
  // Why readiness waits for it, if it is to.
  std::optional<std::string> not_ready_reason() const;
  void write_metrics(observe::PrometheusWriter& out) const;

 private:
  class Asker;

  const warm::WarmConfig config_;
  const base::HashSecret secret_;
  const base::Clock& clock_;
  const base::Nanos began_at_;
  std::unique_ptr<warm::Recorder> recorder_;
  std::unique_ptr<Asker> judge_;
  std::unique_ptr<warm::Warmer> warmer_;
  std::atomic<warm::Warmer*> shown_{nullptr};  // warmer_, once it is there
};

}  // namespace pgweir::app
