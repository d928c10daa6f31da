#include "proxy/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>

#include "base/clock.h"

namespace pgweir::proxy {
namespace {

// Reads once for each event, as a session does, until the end of the stream.
class Reader final : public ChannelOwner {
 public:
  Reader() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    peer = io::Fd(ends[1]);
    EXPECT_TRUE(channel.open(io::Stream(io::Fd(ends[0]))));
  }

  void on_channel(Channel&, std::uint32_t) override {
    std::array<char, 4> buffer{};
    const io::IoResult result = channel.read(buffer);
    if (result.status == io::IoStatus::kDone) {
      heard.append(buffer.data(), result.bytes);
      if (on_read) on_read();
    } else if (result.status == io::IoStatus::kClosed) {
      ended = true;
      loop.stop();
    }
    channel.settle();
  }
  void say(std::string_view bytes) {
    EXPECT_EQ(write(peer.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  base::SystemClock clock;
  io::Loop loop{clock};
  Channel channel{loop, *this};
  io::Fd peer;
  std::string heard;
  std::function<void()> on_read;
  bool ended = false;
};

TEST(ChannelTest, WhatOneReadLeavesIsAnnouncedAgain) {
  Reader reader;
  reader.say("more than one read takes");
  shutdown(reader.peer.get(), SHUT_WR);
  reader.loop.run();
  EXPECT_EQ(reader.heard, "more than one read takes");
  EXPECT_TRUE(reader.ended);
}

TEST(ChannelTest, TheEndBehindAShortReadIsAnnouncedAgain) {
  Reader reader;
  reader.say("abc");
  shutdown(reader.peer.get(), SHUT_WR);
  reader.loop.run();
  EXPECT_EQ(reader.heard, "abc");
  EXPECT_TRUE(reader.ended);
}

TEST(ChannelTest, WhatCameWhileNobodyWantedItIsAnnouncedLater) {
  Reader reader;
  reader.on_read = [&] {
    if (reader.heard != "abc") {
      shutdown(reader.peer.get(), SHUT_WR);
      return;
    }
    reader.channel.want_read(false);
    reader.say("def");
    reader.loop.after(0, [&] {
      EXPECT_EQ(reader.heard, "abc");
      reader.channel.want_read(true);
      reader.channel.settle();
    });
  };
  reader.say("abc");
  reader.loop.run();
  EXPECT_EQ(reader.heard, "abcdef");
  EXPECT_TRUE(reader.ended);
}

}  // namespace
}  // namespace pgweir::proxy
