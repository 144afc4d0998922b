// SPDX-License-Identifier: MIT
#include "correlate/advice.h"

#include "catalogue/catalogue.h"

#include <algorithm>
#include <string_view>

namespace forkmon {
namespace {

constexpr std::string_view use_spawn =
    "In Python, start workers by spawn or forkserver: multiprocessing.set_start_method("
    "\"forkserver\"), or mp_context for concurrent.futures.";
constexpr std::string_view no_preexec_fn =
    "In Python, give up preexec_fn: use start_new_session, process_group, user, group, umask, cwd "
    "or env of subprocess instead.";
constexpr std::string_view python_in_general =
    "In Python, use multiprocessing's spawn or forkserver, and subprocess without preexec_fn; "
    "fork before the first thread starts.";
// The C library's own allocator is repaired by fork(): one that hangs is another, or fork() was not
// called (_Fork, clone).
constexpr std::string_view allocator_advice =
    "The allocator does not repair its locks across fork: build it with at-fork handlers "
    "(jemalloc: its configure must find pthread_atfork), or use the C library's own malloc. ";
constexpr std::string_view in_general =
    "Start the program with posix_spawn, or fork before the first thread starts.";

bool any_has(std::span<const Frame> frames, std::string Frame::*part, std::string_view text) {
  return std::ranges::any_of(
      frames, [&](const Frame& frame) { return (frame.*part).find(text) != std::string::npos; });
}

bool runs_python(const std::string& exe, std::span<const Frame> python) {
  auto name = exe.substr(exe.rfind('/') + 1);
  return !python.empty() || name.starts_with("python") || name.starts_with("uwsgi");
}

std::string_view way_out(ForkPath path) {
  switch (path) {
  case ForkPath::multiprocessing:
    return use_spawn;
  case ForkPath::preexec_fn:
    return no_preexec_fn;
  case ForkPath::python:
    return python_in_general;
  case ForkPath::unknown:
    break;
  }
  return in_general;
}

std::string who_holds(const Lock& lock) {
  if (lock.owner && lock.owner->alive)
    return "The lock is held by a thread of the parent, whose release never reaches the child. ";
  if (lock.owner)
    return "The lock was held by a thread that exists only in the parent, or has ended. ";
  return "Whoever held the lock at the fork is not in the child. ";
}

/// "__GI_malloc", "malloc@plt" and the like are malloc.
std::string_view plain_name(std::string_view symbol) {
  if (symbol.starts_with("__GI_"))
    symbol.remove_prefix(5);
  return symbol.substr(0, symbol.find('@'));
}

const CatalogueEntry* entry_of(std::string_view symbol) {
  auto catalogue = libc_catalogue();
  auto found = std::ranges::find(catalogue, plain_name(symbol), &CatalogueEntry::function);
  return found == catalogue.end() ? nullptr : &*found;
}

/// Of the innermost catalogue function that says more than that a lock was taken.
std::string hint_for(std::span<const Frame> stack) {
  for (const Frame& frame : stack) {
    const CatalogueEntry* entry = entry_of(frame.function);
    if (entry == nullptr || entry->repair == Repair::application)
      continue;
    if (entry->category == Category::allocator)
      return std::string(allocator_advice);
    return std::string(entry->hint) + " ";
  }
  return "";
}

} // namespace

ForkPath fork_path_of(const std::string& exe, std::span<const Frame> stack,
                      std::span<const Frame> python) {
  if (!runs_python(exe, python))
    return ForkPath::unknown;
  // _posixsubprocess.c of CPython: subprocess_fork_exec → do_fork_exec → child_exec.
  bool in_subprocess = any_has(stack, &Frame::function, "fork_exec") ||
                       any_has(stack, &Frame::module, "_posixsubprocess") ||
                       any_has(python, &Frame::source, "/subprocess.py");
  if (in_subprocess)
    return ForkPath::preexec_fn;
  if (any_has(python, &Frame::source, "/multiprocessing/"))
    return ForkPath::multiprocessing;
  return ForkPath::python;
}

std::string advice_for_call(const std::string& hint, ForkPath path) {
  if (path == ForkPath::unknown)
    return hint;
  return hint.empty() ? std::string(way_out(path)) : hint + " " + std::string(way_out(path));
}

std::string advice_for_deadlock(const Lock& lock, std::span<const Frame> stack, ForkPath path) {
  return who_holds(lock) + hint_for(stack) + std::string(way_out(path)) +
         " To end the hang now, kill the child.";
}

} // namespace forkmon
