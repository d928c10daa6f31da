#include "io/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <vector>

#include "io/socket.h"

namespace pgweir::io {
namespace {

using base::kSecond;
using testing::ElementsAre;

// An event counter that is readable from the start.
class Event final : public Handler {
 public:
  explicit Event(std::function<void(Event&)> action) : action_(std::move(action)) {}
  void on_ready(std::uint32_t events) override {
    ++calls;
    last_events = events;
    action_(*this);
  }
  int fd() const { return fd_.get(); }

  int calls = 0;
  std::uint32_t last_events = 0;

 private:
  Fd fd_{eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::function<void(Event&)> action_;
};

class LoopTest : public testing::Test {
 protected:
  base::ManualClock clock;
  Loop loop{clock};
};

TEST_F(LoopTest, TimersRunInOrderOfTheirTime) {
  std::vector<int> ran;
  loop.after(30, [&] {
    ran.push_back(3);
    loop.stop();
  });
  loop.after(10, [&] { ran.push_back(1); });
  loop.after(20, [&] { ran.push_back(2); });
  clock.advance(30);
  loop.run();
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST_F(LoopTest, ATimerDoesNotRunBeforeItsTime) {
  bool early = false;
  loop.after(kSecond, [&] { early = true; });
  loop.after(0, [&] { loop.stop(); });
  clock.advance(kSecond - 1);
  loop.run();
  EXPECT_FALSE(early);
}

TEST_F(LoopTest, ACancelledTimerDoesNotRun) {
  bool ran = false;
  const TimerId id = loop.after(10, [&] { ran = true; });
  loop.after(10, [&] { loop.stop(); });
  loop.cancel(id);
  loop.cancel(id);
  loop.cancel(0);
  clock.advance(10);
  loop.run();
  EXPECT_FALSE(ran);
}

TEST_F(LoopTest, ATimerMayCancelAnother) {
  bool ran = false;
  TimerId second = 0;
  loop.after(10, [&] { loop.cancel(second); });
  second = loop.after(20, [&] { ran = true; });
  loop.after(30, [&] { loop.stop(); });
  clock.advance(30);
  loop.run();
  EXPECT_FALSE(ran);
}

TEST_F(LoopTest, ManyCancelledTimersLeaveTheOthersAlone) {
  std::vector<TimerId> ids;
  int ran = 0;
  for (int i = 0; i < 1000; ++i) ids.push_back(loop.after(i, [&] { ++ran; }));
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (i % 10 != 0) loop.cancel(ids[i]);
  loop.after(1000, [&] { loop.stop(); });
  clock.advance(1000);
  loop.run();
  EXPECT_EQ(ran, 100);
}

TEST_F(LoopTest, PostedFromAnotherThread) {
  int sum = 0;
  std::thread other([&] {
    for (int i = 1; i <= 100; ++i) loop.post([&sum, i] { sum += i; });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  other.join();
  EXPECT_EQ(sum, 5050);
}

TEST_F(LoopTest, PostedFromWithinPosted) {
  std::vector<int> order;
  loop.post([&] {
    order.push_back(1);
    loop.post([&] {
      order.push_back(3);
      loop.stop();
    });
    order.push_back(2);
  });
  loop.run();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST_F(LoopTest, StopWakesALoopThatHasNothingToDo) {
  std::thread other([&] { loop.stop(); });
  loop.run();
  other.join();
}

TEST_F(LoopTest, DeferredRunsBehindTheBatchAndBehindItself) {
  std::vector<int> order;
  loop.post([&] {
    loop.defer([&] {
      order.push_back(2);
      loop.defer([&] {
        order.push_back(3);
        loop.stop();
      });
    });
    order.push_back(1);
  });
  loop.run();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST_F(LoopTest, ADeferredActionFromBeforeDoesNotWaitForAnEvent) {
  loop.defer([&] { loop.stop(); });
  loop.run();
}

TEST_F(LoopTest, LevelTriggered) {
  Event event([&](Event& self) {
    if (self.calls == 3) loop.stop();
  });
  ASSERT_TRUE(loop.add(event.fd(), EPOLLIN, &event).has_value());
  loop.run();
  EXPECT_EQ(event.calls, 3) << "not read, so announced again";
  EXPECT_EQ(event.last_events, static_cast<std::uint32_t>(EPOLLIN));
  loop.remove(event.fd(), &event);
}

TEST_F(LoopTest, InterestMayChange) {
  Event event([&](Event& self) {
    if (self.calls == 1) return loop.modify(self.fd(), EPOLLOUT, &self);
    loop.stop();
  });
  ASSERT_TRUE(loop.add(event.fd(), EPOLLIN, &event).has_value());
  loop.run();
  EXPECT_EQ(event.last_events, static_cast<std::uint32_t>(EPOLLOUT));
  loop.remove(event.fd(), &event);
}

// Whichever is told first removes the other, which must not be told any more.
TEST_F(LoopTest, RemovedAmidABatchMeansNoEvent) {
  std::unique_ptr<Event> a, b;
  const auto remove_other = [&](Event& self) {
    Event& other = &self == a.get() ? *b : *a;
    loop.remove(other.fd(), &other);
    loop.post([&] { loop.stop(); });
  };
  a = std::make_unique<Event>(remove_other);
  b = std::make_unique<Event>(remove_other);
  ASSERT_TRUE(loop.add(a->fd(), EPOLLIN, a.get()).has_value());
  ASSERT_TRUE(loop.add(b->fd(), EPOLLIN, b.get()).has_value());
  loop.run();
  EXPECT_GE(a->calls + b->calls, 1);
  EXPECT_TRUE(a->calls == 0 || b->calls == 0);
}

TEST_F(LoopTest, AHandlerRemovesItselfAndIsDeletedLater) {
  std::unique_ptr<Event> event;
  event = std::make_unique<Event>([&](Event& self) {
    loop.remove(self.fd(), &self);
    loop.defer([&] {
      event.reset();
      loop.stop();
    });
  });
  ASSERT_TRUE(loop.add(event->fd(), EPOLLIN, event.get()).has_value());
  loop.run();
  EXPECT_EQ(event, nullptr);
}

TEST_F(LoopTest, ADescriptorThatCannotBeWatched) {
  Event event([](Event&) {});
  EXPECT_FALSE(loop.add(-1, EPOLLIN, &event).has_value());
  ASSERT_TRUE(loop.add(event.fd(), EPOLLIN, &event).has_value());
  EXPECT_FALSE(loop.add(event.fd(), EPOLLIN, &event).has_value()) << "twice";
  loop.remove(event.fd(), &event);
}

}  // namespace
}  // namespace pgweir::io
