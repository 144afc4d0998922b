// SPDX-License-Identifier: MIT
#include "http/small_file.h"

#include "util/fd.h"
#include "util/text.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace forkmon {

Result<std::string> read_small_file(const std::string& path) {
  constexpr off_t max_bytes = 1 << 20;
  const std::string name = for_terminal(path);
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0)
    return Error::from_errno("cannot read " + name, errno);
  if (!S_ISREG(status.st_mode) || status.st_size > max_bytes)
    return Error{"cannot read " + name + ": not a regular file of 1 MiB at most"};
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t got = pread(fd.get(), text.data(), text.size(), 0);
  if (got < 0)
    return Error::from_errno("cannot read " + name, errno);
  text.resize(static_cast<std::size_t>(got));
  return text;
}

} // namespace forkmon
