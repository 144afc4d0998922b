// SPDX-License-Identifier: MIT
/// Output that never keeps its writer waiting.
#pragma once

#include "util/output.h"

#include <cstdint>
#include <optional>
#include <string>

namespace forkmon {

/// Keeps what a slow reader does not take yet, up to a bound, and drops the texts past it. A text
/// is written whole or not at all, but where an error comes in between. What is dropped is counted.
class LossyOutput : public Writer {
public:
  /// In lines.
  struct Losses {
    std::uint64_t buffer_full = 0; ///< came while the reader was too far behind
    std::uint64_t write_error = 0; ///< met an error: the disk is full, the reader gone
    std::uint64_t total() const { return buffer_full + write_error; }
  };

  explicit LossyOutput(Output output, std::size_t max_waiting_bytes = 1U << 20)
      : output_(std::move(output)), max_waiting_bytes_(max_waiting_bytes) {}

  /// Always ok: the output may work again later. See losses() and error().
  Status write(std::string_view text) override;
  /// Writes what waits, as far as the reader takes it. To be called from time to time.
  void flush();
  /// Writes what waits to a reader that goes on reading; gives up when it takes nothing for so
  /// long.
  void drain(int patience_ms);
  /// Writes to another output from now on, what waits included.
  void replace(Output output);

  bool is_waiting() const { return !waiting_.empty(); }
  bool is_terminal() const { return output_.is_terminal(); }
  const Losses& losses() const { return losses_; }
  /// Of the last attempt to write; nothing where it worked.
  const std::optional<Error>& error() const { return error_; }

private:
  /// How much of the text was written; the whole of it is given up on an error.
  std::size_t try_to_write(std::string_view text);

  Output output_;
  std::size_t max_waiting_bytes_;
  std::string waiting_;
  bool is_torn_ = false; ///< what was written last has no end
  Losses losses_;
  std::optional<Error> error_;
};

} // namespace forkmon
