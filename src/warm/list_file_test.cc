#include "warm/list_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace pgweir::warm {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr base::HashSecret kSecret{.k0 = 3, .k1 = 4};
constexpr char kBound[] = "\0\0\0\1\0\0\0\0012\0\0";  // one parameter, 2

List a_list() {
  List list;
  list.sessions = {{"shop", {"pg_catalog", "public"}, "a='b'"}, {"other", {}, ""}};
  list.statements.push_back(
      {.key = {.lo = 1, .hi = 2}, .session = 1, .saved_ns = 1e9, .sql = "SELECT * FROM t"});
  list.statements.push_back({.key = {.lo = 3, .hi = 4},
                             .session = 0,
                             .saved_ns = 5e8,
                             .sql = "SELECT * FROM t WHERE n = $1",
                             .types = {23},
                             .bound = std::string(kBound, sizeof kBound - 1),
                             .describes = true});
  return list;
}

class ListFile : public testing::Test {
 protected:
  ListFile() {
    std::string pattern = fs::temp_directory_path() / "pgweir.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/warm-list";
  }
  ~ListFile() override { fs::remove_all(directory_); }

  std::string bytes(const List& list = a_list()) { return encode_list(list, "app", kSecret); }
  std::string refusal() {
    const auto loaded = load_list(path_, "app", kSecret);
    return loaded ? "" : loaded.error().message;
  }

  std::string directory_, path_;
};

TEST_F(ListFile, ComesBackAsItWas) {
  ASSERT_TRUE(save_list(path_, bytes()));
  const auto loaded = load_list(path_, "app", kSecret);
  ASSERT_TRUE(loaded && *loaded);
  const List& list = **loaded;
  EXPECT_EQ(list.sessions, a_list().sessions);
  ASSERT_EQ(list.statements.size(), 2u);
  EXPECT_FALSE(list.statements[0].bound);
  const Statement& second = list.statements[1];
  EXPECT_EQ(second.key, (base::Hash128{.lo = 3, .hi = 4}));
  EXPECT_EQ(second.sql, "SELECT * FROM t WHERE n = $1");
  EXPECT_EQ(second.bound, a_list().statements[1].bound);
  EXPECT_TRUE(second.describes);
  EXPECT_EQ(bytes(list), bytes());
}

TEST_F(ListFile, NoneIsNoError) {
  const auto loaded = load_list(path_, "app", kSecret);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(*loaded);
}

TEST_F(ListFile, IsForItsOwnerOnlyWhateverWasThere) {
  umask(0);
  std::ofstream(path_ + ".new") << "left behind";
  ASSERT_EQ(chmod((path_ + ".new").c_str(), 0644), 0);
  ASSERT_TRUE(save_list(path_, bytes()));
  struct stat facts{};
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
  EXPECT_FALSE(fs::exists(path_ + ".new"));
  umask(022);
}

TEST_F(ListFile, IsRefusedIfOthersMayReadOrWriteIt) {
  ASSERT_TRUE(save_list(path_, bytes()));
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(refusal(), HasSubstr("chmod 600")) << mode;
  }
  ASSERT_EQ(chmod(path_.c_str(), 0400), 0);
  EXPECT_EQ(refusal(), "");
}

TEST_F(ListFile, IsRefusedIfItIsSomebodyElses) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  ASSERT_TRUE(save_list(path_, bytes()));
  ASSERT_EQ(chown(path_.c_str(), 12345, 12345), 0);
  EXPECT_THAT(refusal(), HasSubstr("belongs to user 12345"));
}

TEST_F(ListFile, IsRefusedIfItIsNoFileOfItsOwn) {
  ASSERT_TRUE(save_list(path_ + ".other", bytes()));
  fs::create_symlink(path_ + ".other", path_);
  EXPECT_THAT(refusal(), HasSubstr("symbolic link"));
  fs::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("not a regular file"));
}

TEST_F(ListFile, OfAnotherRoleOrSecretIsRefused) {
  EXPECT_THAT(decode_list(bytes(), "root", kSecret).error().message, HasSubstr("another role"));
  EXPECT_FALSE(decode_list(bytes(), "app", {.k0 = 3, .k1 = 5}));
}

TEST_F(ListFile, AnyDamageIsRefused) {
  const std::string whole = bytes();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(decode_list(flipped, "app", kSecret)) << i;
    EXPECT_FALSE(decode_list(std::string_view(whole).substr(0, i), "app", kSecret)) << i;
  }
  ASSERT_TRUE(save_list(path_, whole + "more"));
  EXPECT_THAT(refusal(), HasSubstr("damaged"));
}

// With a good checksum, what cannot be sent as it is.
TEST_F(ListFile, WhatCannotBeSentIsRefused) {
  const auto refused = [&](auto change) {
    List list = a_list();
    change(list);
    return !decode_list(bytes(list), "app", kSecret);
  };
  EXPECT_FALSE(refused([](List&) {}));
  EXPECT_TRUE(refused([](List& l) { l.statements[0].session = 2; }));
  EXPECT_TRUE(refused([](List& l) { l.statements[0].sql += std::string("\0;", 2); }));
  EXPECT_TRUE(refused([](List& l) { l.statements[0].sql.resize(kStatementBytesMax + 1, 'x'); }));
  EXPECT_TRUE(refused([](List& l) { l.statements[1].sql.resize(kStatementBytesMax, 'x'); }));
  EXPECT_TRUE(refused([](List& l) { l.statements[1].bound->pop_back(); }));
  EXPECT_TRUE(refused([](List& l) { l.statements[1].bound->push_back('S'); }));
  EXPECT_TRUE(refused([](List& l) { l.sessions[0].database.push_back('\0'); }));
  EXPECT_TRUE(refused([](List& l) { l.sessions[0].settings.resize(kSessionBytesMax + 1, 'x'); }));
  EXPECT_TRUE(refused([](List& l) { l.sessions.resize(kSessionsMax + 1); }));
  EXPECT_TRUE(
      refused([](List& l) { l.sessions[0].search_path.assign(4, std::string(kSessionBytesMax / 4, 'x')); }));
}

TEST_F(ListFile, NothingStandsBehindTheLastStatement) {
  std::string more = bytes();
  more.replace(more.size() - 16, 16, 1, '\0');
  const base::Hash128 hash = base::hash128(kSecret, more);
  for (const std::uint64_t half : {hash.lo, hash.hi})
    for (int shift = 56; shift >= 0; shift -= 8) more.push_back(static_cast<char>(half >> shift));
  EXPECT_FALSE(decode_list(more, "app", kSecret));
}

}  // namespace
}  // namespace pgweir::warm
