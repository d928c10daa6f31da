#include "proxy/reply_path.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "proxy/test_paths.h"
#include "proxy/test_server.h"

namespace pgweir::proxy {
namespace {

class ReplyPathTest : public testing::Test {
 protected:
  ReplyPathTest() : paths_((worker_.load_catalog(), worker_)) { paths_.report_readable_text(); }

  void ask(std::string_view sql) {
    base::Buffer out;
    wire::append_query(out, sql);
    paths_.from_client(out.view());
    while (sent_ < paths_.to_upstream.size()) {
      server_.receive(std::string_view(paths_.to_upstream).substr(sent_));
      sent_ = paths_.to_upstream.size();
      paths_.from_upstream(std::exchange(server_.out(), {}));
    }
  }

  TestWorker worker_;
  TestPaths paths_;
  TestServer server_;
  std::size_t sent_ = 0;
};

TEST_F(ReplyPathTest, BehindTheLastWordOfTheBackendNothingIsAnswered) {
  ask("select id from a");
  ask("select id from a");
  EXPECT_EQ(worker_.hits(), 1U);
  const std::string last_word = message('E', std::string_view("SFATAL\0VFATAL\0C57P01\0Mends\0\0", 28));
  paths_.from_upstream(last_word);
  EXPECT_TRUE(paths_.to_client.ends_with(last_word));
  ask("select id from a");
  EXPECT_EQ(worker_.hits(), 1U);
  EXPECT_TRUE(paths_.to_client.ends_with(last_word)) << "PostgreSQL says nothing behind it either";
}

TEST_F(ReplyPathTest, NoticesBehindTheLastWordTakeNothingBack) {
  paths_.from_upstream(message('E', std::string_view("SFATAL\0VFATAL\0C22012\0Mends\0\0", 28)));
  paths_.from_upstream(message('N', std::string_view("SDEBUG\0VDEBUG\0C00000\0Mexit\0\0", 28)));
  EXPECT_TRUE(paths_.reply_path().said_why());
}

TEST_F(ReplyPathTest, AnErrorThatIsNotTheLastWordEndsNothing) {
  ask("select id from a");
  paths_.from_upstream(message('E', std::string_view("SERROR\0VERROR\0C57014\0Mends\0\0", 28)));
  ask("select id from a");
  EXPECT_EQ(worker_.hits(), 1U);
}

}  // namespace
}  // namespace pgweir::proxy
