// SPDX-License-Identifier: MIT
#include "util/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace forkmon {
Output::Output(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {
  struct stat status {};
  if (fstat(fd_.get(), &status) == 0) {
    is_socket_ = S_ISSOCK(status.st_mode);
    is_pipe_ = S_ISFIFO(status.st_mode);
  }
}

Result<Output> Output::open(const std::string& path, Opening opening) {
  // O_APPEND: a log rotation may truncate the file while we write.
  int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
  flags |= opening == Opening::truncating ? O_TRUNC : O_NONBLOCK;
  Fd fd(::open(path.c_str(), flags, 0644));
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
    else if (errno == EAGAIN) // another process made a standard stream non-blocking
      (void)wait_until_writable(-1);
    else if (errno != EINTR)
      return Error::from_errno("cannot write to " + name_, errno);
  }
  return ok();
}

bool Output::wait_until_writable(int timeout_ms) const {
  pollfd entry{fd_.get(), POLLOUT, 0};
  return poll(&entry, 1, timeout_ms) > 0;
}

// O_NONBLOCK would be set for all who share the open file, a shell on a terminal among them. A
// socket has a flag for one call; a pipe that is writable takes PIPE_BUF bytes at once (pipe(7)).
Result<std::size_t> Output::write_some(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    if (is_pipe_ && !wait_until_writable(0))
      break;
    const std::size_t left = text.size() - done;
    const std::size_t size = is_pipe_ ? std::min<std::size_t>(left, PIPE_BUF) : left;
    const ssize_t written =
        is_socket_ ? send(fd_.get(), text.data() + done, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                   : ::write(fd_.get(), text.data() + done, size);
    if (written >= 0)
      done += static_cast<std::size_t>(written);
    else if (errno == EAGAIN || done > 0) // an error will come again
      break;
    else if (errno != EINTR)
      return Error::from_errno("cannot write to " + name_, errno);
  }
  return done;
}

bool Output::is_terminal() const {
  return isatty(fd_.get()) == 1;
}

} // namespace forkmon
