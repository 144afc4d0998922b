// SPDX-License-Identifier: MIT
#include "util/output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace forkmon {
namespace {

// A standard stream that another process made non-blocking refuses a full write at times.
void wait_until_writable(int fd) {
  pollfd entry{fd, POLLOUT, 0};
  poll(&entry, 1, -1);
}

} // namespace

Result<Output> Output::open(const std::string& path) {
  // O_APPEND: a log rotation may truncate the file while we write.
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!fd)
    return Error::from_errno("cannot write to " + path, errno);
  return Output(std::move(fd), path);
}

Result<Output> Output::on(int fd, std::string name) {
  Fd duplicate(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!duplicate)
    return Error::from_errno("cannot write to " + name, errno);
  return Output(std::move(duplicate), std::move(name));
}

Status Output::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd_.get(), text.data(), text.size());
    if (written >= 0)
      text.remove_prefix(static_cast<std::size_t>(written));
    else if (errno == EAGAIN)
      wait_until_writable(fd_.get());
    else if (errno != EINTR)
      return Error::from_errno("cannot write to " + name_, errno);
  }
  return ok();
}

bool Output::is_terminal() const {
  return isatty(fd_.get()) == 1;
}

} // namespace forkmon
