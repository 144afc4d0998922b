// SPDX-License-Identifier: MIT
/// A cursor over bytes that may lie: reading past the end yields 0 and a failed reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace forkmon {

class ByteReader {
public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  /// True for a failed reader too, so that loops over the bytes end.
  bool at_end() const { return !ok_ || position_ >= bytes_.size(); }
  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }

  /// A fixed-size number in the byte order of the host.
  template <typename T>
  T number() {
    T value{};
    const auto raw = take(sizeof(T));
    if (ok_)
      std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }

  /// The next `size` bytes; empty where there are fewer.
  std::span<const std::uint8_t> take(std::uint64_t size) {
    if (!ok_ || size > left()) {
      ok_ = false;
      return {};
    }
    const auto taken = bytes_.subspan(position_, size);
    position_ += size;
    return taken;
  }

  void seek(std::uint64_t position) {
    if (position > bytes_.size())
      ok_ = false;
    else
      position_ = position;
  }

  std::uint64_t uleb() {
    std::uint64_t value = 0;
    read_leb(value);
    return value;
  }

  std::int64_t sleb() {
    std::uint64_t value = 0;
    const auto [last, shift] = read_leb(value);
    if ((last & 0x40) != 0 && shift < 64)
      value |= ~std::uint64_t{0} << shift;
    return static_cast<std::int64_t>(value);
  }

private:
  struct LebEnd {
    std::uint8_t last;
    unsigned shift;
  };

  LebEnd read_leb(std::uint64_t& value) {
    unsigned shift = 0;
    std::uint8_t byte = 0x80;
    while (ok_ && (byte & 0x80) != 0) {
      byte = number<std::uint8_t>();
      if (shift < 64)
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      shift += 7;
    }
    return {byte, shift};
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

} // namespace forkmon
