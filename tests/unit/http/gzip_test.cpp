// SPDX-License-Identifier: MIT
#include "http/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace forkmon {
namespace {

std::string unzip(const std::string& packed, std::size_t size) {
  std::string text(size, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.total_out, size);
  inflateEnd(&stream);
  return text;
}

TEST(Gzip, KeepsTheText) {
  std::string text;
  for (int i = 0; i < 10000; ++i)
    text += std::to_string(i * 7919);
  for (const std::string& one : {text, std::string("x"), std::string()}) {
    const auto packed = gzip(one);
    ASSERT_TRUE(packed);
    EXPECT_EQ(unzip(*packed, one.size()), one);
  }
  EXPECT_LT(gzip(std::string(100000, 'x'))->size(), 1000u);
}

TEST(Gzip, IsWhatTheClientAsksFor) {
  for (const char* yes : {"gzip", "deflate, gzip", "gzip;q=0.5", " gzip ;q=1.0, br", "br,gzip"})
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  for (const char* no : {"", "identity", "gzip;q=0", "gzip; q=0.0", "xgzip", "gzipx", ",,,", ";"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

} // namespace
} // namespace forkmon
