// SPDX-License-Identifier: MIT
#include "symbols/rust_name_cursor.h"

#include <limits>

namespace forkmon {

char RustNameCursor::next() {
  if (position_ >= name_.size() || ++steps_ > max_steps) {
    failed_ = true;
    return '\0';
  }
  return name_[position_++];
}

bool RustNameCursor::take(char wanted) {
  if (peek() != wanted)
    return false;
  next();
  return !failed_;
}

std::uint64_t RustNameCursor::with_digit(std::uint64_t number, unsigned base, unsigned digit) {
  if (number > (std::numeric_limits<std::uint64_t>::max() - digit) / base)
    failed_ = true;
  return number * base + digit;
}

std::uint64_t RustNameCursor::decimal() {
  if (take('0'))
    return 0;
  std::uint64_t number = 0;
  failed_ |= !is_digit(peek());
  while (!failed_ && is_digit(peek()))
    number = with_digit(number, 10, static_cast<unsigned>(next() - '0'));
  return number;
}

std::uint64_t RustNameCursor::base62() {
  if (take('_'))
    return 0;
  std::uint64_t number = 0;
  while (!failed_ && !take('_')) {
    const char c = next();
    if (is_digit(c))
      number = with_digit(number, 62, static_cast<unsigned>(c - '0'));
    else if (is_lower(c))
      number = with_digit(number, 62, static_cast<unsigned>(c - 'a' + 10));
    else if (is_upper(c))
      number = with_digit(number, 62, static_cast<unsigned>(c - 'A' + 36));
    else
      failed_ = true;
  }
  return number + 1;
}

std::uint64_t RustNameCursor::optional_base62(char tag) {
  return take(tag) ? base62() + 1 : 0;
}

std::string RustNameCursor::identifier() {
  const bool is_encoded = take('u');
  const std::uint64_t length = decimal();
  take('_');
  if (failed_ || length > name_.size() - position_) {
    failed_ = true;
    return {};
  }
  std::string text(name_.substr(position_, length));
  position_ += length;
  if (!is_encoded)
    return text;
  if (const auto delimiter = text.rfind('_'); delimiter != std::string::npos)
    text[delimiter] = '-';
  return "punycode{" + text + "}";
}

std::string_view RustNameCursor::hexadecimal() {
  const std::size_t start = position_;
  while (is_digit(peek()) || (peek() >= 'a' && peek() <= 'f'))
    next();
  const auto digits = name_.substr(start, position_ - start);
  failed_ |= !take('_');
  return digits;
}

} // namespace forkmon
