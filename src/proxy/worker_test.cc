#include "proxy/worker.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <array>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "proxy/test_network.h"

namespace pgweir::proxy {
namespace {

using testing::StartsWith;

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() { worker.start(); }
  ~WorkerTest() override {
    worker.stop();
    worker.join();
  }

  static std::shared_ptr<const LiveSettings> settings(unsigned sessions_max) {
    auto live = std::make_shared<LiveSettings>();
    live->server.sessions_max = sessions_max;
    UpstreamConfig nowhere;
    nowhere.addresses.clear();
    live->upstream = UpstreamTarget::make(nowhere).value();
    return live;
  }
  // A client that this worker has taken over.
  TestClient client() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    EXPECT_EQ(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    worker.accept(io::Fd(ends[0]));
    return TestClient(io::Fd(ends[1]));
  }
  // Returns once all that was posted before has run, and what it deferred.
  void settle() {
    for (int i = 0; i < 2; ++i) {
      std::promise<void> done;
      worker.loop().post([&] { done.set_value(); });
      done.get_future().wait();
    }
  }
  std::int64_t open_sessions() const { return worker.stats().client_sessions.get(); }

  base::ManualClock clock;
  cache::Generations generations{10};
  cache::Cache cache{{}, clock, generations};
  CatalogKeeper catalogs{generations, base::HashSecret{1, 2}, clock};
  guard::Gate gate{guard::GuardConfig{}, clock};
  CancelRegistry cancels;
  io::Resolver resolver;
  std::atomic<unsigned> sessions{0};
  std::atomic<bool> upstream_reached{true};
  Worker worker{
      {clock, cache, catalogs, gate, cancels, resolver, base::HashSecret{1, 2}, sessions, upstream_reached},
      settings(1)};
};

TEST_F(WorkerTest, AClientThatSaysNothingIsClosedAfterTheTimeout) {
  TestClient silent = client();
  settle();
  EXPECT_EQ(worker.connections(), 1U);
  EXPECT_EQ(open_sessions(), 1);
  clock.advance(ServerConfig{}.startup_timeout);
  settle();
  EXPECT_EQ(silent.read_all(), "");
  settle();
  EXPECT_EQ(worker.connections(), 0U);
  EXPECT_EQ(open_sessions(), 0);
}

TEST_F(WorkerTest, WithoutUpstreamTheClientIsToldAndNotCounted) {
  EXPECT_THAT(client().refusal(), StartsWith("08006 "));
  settle();
  EXPECT_FALSE(upstream_reached);
  EXPECT_EQ(sessions, 0U);
}

TEST_F(WorkerTest, TheLimitIsOfAllWorkersAndMayChange) {
  sessions = 1;  // another worker's
  EXPECT_THAT(client().refusal(), StartsWith("53300 "));
  settle();
  EXPECT_EQ(sessions, 1U);
  worker.set_live(settings(2));
  EXPECT_THAT(client().refusal(), StartsWith("08006 "));
  settle();
  EXPECT_EQ(sessions, 1U);
}

TEST_F(WorkerTest, OnceDrainedNobodyLogsIn) {
  TestClient early = client();
  worker.drain();
  settle();
  EXPECT_THAT(early.refusal(), StartsWith("57P03 "));
  EXPECT_THAT(client().refusal(), StartsWith("57P03 "));
}

TEST_F(WorkerTest, CutEndsSessionsAtOnce) {
  TestClient silent = client();
  worker.cut();
  EXPECT_EQ(silent.read_all(), "");
}

}  // namespace
}  // namespace pgweir::proxy
