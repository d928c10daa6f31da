#include "simulate/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>

namespace pgweir::simulate {
namespace {

using testing::HasSubstr;

class TraceTest : public testing::Test {
 protected:
  TraceTest() : path_(testing::TempDir() + "trace_test." + std::to_string(getpid()) + ".csv") {}
  ~TraceTest() override { std::filesystem::remove(path_); }

  base::Result<Trace> read(std::string_view text) {
    std::ofstream(path_, std::ios::binary) << text;
    return read_trace(path_, nullptr);
  }
  // What is said of the text, without the path.
  std::string refusal(std::string_view text) {
    const auto trace = read(text);
    if (trace) return "accepted";
    EXPECT_TRUE(trace.error().message.starts_with(path_)) << trace.error().message;
    return trace.error().message.substr(path_.size());
  }

  std::string path_;
};

TEST_F(TraceTest, RowsAndKeys) {
  const auto trace = read(
      "time_ms,key,size_bytes,cost_us,ttl_ms\r\n"
      "5,a,100,7,\r\n"
      "5,\"with \"\"quotes\"\", and a comma\",200,8,1000\n"
      "\n"
      "6,a,0,0,0");
  ASSERT_TRUE(trace) << trace.error().message;
  ASSERT_EQ(trace->requests.size(), 3U);
  EXPECT_EQ(trace->keys, 2U);
  EXPECT_EQ(trace->requests[0].ttl_ms, Request::kForever);
  EXPECT_EQ(trace->requests[1].key, 1U);
  EXPECT_EQ(trace->requests[1].size_bytes, 200U);
  EXPECT_EQ(trace->requests[1].cost_us, 8U);
  EXPECT_EQ(trace->requests[1].ttl_ms, 1000U);
  EXPECT_EQ(trace->requests[2].key, 0U);
  EXPECT_EQ(trace->requests[2].time_ms, 6);
  EXPECT_EQ(trace->requests[2].ttl_ms, 0U);
}

TEST_F(TraceTest, QuotedAndBareKeysAreTheSame) {
  const auto trace = read("1,a,1,1\n1,\"a\",1,1\n");
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->keys, 1U);
}

TEST_F(TraceTest, BadRowsAreRefusedByLine) {
  EXPECT_THAT(refusal("1,a,1,1\n2,b,x,1\n"),
              HasSubstr(":2: size_bytes is \"x\", not a whole number from 0 to 4294967294"));
  EXPECT_THAT(refusal("1,a,1\n"), HasSubstr(":1: fewer than four columns"));
  EXPECT_THAT(refusal("1,a,1,1,1,1\n"), HasSubstr(":1: more than five columns"));
  EXPECT_THAT(refusal("1,a,-1,1\n"), HasSubstr("size_bytes is \"-1\""));
  EXPECT_THAT(refusal("1,a,1,1.5\n"), HasSubstr("cost_us is \"1.5\""));
  EXPECT_THAT(refusal("1,a,1,\n"), HasSubstr("cost_us is \"\""));
  EXPECT_THAT(refusal("99999999999999999999,a,1,1\n"), HasSubstr("time_ms is"));
  EXPECT_THAT(refusal("1,a,4294967295,1\n"), HasSubstr("size_bytes is"));
  EXPECT_THAT(refusal("1,a,1,1\n0,a,1,1\n"), HasSubstr(":2: time_ms is before that of the row above"));
  EXPECT_THAT(refusal("1,\"a,1,1\n"), HasSubstr("closing quote is missing"));
  EXPECT_THAT(refusal("1,\"a\"b,1,1\n"), HasSubstr("text follows"));
  EXPECT_THAT(refusal("time_ms,key,cost_us,size_bytes\n"), HasSubstr("column 3 is \"cost_us\""));
  EXPECT_THAT(refusal("1,a,1,1\ntime_ms,key,size_bytes,cost_us\n"), HasSubstr(":2: time_ms is \"time_ms\""));
  EXPECT_THAT(refusal(""), HasSubstr("there are no requests in it"));
  EXPECT_THAT(refusal(std::string(3 << 20, 'x')), HasSubstr("a line is too long"));
}

TEST_F(TraceTest, NoSuchFile) {
  const auto trace = read_trace(path_ + ".missing", nullptr);
  ASSERT_FALSE(trace);
  EXPECT_THAT(trace.error().message, HasSubstr("No such file"));
  EXPECT_FALSE(read_trace(testing::TempDir(), nullptr)) << "a directory";
}

class CompressedTraceTest : public TraceTest {
 protected:
  CompressedTraceTest() {
    for (int i = 0; i < 50'000; ++i) text_ += std::to_string(i) + ",k" + std::to_string(i % 777) + ",10,20\n";
  }
  std::string zstd() const {
    std::string out(ZSTD_compressBound(text_.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text_.data(), text_.size(), 3));
    return out;
  }
  std::string gzip() const {
    const gzFile file = gzopen(path_.c_str(), "wb");
    EXPECT_EQ(gzwrite(file, text_.data(), static_cast<unsigned>(text_.size())),
              static_cast<int>(text_.size()));
    gzclose(file);
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string text_;
};

TEST_F(CompressedTraceTest, GzipAndZstd) {
  const std::string compressed_by_gzip = gzip();
  for (const std::string& compressed : {compressed_by_gzip, zstd()}) {
    ASSERT_LT(compressed.size(), text_.size() / 2);
    const auto trace = read(compressed);
    ASSERT_TRUE(trace) << trace.error().message;
    EXPECT_EQ(trace->requests.size(), 50'000U);
    EXPECT_EQ(trace->keys, 777U);
  }
}

TEST_F(CompressedTraceTest, WhatIsCutOffOrDamagedIsRefused) {
  for (std::string compressed : {gzip(), zstd()}) {
    EXPECT_NE(refusal(std::string_view(compressed).substr(0, compressed.size() / 2)), "accepted");
    for (std::size_t i = 0; i < 32; ++i) compressed[compressed.size() / 3 + i] = 'x';
    EXPECT_NE(refusal(compressed), "accepted");
  }
}

TEST_F(CompressedTraceTest, ProgressGoesToTheEnd) {
  std::ofstream(path_, std::ios::binary) << text_ << text_.substr(text_.rfind('\n', text_.size() - 2) + 1);
  double last = 0;
  std::string more;
  for (int i = 0; i < 100'000; ++i) more += "60000,k,1,1\n";
  std::ofstream(path_, std::ios::binary | std::ios::app) << more;
  ASSERT_TRUE(read_trace(path_, [&](double share) {
    EXPECT_GE(share, last);
    EXPECT_LE(share, 1.0);
    last = share;
  }));
  EXPECT_GT(last, 0.5);
}

}  // namespace
}  // namespace pgweir::simulate
