// SPDX-License-Identifier: MIT
#include "stuck/wait_hints.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

namespace forkmon {
namespace {

/// The functions that wait are the innermost; further out is who called them.
constexpr std::size_t frames_looked_at = 8;

bool has_part(std::string_view text, std::span<const std::string_view> parts) {
  return std::ranges::any_of(
      parts, [text](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

bool any_names(std::span<const Frame> stack, std::span<const std::string_view> parts) {
  return std::ranges::any_of(stack.first(std::min(stack.size(), frames_looked_at)),
                             [&](const Frame& frame) { return has_part(frame.function, parts); });
}

std::string_view file_of(const Frame& frame) {
  std::string_view source = frame.source;
  return source.substr(0, source.rfind(':'));
}

/// The last part of "Condition.wait".
std::string_view name_of(const Frame& frame) {
  std::string_view function = frame.function;
  return function.substr(function.rfind('.') + 1);
}

bool in_module(const Frame& frame, std::string_view module) {
  std::string_view file = file_of(frame);
  return file.ends_with(module) &&
         (file.size() == module.size() || file[file.size() - module.size() - 1] == '/');
}

/// Of the interpreter: frozen, or below its library's folder, where nothing was installed.
bool in_standard_library(const Frame& frame) {
  std::string_view file = file_of(frame);
  if (file.starts_with("<frozen "))
    return true;
  constexpr std::array<std::string_view, 2> installed{"site-packages", "dist-packages"};
  return file.find("/lib/python3") != std::string_view::npos && !has_part(file, installed);
}

constexpr std::uint64_t signals(std::initializer_list<unsigned> numbers) {
  std::uint64_t bits = 0;
  for (unsigned number : numbers)
    bits |= 1ULL << (number - 1);
  return bits;
}

} // namespace

PythonWait python_wait_of(std::span<const Frame> python, bool enters_with) {
  if (python.empty())
    return PythonWait::none;
  if (enters_with)
    return PythonWait::mutex;
  const Frame& innermost = python.front();
  if (in_module(innermost, "threading.py")) {
    constexpr std::array<std::string_view, 2> events{"wait", "wait_for"};
    return std::ranges::count(events, name_of(innermost)) != 0 ? PythonWait::event
                                                               : PythonWait::mutex;
  }
  // SimpleQueue.get() has no frame of its own: to a pool's idle thread it is an event.
  if (in_module(innermost, "concurrent/futures/thread.py") && name_of(innermost) == "_worker")
    return PythonWait::event;
  return in_standard_library(innermost) ? PythonWait::mutex : PythonWait::plain_lock;
}

bool names_spin_lock(std::span<const Frame> stack) {
  constexpr std::array<std::string_view, 3> names{"SpinLockDelay", "SpinLock::SlowLock",
                                                  "SpinLock::Slow"};
  return any_names(stack, names);
}

bool is_meant_to_end(std::span<const Frame> stack) {
  // glibc's own timed waits end in __futex_abstimed_wait; sem_timedwait() leaves no frame, as it
  // jumps to __new_sem_wait_slow64.
  constexpr std::array<std::string_view, 20> names{
      "futex_abstimed_wait", "sem_wait_slow", "cond_",      "Cond",    "timedwait",
      "clockwait",           "wait_for",      "wait_until", "WaitFor", "WaitUntil",
      "wait_timeout",        "park_timeout",  "Timeout",    "timeout", "Deadline",
      "futexsleep",          "notetsleep",    "sleep",      "Sleep",   "poll"};
  return any_names(stack, names);
}

std::uint64_t handlers_of(const ThreadStatus& status, bool is_musl) {
  constexpr std::uint64_t faults =
      signals({4, 5, 6, 7, 8, 11, 31}); // ILL TRAP ABRT BUS FPE SEGV SYS
  constexpr std::uint64_t of_glibc = signals({32, 33});
  constexpr std::uint64_t of_musl = signals({32, 33, 34});
  return status.caught & ~status.blocked & ~faults & ~(is_musl ? of_musl : of_glibc);
}

} // namespace forkmon
