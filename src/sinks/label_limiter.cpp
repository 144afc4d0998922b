// SPDX-License-Identifier: MIT
#include "sinks/label_limiter.h"

#include "util/text.h"

namespace forkmon {

std::string LabelLimiter::value(std::string_view raw) {
  std::string value = for_terminal(raw); // labels end up on terminals and in alert texts
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
