// SPDX-License-Identifier: MIT
/// The letters of a mangled Rust name, read from left to right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace forkmon {

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
inline bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
inline bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

/// What makes no sense sets `failed()`; whoever reads must end then.
class RustNameCursor {
public:
  explicit RustNameCursor(std::string_view name) : name_(name) {}

  bool failed() const { return failed_; }
  void fail() { failed_ = true; }

  std::size_t position() const { return position_; }
  void move_to(std::size_t position) { position_ = position; }

  /// The next letter, which stays; 0 at the end.
  char peek() const { return position_ < name_.size() ? name_[position_] : '\0'; }

  /// The next letter. At most `max_steps` are read, those that are read again included.
  char next();

  /// Skips the next letter if it is the wanted one.
  bool take(char wanted);

  std::uint64_t decimal();

  /// "_" is 0, "0_" is 1, and so on.
  std::uint64_t base62();

  /// 0 where the tag is not there, else one more than the number behind it.
  std::uint64_t optional_base62(char tag);

  /// The name itself. One with letters beyond ASCII stays encoded: "punycode{gdel-5qa}" for
  /// "gödel".
  std::string identifier();

  /// Hexadecimal digits up to a '_'.
  std::string_view hexadecimal();

private:
  static constexpr int max_steps = 10'000;

  std::uint64_t with_digit(std::uint64_t number, unsigned base, unsigned digit);

  std::string_view name_;
  std::size_t position_ = 0;
  int steps_ = 0;
  bool failed_ = false;
};

} // namespace forkmon
