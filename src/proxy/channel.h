// One side of a session: a stream on the worker's loop, the bytes that wait to be written to it, and
// the bytes of a message that has not arrived whole.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "io/loop.h"
#include "io/stream.h"

namespace pgweir::proxy {

class Channel;

class ChannelOwner {
 public:
  virtual ~ChannelOwner() = default;
  // events as of epoll. The owner may close the channel meanwhile, not destroy it.
  virtual void on_channel(Channel& channel, std::uint32_t events) = 0;
};

// Lives on its worker's thread. Empty buffers hold no memory.
class Channel final : public io::Handler {
 public:
  // Above this many unsent bytes the other side is not read (backpressure).
  static constexpr std::size_t kCongestedBytes = 256 * 1024;
  // Events after which something, or the end, can be read.
  static constexpr std::uint32_t kReadable = EPOLLIN | EPOLLPRI | EPOLLHUP | EPOLLERR | EPOLLRDHUP;

  // What it has to keep for its peers counts in the level.
  Channel(io::Loop& loop, ChannelOwner& owner, base::Level& bytes)
      : loop_(loop), owner_(owner), out_(bytes), in_(bytes) {}
  ~Channel() override { close(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  base::Result<void> open(io::Stream stream);
  void close();
  bool is_open() const { return stream_.has_value(); }
  // REQUIRES: is_open().
  io::Stream& stream() { return *stream_; }

  // Appends to this and flush() once at the end of an event.
  base::Buffer& out() { return out_; }
  bool has_unsent() const { return !out_.empty(); }
  // Writes what the socket takes. After a failure the channel swallows output; see failed().
  void flush();
  // Sends bytes straight from the caller's memory where nothing waits, and keeps the rest.
  void write_through(std::string_view bytes);
  bool congested() const { return out_.size() > kCongestedBytes; }
  bool failed() const { return failed_; }

  // Bytes read and not consumed yet.
  base::Buffer& in() { return in_; }
  io::IoResult read(std::span<char> into) {
    const io::IoResult result = stream_->read(into);
    left_unread_ = left_unread_ || (result.status == io::IoStatus::kDone && result.bytes == into.size());
    return result;
  }

  // Whether readable events are wanted. A hang-up is reported either way.
  void want_read(bool wanted) { want_read_ = wanted; }
  // The peer's end of stream is known: no more events for that.
  void ignore_half_close() { half_close_ = 0; }
  // Tells the loop what changed; call at the end of each event. Also gives back empty buffers.
  void settle();

  void on_ready(std::uint32_t events) override {
    left_unread_ = (events & ~(EPOLLIN | EPOLLOUT)) != 0;
    owner_.on_channel(*this, events);
  }

 private:
  io::Loop& loop_;
  ChannelOwner& owner_;
  std::optional<io::Stream> stream_;
  base::Buffer out_;
  base::Buffer in_;
  std::uint32_t interest_ = 0;
  bool want_read_ = true;
  // A plain stream is watched for edges, which spares epoll a second look at each that was ready. So what
  // is there now and stays there must be announced again: more than was read, and the end behind the last
  // bytes (epoll(7): a short read has emptied a stream, but for its end, or before urgent data, tcp(7)).
  bool left_unread_ = false;
  std::uint32_t half_close_ = EPOLLRDHUP;
  bool failed_ = false;
};

}  // namespace pgweir::proxy
