// SPDX-License-Identifier: MIT
#include "http/gzip.h"

#include <zlib.h>

namespace forkmon {
namespace {

std::string_view trim(std::string_view text) {
  constexpr const char* blank = " \t";
  const std::size_t start = text.find_first_not_of(blank);
  if (start == std::string_view::npos)
    return {};
  return text.substr(start, text.find_last_not_of(blank) - start + 1);
}

/// "gzip", or "gzip;q=0.5" with any weight but 0.
bool is_gzip(std::string_view coding) {
  const std::size_t semicolon = coding.find(';');
  if (trim(coding.substr(0, semicolon)) != "gzip")
    return false;
  const std::string_view weight =
      semicolon == std::string_view::npos ? "q=1" : trim(coding.substr(semicolon + 1));
  return weight.find_first_of("123456789") != std::string_view::npos;
}

} // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const std::size_t comma = accept_encoding.find(',');
    if (is_gzip(accept_encoding.substr(0, comma)))
      return true;
    accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size()
                                                                  : comma + 1);
  }
  return false;
}

std::optional<std::string> gzip(std::string_view text) {
  constexpr int window_bits = 15 + 16; // the largest window; 16: a gzip header (zlib.h)
  constexpr int memory_level = 8;      // zlib's default
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_bits, memory_level,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); // only read
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END)
    return std::nullopt;
  return packed;
}

} // namespace forkmon
