// SPDX-License-Identifier: MIT
#include "app/command.h"

#include "process/proc.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>

namespace forkmon {
namespace {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string name;
  std::string home;
};

/// All look-ups are done before the fork.
Result<Identity> identity_of(const std::string& user) {
  errno = 0;
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr)
    return Error{fmt::format("no user {}", user)};
  Identity identity{entry->pw_uid, entry->pw_gid, {}, user, entry->pw_dir};
  int count = 64;
  identity.groups.resize(static_cast<std::size_t>(count));
  while (getgrouplist(user.c_str(), identity.gid, identity.groups.data(), &count) < 0)
    identity.groups.resize(static_cast<std::size_t>(count));
  identity.groups.resize(static_cast<std::size_t>(count));
  return identity;
}

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return Error::from_errno("cannot make a pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

bool become(const Identity& identity) {
  return setgroups(identity.groups.size(), identity.groups.data()) == 0 &&
         setgid(identity.gid) == 0 && setuid(identity.uid) == 0;
}

/// In the child: waits for the byte that lets it go on, then execs. Async-signal-safe calls only.
[[noreturn]] void run_child(char* const* argv, const Identity* identity, int go, int failed) {
  char byte = 0;
  if (read(go, &byte, 1) != 1)
    _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  signal(SIGQUIT, SIG_DFL);
  if (identity == nullptr || become(*identity)) {
    prctl(PR_SET_PDEATHSIG, SIGCONT); // it may be stopped (bpf/discovery.bpf.h) when we are killed
    execvp(argv[0], argv);
  }
  int error = errno;
  (void)!write(failed, &error, sizeof(error));
  _exit(status_of_failed_exec(error));
}

} // namespace

int status_of_failed_exec(int error) {
  return error == ENOENT ? 127 : 126;
}

Command::Command(Command&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)),
      go_(std::move(other.go_)), failed_(std::move(other.failed_)) {}

Command::~Command() {
  if (pid_ < 0)
    return;
  if (go_)
    kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

Result<Command> Command::prepare(std::vector<std::string> arguments, const std::string& user) {
  std::optional<Identity> identity;
  if (!user.empty()) {
    auto found = identity_of(user);
    if (!found)
      return found.error();
    identity = std::move(*found);
    setenv("HOME", identity->home.c_str(), 1); // read by the command only
    setenv("USER", user.c_str(), 1);
    setenv("LOGNAME", user.c_str(), 1);
  }
  auto go = make_pipe();
  auto failed = make_pipe();
  if (!go || !failed)
    return go ? failed.error() : go.error();
  std::vector<char*> argv;
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);

  Command command;
  command.pid_ = fork();
  if (command.pid_ < 0)
    return Error::from_errno("cannot fork", errno);
  if (command.pid_ == 0) {
    go->write.reset();
    run_child(argv.data(), identity ? &*identity : nullptr, go->read.get(), failed->write.get());
  }
  command.go_ = std::move(go->write);
  command.failed_ = std::move(failed->read);
  auto pidfd = open_pidfd(command.pid_);
  if (!pidfd)
    return pidfd.error();
  command.pidfd_ = std::move(*pidfd);
  return command;
}

Status Command::release() {
  if (write(go_.get(), "!", 1) != 1)
    return Error::from_errno("cannot start the command", errno);
  go_.reset();
  int error = 0;
  if (read(failed_.get(), &error, sizeof(error)) == sizeof(error))
    return Error::from_errno("cannot run it", error);
  return ok();
}

void Command::forward(int signal) const {
  kill(pid_, signal);
}

int Command::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace forkmon
