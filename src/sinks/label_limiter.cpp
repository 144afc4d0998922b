// SPDX-License-Identifier: MIT
#include "sinks/label_limiter.h"

#include "util/text.h"

namespace forkmon {

std::string LabelLimiter::value(std::string_view raw) {
  constexpr std::size_t max_bytes = 256;
  std::string value = valid_utf8(raw, max_bytes);
  if (values_.contains(value))
    return value;
  if (values_.size() >= max_values_) {
    ++overflows_;
    return "other";
  }
  values_.insert(value);
  return value;
}

} // namespace forkmon
