// SPDX-License-Identifier: MIT
#include "sinks/deadlock_text.h"

#include "sinks/stuck_text.h"
#include "util/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace forkmon {
namespace {

constexpr std::size_t label_columns = 13;
constexpr std::size_t function_columns = 64;
constexpr std::size_t module_columns = 48;
constexpr std::size_t shown_python = 8;
constexpr std::size_t shown_child = 10;
constexpr std::size_t shown_owner = 6;
constexpr std::size_t max_advice_columns = 1024;
constexpr std::size_t advice_columns = 90; // in a line

std::string line(std::string_view label, const std::string& text) {
  return text.empty() ? "" : fmt::format("    {:<{}}  {}\n", label, label_columns, text);
}

std::string lock_text(const Lock& lock) {
  if (lock.address == 0)
    return {};
  return fmt::format("{} at {:#x}",
                     lock.kind == LockKind::unknown ? "of unknown kind," : to_string(lock.kind),
                     lock.address);
}

std::string owner_text(const LockOwner& owner) {
  const std::string thread = owner.comm.empty()
                                 ? fmt::format("thread {}", owner.tid)
                                 : fmt::format("{} (tid {})", for_terminal(owner.comm), owner.tid);
  return thread + (owner.alive ? ", alive in the parent" : ", has ended");
}

std::string holder_text(const Lock& lock) {
  if (lock.owner)
    return owner_text(*lock.owner);
  if (lock.address == 0)
    return {};
  switch (lock.kind) {
  case LockKind::mutex:
    return "nobody is recorded: the mutex bears no thread's id";
  case LockKind::semaphore:
    return "nobody is recorded: a semaphore has no owner";
  default:
    break;
  }
  return "nobody is recorded: only a mutex bears its owner's thread id";
}

// "worker  app+0x11d9  app.c:12", as much of it as is known.
std::string native_frame(const Frame& frame) {
  const std::string module =
      frame.module.empty() ? "" : for_terminal(base_name(frame.module), module_columns) + "+";
  std::string text = fmt::format("{}{:#x}", module, frame.offset);
  if (!frame.function.empty())
    text = for_terminal(frame.function, function_columns) + "  " + text;
  return frame.source.empty() ? text : text + "  " + for_terminal(frame.source);
}

// "/srv/app.py:12 in worker", or the one of the two that is known.
std::string python_frame(const Frame& frame) {
  std::string function = for_terminal(frame.function, function_columns);
  if (frame.source.empty())
    return function;
  return for_terminal(frame.source) + (function.empty() ? "" : " in " + function);
}

// A line for each of the first `shown` frames; the label stands before the first only.
std::string frames_text(std::string_view label, const std::vector<Frame>& frames, std::size_t shown,
                        std::string (*frame_text)(const Frame&)) {
  std::string text;
  for (std::size_t i = 0; i < std::min(frames.size(), shown); ++i)
    text += line(text.empty() ? label : "", frame_text(frames[i]));
  if (frames.size() > shown)
    text += line("", fmt::format("+{} more", frames.size() - shown));
  return text;
}

// In lines of `advice_columns`, broken between words.
std::string advice_text(const std::string& advice) {
  std::string rest = for_terminal(advice, max_advice_columns);
  std::string text;
  while (rest.size() > advice_columns) {
    const std::size_t space = rest.rfind(' ', advice_columns);
    if (space == std::string::npos || space == 0)
      break;
    text += line(text.empty() ? "advice" : "", rest.substr(0, space));
    rest.erase(0, space + 1);
  }
  return text + line(text.empty() ? "advice" : "", rest);
}

} // namespace

std::string deadlock_text(const DeadlockFinding& deadlock) {
  return line("lock", lock_text(deadlock.lock)) + line("held by", holder_text(deadlock.lock)) +
         line("why suspected", stuck_reason_text(deadlock)) +
         frames_text("Python", deadlock.python, shown_python, python_frame) +
         frames_text("child's stack", deadlock.stack, shown_child, native_frame) +
         frames_text("owner's stack", deadlock.owner_stack, shown_owner, native_frame) +
         advice_text(deadlock.advice);
}

} // namespace forkmon
