#include "io/socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace pgweir::io {
namespace {

SocketAddress numeric(const std::string& host, std::uint16_t port) {
  auto found = resolve_numeric(host, port);
  EXPECT_TRUE(found.has_value()) << host;
  return found ? found->front() : SocketAddress{};
}

void wait_for(int fd, short events) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  ASSERT_EQ(poll(&waiting, 1, 10'000), 1);
}

class Directory {
 public:
  Directory() {
    std::string name = std::filesystem::temp_directory_path() / "pgweir_io_XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(SocketAddressTest, Text) {
  EXPECT_EQ(numeric("127.0.0.1", 5432).text(), "127.0.0.1:5432");
  EXPECT_EQ(numeric("::1", 5432).text(), "[::1]:5432");
  EXPECT_EQ(numeric("/run/postgresql", 5432).text(), "/run/postgresql/.s.PGSQL.5432");
  EXPECT_EQ(SocketAddress{}.text(), "unknown");
}

TEST(SocketAddressTest, Local) {
  for (const char* host : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "/tmp"})
    EXPECT_TRUE(numeric(host, 1).is_local()) << host;
  for (const char* host : {"0.0.0.0", "128.0.0.1", "10.0.0.1", "::", "::2", "::ffff:10.0.0.1", "fe80::1"})
    EXPECT_FALSE(numeric(host, 1).is_local()) << host;
  EXPECT_FALSE(SocketAddress{}.is_local()) << "nothing is known of it";
}

TEST(SocketAddressTest, NamesAreNotNumeric) {
  const auto found = resolve_numeric("localhost", 1);
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, base::ErrorCode::kInvalid);
  EXPECT_NE(found.error().message.find("localhost"), std::string::npos);
  EXPECT_FALSE(resolve_numeric("127.0.0.1.5", 1).has_value());
}

TEST(SocketAddressTest, AUnixPathThatIsTooLong) {
  EXPECT_FALSE(resolve_numeric("/" + std::string(200, 'x'), 5432).has_value());
  // "/.s.PGSQL.5432" is 14 bytes; 107 fit.
  EXPECT_TRUE(resolve_numeric("/" + std::string(92, 'x'), 5432).has_value());
  EXPECT_FALSE(resolve_numeric("/" + std::string(93, 'x'), 5432).has_value());
}

TEST(SocketTest, ListenConnectAccept) {
  auto listener = listen_on(numeric("127.0.0.1", 0));
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  const SocketAddress address = local_address(listener->get());
  auto client = begin_connect(address);
  ASSERT_TRUE(client.has_value()) << client.error().message;
  wait_for(client->get(), POLLOUT);
  EXPECT_TRUE(connect_result(*client, address).has_value());
  wait_for(listener->get(), POLLIN);
  const Fd server(accept(listener->get(), nullptr, nullptr));
  ASSERT_TRUE(server);
  EXPECT_TRUE(peer_address(server.get()).is_local());
  EXPECT_EQ(peer_address(client->get()).text(), address.text());
}

TEST(SocketTest, APortIsTakenOnce) {
  auto first = listen_on(numeric("127.0.0.1", 0));
  ASSERT_TRUE(first.has_value());
  const auto second = listen_on(local_address(first->get()));
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message.find(local_address(first->get()).text()), std::string::npos);
}

TEST(SocketTest, NobodyListens) {
  SocketAddress address;
  {
    auto listener = listen_on(numeric("127.0.0.1", 0));
    ASSERT_TRUE(listener.has_value());
    address = local_address(listener->get());
  }
  auto client = begin_connect(address);
  if (client) {
    wait_for(client->get(), POLLOUT);
    const auto result = connect_result(*client, address);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, base::ErrorCode::kUnavailable);
    EXPECT_NE(result.error().message.find(address.text()), std::string::npos);
  } else {
    EXPECT_EQ(client.error().code, base::ErrorCode::kUnavailable);
  }
}

TEST(SocketTest, UnixSocket) {
  const Directory directory;
  const SocketAddress address = numeric(directory.path(), 5432);
  auto listener = listen_on(address);
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  EXPECT_EQ(std::filesystem::status(address.text()).permissions(), std::filesystem::perms::all);
  auto client = begin_connect(address);
  ASSERT_TRUE(client.has_value()) << client.error().message;
  const Fd server(accept(listener->get(), nullptr, nullptr));
  ASSERT_TRUE(server);
  EXPECT_TRUE(peer_address(server.get()).is_local());
}

TEST(SocketTest, AStaleUnixSocketIsReplaced) {
  const Directory directory;
  const SocketAddress address = numeric(directory.path(), 5432);
  ASSERT_TRUE(listen_on(address).has_value());
  ASSERT_TRUE(std::filesystem::exists(address.text())) << "closed, but its file is left";
  auto again = listen_on(address);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_TRUE(begin_connect(address).has_value());
}

TEST(SocketTest, ALiveUnixSocketIsNot) {
  const Directory directory;
  const SocketAddress address = numeric(directory.path(), 5432);
  auto first = listen_on(address);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(listen_on(address).has_value());
  EXPECT_TRUE(begin_connect(address).has_value()) << "the first still listens";
}

TEST(SocketTest, AnOrdinaryFileIsNotReplaced) {
  const Directory directory;
  const SocketAddress address = numeric(directory.path(), 5432);
  std::filesystem::create_directory(address.text());
  EXPECT_FALSE(listen_on(address).has_value());
  EXPECT_TRUE(std::filesystem::exists(address.text()));
}

TEST(FdTest, OwnsItsDescriptor) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  Fd moved = std::move(writer);
  EXPECT_FALSE(writer);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_TRUE(moved);
  moved.reset();
  char byte;
  EXPECT_EQ(read(reader.get(), &byte, 1), 0) << "the other end is closed";
}

}  // namespace
}  // namespace pgweir::io
