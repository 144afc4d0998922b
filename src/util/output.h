// SPDX-License-Identifier: MIT
/// Where text goes: standard output, standard error or a file.
#pragma once

#include "util/fd.h"
#include "util/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace forkmon {

/// Takes text, whole lines at a time.
class Writer {
public:
  virtual ~Writer() = default;
  /// An Error means that nothing more can be written.
  virtual Status write(std::string_view text) = 0;
};

/// Owner of a descriptor that text is written to, unbuffered.
/// The process must ignore SIGPIPE, or a closed pipe ends it before write() can report EPIPE.
class Output : public Writer {
public:
  enum class Opening {
    truncating, ///< empties the file, and waits for the reader of a named pipe
    appending,  ///< keeps what is in the file; a named pipe that nobody reads is an Error (ENXIO)
  };

  /// Creates the file if it is not there. Errors: those of open(2).
  static Result<Output> open(const std::string& path, Opening opening = Opening::truncating);
  /// On a duplicate of `fd`, which stays the caller's. `name` is for error messages.
  static Result<Output> on(int fd, std::string name);

  /// All of `text`, or the Error with errno in its code: EPIPE, ENOSPC, EIO… Waits for a reader
  /// that is slow.
  Status write(std::string_view text) override;

  /// As much of `text` as can be written without waiting for a reader: the number of its bytes, or
  /// an Error where it is none at all.
  Result<std::size_t> write_some(std::string_view text);

  /// Waits until the reader takes something, or is gone; false where it does not in that time.
  bool wait_until_writable(int timeout_ms) const;

  bool is_terminal() const;

private:
  Output(Fd fd, std::string name);

  Fd fd_;
  std::string name_;
  bool is_socket_ = false;
  bool is_pipe_ = false;
};

} // namespace forkmon
