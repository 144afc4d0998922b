// SPDX-License-Identifier: MIT
#include "util/lossy_output.h"

#include <algorithm>

namespace forkmon {
namespace {

std::uint64_t lines_of(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

} // namespace

std::size_t LossyOutput::try_to_write(std::string_view text) {
  // An error cut a line off: the next one has to start on a line of its own.
  if (is_torn_ && error_) {
    auto ended = output_.write_some("\n");
    if (!ended || *ended == 0)
      return ended ? 0 : text.size();
    is_torn_ = false;
  }
  auto written = output_.write_some(text);
  if (!written) {
    error_ = written.error();
    return text.size();
  }
  error_.reset();
  if (*written > 0)
    is_torn_ = text[*written - 1] != '\n';
  return *written;
}

Status LossyOutput::write(std::string_view text) {
  flush();
  if (!is_waiting()) {
    const std::size_t written = try_to_write(text);
    if (error_)
      losses_.write_error += lines_of(text);
    else
      waiting_.assign(text.substr(written)); // within any bound: a text that was begun
  } else if (waiting_.size() + text.size() <= max_waiting_bytes_) {
    waiting_.append(text);
  } else {
    losses_.buffer_full += lines_of(text);
  }
  return ok();
}

void LossyOutput::flush() {
  if (!is_waiting())
    return;
  const std::size_t written = try_to_write(waiting_);
  if (error_)
    losses_.write_error += lines_of(waiting_);
  waiting_.erase(0, error_ ? waiting_.size() : written);
}

void LossyOutput::drain(int patience_ms) {
  flush();
  while (is_waiting() && output_.wait_until_writable(patience_ms))
    flush();
}

/// A line that the old output has the first half of is lost: a half is of no use to either.
void LossyOutput::replace(Output output) {
  flush();
  if (is_waiting() && is_torn_) {
    waiting_.erase(0, std::min(waiting_.find('\n'), waiting_.size() - 1) + 1);
    losses_.write_error++;
  }
  output_ = std::move(output);
  is_torn_ = false;
  error_.reset();
  flush();
}

} // namespace forkmon
