#include "proxy/channel.h"

#include <utility>

namespace pgweir::proxy {

base::Result<void> Channel::open(io::Stream stream) {
  stream_.emplace(std::move(stream));
  failed_ = false;
  interest_ = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;
  left_unread_ = false;
  if (auto added = loop_.add(stream_->fd(), interest_, this); !added) {
    stream_.reset();
    return added;
  }
  return {};
}

void Channel::close() {
  if (!stream_) return;
  loop_.remove(stream_->fd(), this);
  stream_->shutdown();
  stream_.reset();
  out_.clear();
  out_.release();
  in_.clear();
  in_.release();
}

void Channel::flush() {
  while (!out_.empty() && !failed_ && stream_) {
    const io::IoResult result = stream_->write(out_.view());
    if (result.status == io::IoStatus::kDone) {
      out_.consume(result.bytes);
    } else if (result.status == io::IoStatus::kWouldBlock) {
      return;
    } else {
      failed_ = true;
      out_.clear();
    }
  }
}

void Channel::write_through(std::string_view bytes) {
  if (!stream_) return;
  flush();
  if (out_.empty() && !failed_) {
    const io::IoResult result = stream_->write(bytes);
    if (result.status == io::IoStatus::kDone) {
      bytes.remove_prefix(result.bytes);
    } else if (result.status != io::IoStatus::kWouldBlock) {
      failed_ = true;
    }
  }
  if (!failed_) out_.append(bytes);
}

void Channel::settle() {
  out_.release();
  in_.release();
  if (!stream_) return;
  std::uint32_t interest = half_close_;
  // TLS may have to write before it can read, and the other way round.
  if (want_read_) interest |= EPOLLIN | EPOLLPRI | stream_->wanted_to_read();
  if (!out_.empty()) interest |= EPOLLOUT | stream_->wanted_to_write();
  if (!stream_->is_tls()) interest |= EPOLLET;  // TLS reads ahead by itself
  if (interest == interest_ && !left_unread_) return;
  interest_ = interest;
  left_unread_ = false;
  loop_.modify(stream_->fd(), interest, this);
}

}  // namespace pgweir::proxy
