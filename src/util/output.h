// SPDX-License-Identifier: MIT
/// Where text goes: standard output, standard error or a file.
#pragma once

#include "util/fd.h"
#include "util/result.h"

#include <string>
#include <string_view>

namespace forkmon {

/// Owner of a descriptor that text is written to, unbuffered.
/// The process must ignore SIGPIPE, or a closed pipe ends it before write() can report EPIPE.
class Output {
public:
  /// Creates or empties the file. Errors: those of open(2).
  static Result<Output> open(const std::string& path);
  /// On a duplicate of `fd`, which stays the caller's. `name` is for error messages.
  static Result<Output> on(int fd, std::string name);

  /// All of `text`, or the Error with errno in its code: EPIPE, ENOSPC, EIO…
  Status write(std::string_view text);

  bool is_terminal() const;

private:
  Output(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  Fd fd_;
  std::string name_;
};

} // namespace forkmon
