#include "sync/follower.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/check.h"
#include "sync/test_stream.h"
#include "wire/backend.h"
#include "wire/frame.h"

namespace pgweir::sync {
namespace {

// As much of a PostgreSQL as a follower needs: one thread, which serves the connection for questions, then
// the walsender, as a follower opens them.
class ScriptedPostgres {
 public:
  ScriptedPostgres() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CHECK(bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    CHECK(listen(listener_, 4) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~ScriptedPostgres() { close(listener_); }

  Connection::Parameters login() const {
    return {{"host", "127.0.0.1"},
            {"port", std::to_string(port_)},
            {"user", "pgweir"},
            {"sslmode", "disable"},
            {"gssencmode", "disable"}};
  }

  // Until the stream runs.
  void begin() {
    questions_ = log_in();
    hear(questions_);  // settings
    say(questions_, message('C', zero_ended("SET")) + kReady);
    hear(questions_);  // what is missing
    base::Buffer row;
    wire::append_text_columns(row, {"missing"});
    wire::append_text_row(row, {""});
    say(questions_, std::string(row.view()) + message('C', zero_ended("SELECT 1")) + kReady);
    walsender_ = log_in();
    hear(walsender_);  // CREATE_REPLICATION_SLOT
    say(walsender_, message('C', zero_ended("CREATE_REPLICATION_SLOT")) + kReady);
    hear(walsender_);  // START_REPLICATION
    say(walsender_, message('W', std::string("\0\0\0", 3)));
  }
  void stream(std::string_view payload) {
    say(walsender_, message('d', "w" + u64(100) + u64(100) + u64(0) + std::string(payload)));
  }
  void end() {
    close(walsender_);
    close(questions_);
  }

 private:
  inline static const std::string kReady = std::string("Z\0\0\0\5I", 6);

  static std::string message(char type, const std::string& body) {
    return type + u32(body.size() + 4) + body;
  }
  static void say(int to, const std::string& bytes) {
    CHECK(send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  static void read_whole(int from, char* data, std::size_t bytes) {
    CHECK(recv(from, data, bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
  }
  static std::size_t read_length(int from) {
    unsigned char length[4];
    read_whole(from, reinterpret_cast<char*>(length), sizeof length);
    return (std::size_t{length[0]} << 24 | std::size_t{length[1]} << 16 | std::size_t{length[2]} << 8 |
            length[3]) -
           sizeof length;
  }
  // One message of the client's, whatever it says.
  static void hear(int from) {
    char type = 0;
    read_whole(from, &type, 1);
    std::string body(read_length(from), '\0');
    read_whole(from, body.data(), body.size());
  }
  int log_in() const {
    const int client = accept(listener_, nullptr, nullptr);
    CHECK(client >= 0);
    std::string startup(read_length(client), '\0');
    read_whole(client, startup.data(), startup.size());
    say(client, std::string(wire::kAuthenticationOk) + kReady);
    return client;
  }

  int listener_;
  int questions_ = -1, walsender_ = -1;
  std::uint16_t port_ = 0;
};

struct FollowerTest : testing::Test {
  static void wait_for(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }
  std::uint64_t seen(cache::Slot slot) const { return generations.observe(slot); }
  bool held(cache::Slot slot) const { return cache::Generations::is_held(seen(slot)); }
  FollowerConfig config() const {
    FollowerConfig config;
    config.login = postgres.login();
    config.retry_min = 3600 * base::kSecond;
    return config;
  }
  // Called whenever definitions are in doubt; the one for the loss finds things as it leaves them.
  void definitions_changed() {
    if (!ending) return;
    state_at_loss = follower.load()->freshness().report().state;
    held_at_loss = held(row) && held(barrier);
    told = true;
  }

  ScriptedPostgres postgres;
  base::SystemClock clock;
  cache::Generations generations{16};
  DatabaseSlots slots{generations, {1, 2}, "shop"};
  const cache::Slot row = slots.relation(7), barrier = slots.relation(8);
  std::atomic<bool> ending{false}, told{false};
  StreamState state_at_loss = StreamState::kFollowing;
  bool held_at_loss = false;
  std::atomic<Follower*> follower{nullptr};
};

TEST_F(FollowerTest, ALossIsToldBeforeWhatIsHeldGoes) {
  Follower own(config(), "shop", slots, nullptr,
               {.started = [] {},
                .decided = [](bool) {},
                .ended_below = [](std::uint64_t) {},
                .definitions_changed = [this] { definitions_changed(); },
                .settings_changed = [] {},
                .catalog = [] { return nullptr; }},
               clock);
  follower = &own;
  own.attend();
  const std::uint64_t before = seen(slots.stream());
  postgres.begin();
  wait_for([&] { return own.freshness().report().state == StreamState::kFollowing; });
  EXPECT_TRUE(cache::Generations::has_moved(before, seen(slots.stream())))
      << "nobody told of what came before";

  postgres.stream(begin_message(50));
  postgres.stream(relation_message(7, {"id"}));
  postgres.stream("I" + u32(7) + "N" + sync::row({"1"}));
  postgres.stream(commit_message(100));
  wait_for([&] { return held(row); });
  own.release_when_passed({generations, std::vector{barrier}});

  ending = true;
  postgres.end();
  wait_for([&] { return told && !held(row) && !held(barrier); });
  EXPECT_EQ(state_at_loss, StreamState::kLost);
  EXPECT_TRUE(held_at_loss);
  own.leave();
}

}  // namespace
}  // namespace pgweir::sync
