// SPDX-License-Identifier: MIT
#include "correlate/fork_call.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace forkmon {
namespace {

/// posix/fork.c of glibc, src/process/fork.c of musl.
bool is_fork(std::string_view function) {
  constexpr std::array names{"fork", "__fork", "__libc_fork", "__GI___libc_fork"};
  return std::ranges::find(names, function) != names.end();
}

/// Inlined into fork() by older releases; on the way to the system call in newer ones.
bool is_bare_fork(std::string_view function) {
  constexpr std::array names{"_Fork", "__GI__Fork", "arch_fork"};
  return std::ranges::find(names, function) != names.end();
}

} // namespace

ForkCall fork_call_of(std::span<const std::string> functions) {
  if (functions.empty() || functions.front().empty())
    return ForkCall::unknown;
  if (is_fork(functions.front()))
    return ForkCall::fork;
  if (!is_bare_fork(functions.front()))
    return ForkCall::clone;
  return std::ranges::any_of(functions, is_fork) ? ForkCall::fork : ForkCall::bare_fork;
}

bool repairs_locks(ForkCall call) {
  return call == ForkCall::fork || call == ForkCall::unknown;
}

} // namespace forkmon
