// However the bytes are cut and whoever is faster, the client gets what the server itself would have
// said, and nothing waits for ever.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include "proxy/test_paths.h"
#include "proxy/test_server.h"

namespace pgweir::proxy {
namespace {

// A client's stream, made at random of what libraries send and of what they could.
class Script {
 public:
  // A calm one is of statements that libraries send, most of them reads: it gets hits.
  explicit Script(std::uint32_t seed, bool calm = false) : random_(seed), calm_(calm) {}

  std::string make(int units) {
    for (int i = 0; i < units; ++i) unit();
    return out_;
  }

 private:
  std::size_t any(std::size_t n) { return random_() % n; }
  bool maybe() { return any(2) == 0; }

  std::string sql() {
    const std::string number = std::to_string(any(4));
    switch (any(14)) {
      case 0:
        return "update a set id = " + number;
      case 1:
        return "select now()";
      case 2:
        return "select fail" + number + " from a";
      case 3:
        return "begin";
      case 4:
        return maybe() ? "commit" : "rollback";
      case 5:
        return "set x = " + number;
      case 6:
        return "select badparse from a";
      case 7:
        return "select huge from a where id = " + number;
      default:
        return "select id from a where id = " + number;
    }
  }
  void say(char type, std::string_view body = "") { out_ += message(type, body); }
  void query(std::string_view text) {
    add([&](base::Buffer& out) { wire::append_query(out, text); });
  }
  void parse(std::string_view name, std::string_view text) {
    add([&](base::Buffer& out) { wire::append_parse(out, name, text, {}); });
  }
  void bind(std::string_view portal, std::string_view name, std::size_t value_bytes = 1) {
    base::Buffer body;
    wire::append_string(body, portal);
    wire::append_string(body, name);
    wire::append_u16(body, 0);
    wire::append_u16(body, 1);
    wire::append_u32(body, static_cast<std::uint32_t>(value_bytes));
    body.append(std::string(value_bytes, static_cast<char>('0' + any(3))));
    wire::append_u16(body, 0);
    say('B', body.view());
  }
  void describe(char kind, std::string_view name) {
    say('D', std::string(1, kind) + std::string(name) + '\0');
  }
  void execute(std::string_view portal, std::uint32_t rows_max = 0) {
    base::Buffer body;
    wire::append_string(body, portal);
    wire::append_u32(body, rows_max);
    say('E', body.view());
  }
  void sync() { out_ += wire::kSync; }
  template <class F>
  void add(F append) {
    base::Buffer out;
    append(out);
    out_ += out.view();
  }

  void calm_unit() {
    const std::string read = "select id from a where id = " + std::to_string(any(3));
    const std::string name = maybe() ? "" : "s" + std::to_string(any(2));
    switch (any(12)) {
      case 0:
        return query("update a set id = 1");
      case 1:
        query("begin");
        query(read);
        parse("", read);
        batch("");
        if (maybe()) query("update a set id = 1");
        query(read);
        return query(maybe() ? "commit" : "rollback");
      case 2:
        parse("", "select huge from a");
        return batch("");
      case 3:
        say('C', "S" + name + '\0');
        return sync();
      case 4:
      case 5:
        return query(read);
      case 6:
        return query("select fail from a");
      default:
        if (maybe()) parse(name, read);
        return batch(name);
    }
  }
  void unit() {
    if (calm_) return calm_unit();
    const std::string name = any(3) == 0 ? "" : "s" + std::to_string(any(3));
    switch (any(12)) {
      case 0:
      case 1:
      case 2:
        return query(sql());
      case 3:
      case 4:
        parse(name, sql());
        return batch(name);
      case 5:
        return batch(name);
      case 6:
        parse(name, sql());
        if (maybe()) describe('S', name);
        return sync();
      case 7:
        say('C', "S" + name + '\0');
        return sync();
      case 8:
        return pipeline();
      case 9:
        return maybe() ? simple_copy() : extended_copy();
      case 10:
        return large();
      default:
        return odd();
    }
  }
  void batch(const std::string& name) {
    bind("", name);
    if (maybe()) describe('P', "");
    execute("");
    sync();
  }
  void pipeline() {
    for (std::size_t i = any(4) + 1; i > 0; --i) {
      const std::string portal = maybe() ? "" : "p";
      parse("", sql());
      bind(portal, "");
      if (maybe()) say('H');
      execute(portal, static_cast<std::uint32_t>(any(3)));
      if (any(4) == 0) sync();
    }
    sync();
  }
  std::string_view copy_sql() {
    constexpr std::array<std::string_view, 4> kTexts{"copy a from stdin", "copy a from stdin",
                                                     "copy fail from stdin", "copy frozen from stdin"};
    return kTexts[any(4)];
  }
  void copy_data() {
    for (std::size_t i = any(4); i > 0; --i) {
      say('d', any(6) == 0 ? "bad" : "row\n");
      if (any(4) == 0) say('H');
    }
    if (any(4) == 0) {
      say('f', std::string_view("no\0", 3));
    } else {
      say('c');
    }
  }
  void simple_copy() {
    query(copy_sql());
    copy_data();
  }
  void extended_copy() {
    // With a Sync before the data a COPY that fails before it reads cannot be told from one that does not.
    const bool sync_before = maybe();
    parse("", sync_before ? "copy a from stdin" : copy_sql());
    bind("", "");
    execute("");
    if (sync_before) sync();
    copy_data();
    sync();
    parse("", sql());  // so that no later Bind finds the COPY, without its data
    sync();
  }
  void large() {
    switch (any(3)) {
      case 0:
        return query("select id from a where id = 1 -- " + std::string(70'000, 'x'));
      case 1:
        query("copy a from stdin");
        say('d', std::string(100'000, 'r'));
        return say('c');
      default:
        parse("", "select id from a where id = $1");
        bind("", "", 80'000);
        execute("");
        return sync();
    }
  }
  void odd() {
    switch (any(6)) {
      case 0:
        return say('c');
      case 1:
        return say('d', "stray");
      case 2:
        return say('F', std::string_view("\0\0\0\1\0\0\0\0\0\0", 10));
      case 3:
        return sync();
      case 4:
        say('P', "malformed");
        return sync();
      default:
        parse("", sql());
        say('c');
        bind("", "");
        execute("");
        return sync();
    }
  }

  std::mt19937 random_;
  const bool calm_;
  std::string out_;
};

// Plays one script through the paths, cutting and interleaving at random.
class Player {
 public:
  Player(TestWorker& worker, std::string_view script, std::uint32_t seed, bool readable, bool calm = false)
      : paths(worker), worker_(worker), script_(script), random_(seed), readable_(readable), calm_(calm) {
    if (readable) paths.report_readable_text();
  }

  // False: stuck, or ended by a fault.
  bool play() {
    int idle = 0;
    while (!paths.has_fault() && idle < 200) {
      idle = step() ? 0 : idle + 1;
      if (done()) return true;
    }
    return false;
  }
  // Where it stands, for the message of a failed test.
  std::string state() {
    return "client bytes to come " + std::to_string(script_.size()) + ", waiting " +
           std::to_string(paths.client_bytes_waiting()) + ", groups unanswered " +
           std::to_string(paths.query().exchange().size()) + ", " + paths.fault();
  }

  TestPaths paths;

 private:
  bool done() {
    return script_.empty() && paths.client_bytes_waiting() == 0 && !answering() &&
           paths.query().exchange().empty();
  }
  bool answering() { return sent_ != paths.to_upstream.size() || !server_.out().empty(); }
  std::size_t cut(std::size_t size) {
    const std::size_t most = random_() % 3 == 0 ? 100'000 : 1 + random_() % 40;
    return std::min<std::size_t>(size, 1 + random_() % most);
  }
  bool step() {
    if (readable_ && random_() % 8 == 0) {
      worker_.clock.advance(base::kSecond);
      worker_.load_catalog();
    }
    switch (random_() % 3) {
      case 0: {
        if (script_.empty()) return false;
        if (calm_ && answering() && random_() % 30 != 0) return true;
        const std::size_t n = cut(std::min<std::size_t>(script_.size(), calm_ ? 60 : ~std::size_t{0}));
        paths.from_client(script_.substr(0, n));
        script_.remove_prefix(n);
        return true;
      }
      case 1: {
        if (sent_ == paths.to_upstream.size()) return false;
        const std::size_t n = cut(paths.to_upstream.size() - sent_);
        server_.receive(std::string_view(paths.to_upstream).substr(sent_, n));
        sent_ += n;
        return true;
      }
      default: {
        if (server_.out().empty()) return false;
        const std::size_t n = cut(server_.out().size());
        paths.from_upstream(std::string_view(server_.out()).substr(0, n));
        server_.out().erase(0, n);
        return true;
      }
    }
  }

  TestWorker& worker_;
  std::string_view script_;
  std::mt19937 random_;
  const bool readable_;
  const bool calm_;  // does not send much at once, and mostly waits for the replies
  TestServer server_;
  std::size_t sent_ = 0;
};

std::string said_directly(std::string_view script) {
  TestServer server;
  server.receive(script);
  return server.out();
}

// Where two strings part, with a little of both.
std::string difference(std::string_view a, std::string_view b) {
  const auto at = static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())),
                    b.begin())
          .first -
      a.begin());
  return "at " + std::to_string(at) + " of " + std::to_string(a.size()) + " and " + std::to_string(b.size()) +
         ": " + testing::PrintToString(std::string(a.substr(at, 60))) + " / " +
         testing::PrintToString(std::string(b.substr(at, 60)));
}

TEST(SplitTest, WithNothingReadable) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    const std::string script = Script(seed).make(20);
    const std::string expected = said_directly(script);
    TestWorker worker;
    Player player(worker, script, seed, false);
    ASSERT_TRUE(player.play()) << seed << ": " << player.state();
    EXPECT_EQ(worker.hits(), 0U);
    ASSERT_TRUE(player.paths.to_client == expected)
        << seed << ": " << difference(player.paths.to_client, expected);
  }
}

// Plays a script twice over one cache, which so has something to say.
std::uint64_t play_cached(std::uint32_t seed, bool calm) {
  const std::string script = Script(seed, calm).make(30);
  const std::string expected = said_directly(script);
  TestWorker worker;
  worker.load_catalog();
  for (std::uint32_t way = 0; way < 2; ++way) {
    Player player(worker, script, seed * 1000 + way, true, calm);
    EXPECT_TRUE(player.play()) << seed << "/" << way << ": " << player.state();
    EXPECT_TRUE(player.paths.to_client == expected)
        << seed << "/" << way << ": " << difference(player.paths.to_client, expected);
  }
  return worker.hits();
}

TEST(SplitTest, WithACacheTheClientCannotTell) {
  std::uint64_t hits = 0;
  for (std::uint32_t seed = 1; seed <= 60 && !HasFailure(); ++seed) hits += play_cached(seed, true);
  EXPECT_GT(hits, 100U) << "the cache must have had a part in it";
}

TEST(SplitTest, WithACacheAndAWildClient) {
  for (std::uint32_t seed = 1; seed <= 60 && !HasFailure(); ++seed) play_cached(seed, false);
}

TEST(SplitTest, ByteByByte) {
  const std::string script = Script(7).make(12);
  const std::string expected = said_directly(script);
  TestWorker worker;
  worker.load_catalog();
  TestPaths paths(worker);
  paths.report_readable_text();
  TestServer server;
  std::size_t sent = 0;
  for (const char byte : script) {
    paths.from_client({&byte, 1});
    while (sent < paths.to_upstream.size()) {
      server.receive(std::string_view(paths.to_upstream).substr(sent++, 1));
      const std::string said = std::exchange(server.out(), {});
      for (const char reply : said) paths.from_upstream({&reply, 1});
    }
  }
  EXPECT_FALSE(paths.has_fault());
  EXPECT_TRUE(paths.to_client == expected) << difference(paths.to_client, expected);
}

}  // namespace
}  // namespace pgweir::proxy
