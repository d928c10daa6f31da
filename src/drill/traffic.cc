#include "drill/traffic.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace pgweir::drill {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr unsigned kServerError = 500;
// The API closes what is idle for longer than a minute; a request that meets the closing would be lost.
constexpr base::Nanos kStaleAfter = 30 * base::kSecond;
constexpr base::Nanos kSweepEvery = 100 * base::kMillisecond;

std::chrono::steady_clock::time_point time_point(base::Nanos at) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(at));
}

struct Pending {
  ShopRequest request;
  base::Nanos start = 0;  // when the user wanted it sent
};

class Target;

// One kept-alive connection with at most one request on it. Belongs to its target.
class Wire {
 public:
  Wire(asio::io_context& loop, Target& target) : socket_(loop), target_(target) {}

  void send(Pending pending);
  bool busy() const { return pending_.has_value(); }
  bool is_late(base::Nanos now, base::Nanos deadline) const {
    return pending_ && now - pending_->start > deadline;
  }
  // Ends what is under way; its handler then reports the failure.
  void cut() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void write();
  void read();
  void finish(bool answered);

  tcp::socket socket_;
  Target& target_;
  std::optional<Pending> pending_;
  base::Nanos last_used_ = 0;
  boost::beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
};

// One API: its connections and the requests that wait for one.
class Target {
 public:
  Target(asio::io_context& loop, std::uint16_t port, std::size_t connections, base::Nanos deadline,
         TargetStats& stats)
      : address_(asio::ip::address_v4::loopback(), port), deadline_(deadline), stats_(stats) {
    for (std::size_t i = 0; i < connections; ++i) {
      wires_.push_back(std::make_unique<Wire>(loop, *this));
      idle_.push_back(wires_.back().get());
    }
  }

  const tcp::endpoint& address() const { return address_; }

  void send(Pending pending) {
    if (idle_.empty()) {
      waiting_.push_back(std::move(pending));
      return;
    }
    Wire* wire = idle_.back();  // the one used last: fewer connections stay warm than all
    idle_.pop_back();
    wire->send(std::move(pending));
  }

  void finished(Wire& wire, const Pending& pending, bool answered) {
    EndpointStats& stats = stats_[static_cast<std::size_t>(pending.request.endpoint)];
    if (answered) {
      stats.answered.add();
      stats.latency.record(base::SystemClock().now() - pending.start);
    } else {
      stats.failed.add();
    }
    if (waiting_.empty()) {
      idle_.push_back(&wire);
      return;
    }
    Pending next = std::move(waiting_.front());
    waiting_.pop_front();
    wire.send(std::move(next));
  }

  void give_up_late(base::Nanos now) {
    for (auto& wire : wires_) {
      if (wire->is_late(now, deadline_)) wire->cut();
    }
    while (!waiting_.empty() && now - waiting_.front().start > deadline_) {
      stats_[static_cast<std::size_t>(waiting_.front().request.endpoint)].failed.add();
      waiting_.pop_front();
    }
  }

 private:
  const tcp::endpoint address_;
  const base::Nanos deadline_;
  TargetStats& stats_;
  std::vector<std::unique_ptr<Wire>> wires_;
  std::vector<Wire*> idle_;
  std::deque<Pending> waiting_;
};

void Wire::send(Pending pending) {
  if (pending.start - last_used_ > kStaleAfter) cut();
  last_used_ = pending.start;
  pending_ = std::move(pending);
  if (socket_.is_open()) return write();
  socket_.async_connect(target_.address(), [this](error_code error) {
    if (error) return finish(false);
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    write();
  });
}

void Wire::write() {
  asio::async_write(socket_, asio::buffer(pending_->request.text), [this](error_code error, std::size_t) {
    if (error) return finish(false);
    read();
  });
}

void Wire::read() {
  parser_.emplace();
  http::async_read(socket_, buffer_, *parser_, [this](error_code error, std::size_t) {
    finish(!error && parser_->get().result_int() < kServerError);
  });
}

void Wire::finish(bool answered) {
  if (!answered || !parser_->get().keep_alive()) {
    cut();
    buffer_.clear();
  }
  const Pending done = *std::exchange(pending_, std::nullopt);
  target_.finished(*this, done, answered);
}

}  // namespace

class Traffic::Loop {
 public:
  Loop(const TrafficOptions& options, TrafficStats& stats)
      : options_(options),
        stats_(stats),
        loop_(1),
        arrival_(loop_),
        sweep_(loop_),
        shoppers_(options.seed, options.users, options.sizes),
        arrivals_(options.requests_per_s),
        random_(options.seed + 1),
        through_(loop_, options.through_port, options.connections, options.deadline, stats.through),
        direct_(loop_, options.direct_port, options.connections, options.deadline, stats.direct) {}

  void run() {
    next_start_ = clock_.now();
    arrive();
    await_sweep();
    loop_.run();
  }
  void stop() { loop_.stop(); }

 private:
  // Sends all that is due; a late wake-up shows in the latencies, since these count from the due time.
  void arrive() {
    const base::Nanos now = clock_.now();
    while (next_start_ <= now) {
      dispatch({shoppers_.next(), next_start_});
      next_start_ += arrivals_.next_gap(random_);
    }
    arrival_.expires_at(time_point(next_start_));
    arrival_.async_wait([this](error_code error) {
      if (!error) arrive();
    });
  }

  void dispatch(Pending pending) {
    stats_.sent.add();
    const bool is_direct = traits(pending.request.endpoint).is_read &&
                           std::uniform_real_distribution<double>(0, 1)(random_) < options_.direct_share;
    (is_direct ? direct_ : through_).send(std::move(pending));
  }

  void await_sweep() {
    sweep_.expires_after(std::chrono::nanoseconds(kSweepEvery));
    sweep_.async_wait([this](error_code error) {
      if (error) return;
      through_.give_up_late(clock_.now());
      direct_.give_up_late(clock_.now());
      await_sweep();
    });
  }

  const TrafficOptions options_;
  TrafficStats& stats_;
  const base::SystemClock clock_;
  asio::io_context loop_;
  asio::steady_timer arrival_;
  asio::steady_timer sweep_;
  Shoppers shoppers_;
  PoissonArrivals arrivals_;
  std::mt19937_64 random_;
  base::Nanos next_start_ = 0;
  Target through_;
  Target direct_;
};

Traffic::Traffic(const TrafficOptions& options)
    : stats_(std::make_unique<TrafficStats>()), loop_(std::make_unique<Loop>(options, *stats_)) {}

Traffic::~Traffic() { stop(); }

void Traffic::start() {
  thread_ = std::jthread([this] { loop_->run(); });
}

void Traffic::stop() {
  loop_->stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace pgweir::drill
