#include "guard/gate.h"

#include <gmock/gmock.h>

#include <atomic>
#include <deque>
#include <optional>
#include <random>
#include <thread>

namespace pgweir::guard {
namespace {

using base::kMillisecond;
using base::kSecond;
using State = Permit::State;

class Calls final : public Waiter {
 public:
  void turn_has_come() noexcept override { ++times; }
  std::atomic<int> times{0};
};

class GateTest : public testing::Test {
 protected:
  struct Asker {
    explicit Asker(Gate& gate) : permit(gate, calls) {}
    std::shared_ptr<Calls> calls = std::make_shared<Calls>();
    Permit permit;
  };

  Asker& asker() { return askers_.emplace_back(*gate_); }
  Asker& ask(std::uint64_t template_hash = 1, std::uint64_t client = 1) {
    Asker& one = asker();
    one.permit.ask({.template_hash = template_hash, .client = client});
    return one;
  }
  // The template is known to take this long in calm times.
  void learn(std::uint64_t template_hash, base::Nanos latency) {
    Asker& one = asker();
    for (int i = 0; i < 8; ++i) {
      one.permit.ask({.template_hash = template_hash});
      one.permit.sent();
      clock_.advance(latency);
      one.permit.replied();
      one.permit.release();
    }
  }

  base::ManualClock clock_;
  void use(const GuardConfig& config) { gate_.emplace(config, clock_); }

  std::optional<Gate> gate_{std::in_place, GuardConfig{.limit = 2, .queue_max = 3}, clock_};
  std::deque<Asker> askers_;
};

TEST_F(GateTest, SoManyAreLetInAndTheNextWaitsItsTurn) {
  Asker& a = ask();
  EXPECT_EQ(a.permit.state(), State::kHeld);
  EXPECT_EQ(ask().permit.state(), State::kHeld);
  Asker& c = ask();
  EXPECT_EQ(c.permit.state(), State::kQueued);
  EXPECT_EQ(gate_->stats().active.get(), 2);
  EXPECT_EQ(gate_->stats().queued.get(), 1);
  a.permit.release();
  EXPECT_EQ(c.permit.state(), State::kHeld);
  EXPECT_EQ(c.calls->times, 1);
  EXPECT_EQ(gate_->stats().waited.get(), 1);
  EXPECT_EQ(gate_->stats().active.get(), 2);
}

TEST_F(GateTest, WhoEndsWhileItWaitsLeavesTheQueue) {
  Asker& a = ask();
  ask();
  {
    Asker gone(*gate_);
    gone.permit.ask({});
    ASSERT_EQ(gone.permit.state(), State::kQueued);
  }
  Asker& d = ask();
  a.permit.release();
  EXPECT_EQ(d.permit.state(), State::kHeld);
}

TEST_F(GateTest, AFullQueueRefusesWhoHasMostBehindIt) {
  ask(1), ask(1);
  ask(1), ask(1);
  Asker& last = ask(1);
  EXPECT_EQ(ask(1).permit.state(), State::kRefused);
  Asker& other = ask(2);
  EXPECT_EQ(other.permit.state(), State::kQueued);
  EXPECT_EQ(last.permit.state(), State::kRefused);
  EXPECT_EQ(last.calls->times, 1);
  EXPECT_EQ(gate_->stats().queued.get(), 3);
}

TEST_F(GateTest, WhoGivesUpIsRefusedOnlyIfItsTurnHasNotCome) {
  Asker& a = ask();
  ask();
  Asker& c = ask();
  Asker& d = ask();
  EXPECT_EQ(d.permit.give_up(), State::kRefused);
  a.permit.release();
  EXPECT_EQ(c.permit.give_up(), State::kHeld);
}

TEST_F(GateTest, InsideATransactionNothingWaitsAndItTakesRoom) {
  ask();
  Asker& in = asker();
  in.permit.take(1);
  asker().permit.take(1);
  EXPECT_TRUE(in.permit.is_held());
  EXPECT_EQ(gate_->stats().in_transaction.get(), 2);
  Asker& c = ask();
  EXPECT_EQ(c.permit.state(), State::kQueued);
  in.permit.release();
  EXPECT_EQ(c.permit.state(), State::kQueued);
}

TEST_F(GateTest, OneFromOutsideIsAlwaysLetIn) {
  for (int i = 0; i < 5; ++i) asker().permit.take(1);
  EXPECT_EQ(ask().permit.state(), State::kHeld);
  EXPECT_EQ(ask().permit.state(), State::kQueued);
}

TEST_F(GateTest, UrgentOnesGoFirst) {
  Asker& a = ask();
  ask();
  Asker& waits = ask();
  Asker& urgent = asker();
  urgent.permit.ask({.template_hash = 9, .is_urgent = true});
  a.permit.release();
  EXPECT_TRUE(urgent.permit.is_held());
  EXPECT_EQ(waits.permit.state(), State::kQueued);
}

TEST_F(GateTest, WhoseClientIsGoneGoesLast) {
  Asker& a = ask();
  ask();
  Asker &gone = ask(), &there = ask();
  gone.permit.put_last();
  a.permit.release();
  EXPECT_TRUE(there.permit.is_held());
  there.permit.release();
  EXPECT_TRUE(gone.permit.is_held());
}

TEST_F(GateTest, InAQueueThatDoesNotEmptyTheNewestHasItsTurn) {
  Asker &a = ask(), &b = ask();
  Asker& old = ask();
  clock_.advance(kSecond);
  Asker& young = ask();
  a.permit.release();
  EXPECT_TRUE(young.permit.is_held());
  b.permit.release();
  EXPECT_TRUE(old.permit.is_held());
}

TEST_F(GateTest, WhatHasNoPermitIsNoMeasure) {
  Asker& one = asker();
  one.permit.sent();
  one.permit.replied();
  one.permit.release();
  clock_.advance(kSecond);
  learn(3, kSecond);
  use({.limit_min = 1, .limit_max = 4, .queue_max = 10});
  EXPECT_EQ(gate_->stats().slowdown_x1000.get(), 1000);
}

// The holder of the lock that they wait for may be the one that waits for its turn.
TEST_F(GateTest, WhatIsOverdueNoLongerKeepsOthersWaiting) {
  use({.limit_min = 2, .limit_max = 4, .queue_max = 10});
  Asker& a = ask();
  ask();
  Asker& c = ask();
  clock_.advance(kSecond - 1);
  gate_->tick();
  EXPECT_EQ(c.permit.state(), State::kQueued);
  clock_.advance(1);
  gate_->tick();
  EXPECT_TRUE(c.permit.is_held());
  EXPECT_EQ(gate_->stats().overdue.get(), 2);
  a.permit.release();
  EXPECT_EQ(gate_->stats().overdue.get(), 1);
}

TEST_F(GateTest, OverdueOnesAndOthersAreNoMoreThanTheHighestLimit) {
  use({.limit_min = 2, .limit_max = 5, .queue_max = 10});
  for (int i = 0; i < 9; ++i) ask();
  for (int i = 0; i < 5; ++i) {
    clock_.advance(2 * kSecond);
    gate_->tick();
  }
  EXPECT_EQ(gate_->stats().overdue.get(), 5);
  EXPECT_EQ(gate_->stats().active.get(), 0);
  EXPECT_EQ(gate_->stats().queued.get(), 4);
}

TEST_F(GateTest, AStatementThatAlwaysTakesLongIsNotOverdueSoSoon) {
  use({.limit_min = 2, .limit_max = 4, .queue_max = 10});
  learn(7, kSecond);
  ask(7), ask(7);
  Asker& c = ask(7);
  clock_.advance(7 * kSecond);
  gate_->tick();
  EXPECT_EQ(c.permit.state(), State::kQueued);
  clock_.advance(2 * kSecond);
  gate_->tick();
  EXPECT_TRUE(c.permit.is_held());
}

TEST_F(GateTest, OtherBoundsAreInForceAtOnce) {
  ask(), ask();
  Asker &c = ask(), &d = ask();
  gate_->configure({.limit = 3, .queue_max = 0});
  EXPECT_TRUE(c.permit.is_held() != d.permit.is_held());
  EXPECT_EQ(gate_->stats().limit.get(), 3);
}

TEST_F(GateTest, WithoutAQueueTheNextIsRefused) {
  use({.limit = 1, .queue_max = 0});
  ask();
  EXPECT_EQ(ask().permit.state(), State::kRefused);
}

// Threads that come, go, wait and give up: never more than the limit, and none is forgotten.
TEST(GateStressTest, NeverMoreThanTheLimitAndNoneIsForgotten) {
  const base::SystemClock clock;
  constexpr int kThreads = 8, kRounds = 3000, kLimit = 3;
  Gate gate({.limit = kLimit, .queue_max = 5}, clock);
  std::atomic<int> inside{0}, most{0}, held{0}, refused{0};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(static_cast<std::uint64_t>(t));
      const auto calls = std::make_shared<Calls>();
      Permit permit(gate, calls);
      for (int i = 0; i < kRounds; ++i) {
        const int before = calls->times;
        State state = permit.ask({.template_hash = random() % 4, .client = random() % 3});
        if (state == State::kQueued && random() % 4 == 0) state = permit.give_up();
        while (state == State::kQueued) {
          if (calls->times == before) std::this_thread::yield();
          state = permit.state();
        }
        if (state == State::kHeld) {
          const int now = ++inside;
          int seen = most;
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          ++held;
          permit.sent();
          permit.replied();
          --inside;
        } else {
          ++refused;
        }
        permit.release();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most, kLimit);
  EXPECT_EQ(held + refused, kThreads * kRounds);
  EXPECT_EQ(gate.stats().active.get(), 0);
  EXPECT_EQ(gate.stats().queued.get(), 0);
  EXPECT_EQ(gate.stats().admitted.get(), static_cast<std::uint64_t>(held.load()));
}

}  // namespace
}  // namespace pgweir::guard
