#include "proxy/channel.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
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
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    const io::Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listener.get(), at, size), 0);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    EXPECT_EQ(getsockname(listener.get(), at, &size), 0);
    peer = io::Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(peer.get(), at, size), 0);
    EXPECT_TRUE(channel.open(io::Stream(io::Fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK)))));
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
  base::Level held_bytes;
  Channel channel{loop, *this, held_bytes};
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

// A read ends before an urgent byte, which PostgreSQL's clients do not send, with more behind it.
TEST(ChannelTest, WhatIsBehindAnUrgentByteIsAnnouncedAgain) {
  Reader reader;
  reader.say("abc");
  EXPECT_EQ(send(reader.peer.get(), "!", 1, MSG_OOB), 1);
  reader.say("def");
  reader.on_read = [&] {
    if (reader.heard == "abcdef") shutdown(reader.peer.get(), SHUT_WR);
  };
  reader.loop.run();
  EXPECT_EQ(reader.heard, "abcdef");
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
