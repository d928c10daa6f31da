#include "drill/scratch_postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "drill/http_get.h"

namespace pgweir::drill {
namespace {

using testing::HasSubstr;

// A port that was free a moment ago.
std::uint16_t any_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = bind(fd, generic, size) == 0 && getsockname(fd, generic, &size) == 0;
  close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

// The single value that a query gives, or libpq's error.
std::string query(const std::string& url, const char* sql) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) return PQerrorMessage(connection.get());
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql), PQclear);
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return PQerrorMessage(connection.get());
  return PQgetvalue(result.get(), 0, 0);
}

class ScratchPostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "scratch_postgres_test.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    ASSERT_EQ(chmod(pattern.c_str(), 0755), 0);  // user postgres must get in
    options_.dir = pattern;
    options_.port = any_port();
  }
  void TearDown() override { std::filesystem::remove_all(options_.dir); }

  ScratchPostgresOptions options_;
};

TEST_F(ScratchPostgresTest, StartsStopsAndKeepsItsData) {
  {
    auto postgres = ScratchPostgres::start(options_, -1);
    ASSERT_TRUE(postgres) << postgres.error().message;
    EXPECT_EQ(query(postgres->url(), "SELECT current_setting('wal_level')"), "logical");
    EXPECT_EQ(query(postgres->url(), "SELECT usesuper::text FROM pg_user WHERE usename = current_user"),
              "false");
    EXPECT_EQ(query(postgres->url(), "CREATE TABLE kept AS SELECT 42 AS n"), "");
    EXPECT_EQ(postgres->stamp(), "");
    EXPECT_TRUE(postgres->set_stamp("has kept"));
  }
  EXPECT_FALSE(port_accepts(options_.port));
  auto postgres = ScratchPostgres::start(options_, -1);
  ASSERT_TRUE(postgres) << postgres.error().message;
  EXPECT_EQ(postgres->stamp(), "has kept");
  EXPECT_EQ(query(postgres->url(), "SELECT n FROM kept"), "42");
  std::string wrong = postgres->url();
  wrong.replace(wrong.find(":shop@"), 6, ":shoe@");
  EXPECT_THAT(query(wrong, "SELECT 1"), HasSubstr("password authentication failed"));
  postgres->stop();
  EXPECT_FALSE(postgres->running());
}

TEST_F(ScratchPostgresTest, SaysWhatIsWrong) {
  options_.bin_dir = "/nonexistent";
  const auto postgres = ScratchPostgres::start(options_, -1);
  ASSERT_FALSE(postgres);
  EXPECT_EQ(postgres.error().code, base::ErrorCode::kInvalid);
  EXPECT_THAT(postgres.error().message, HasSubstr("apt-get install postgresql"));
}

}  // namespace
}  // namespace pgweir::drill
