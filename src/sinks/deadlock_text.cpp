// SPDX-License-Identifier: MIT
#include "sinks/deadlock_text.h"

#include "sinks/stuck_text.h"
#include "sinks/wrapped_lines.h"
#include "util/text.h"
#include "util/time.h"

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
constexpr std::size_t advice_columns = 90; // in a line

std::string line(std::string_view label, const std::string& text) {
  return text.empty() ? "" : fmt::format("    {:<{}}  {}\n", label, label_columns, text);
}

std::string_view kind_text(LockKind kind) {
  switch (kind) {
  case LockKind::unknown:
    return "of unknown kind";
  case LockKind::rwlock:
    return "read-write lock";
  case LockKind::condition:
    return "condition variable";
  case LockKind::once:
    return "one-time initialisation";
  case LockKind::guard:
    return "guard of a static variable";
  case LockKind::file:
    return "lock of a FILE";
  case LockKind::arena:
    return "malloc arena";
  case LockKind::loader:
    return "lock of the dynamic loader";
  case LockKind::libc:
    return "lock of the C library";
  case LockKind::rust_mutex:
    return "Rust lock";
  case LockKind::absl:
    return "lock of abseil or gperftools";
  case LockKind::go_runtime:
    return "lock of Go's runtime";
  default:
    return to_string(kind);
  }
}

std::string lock_text(const Lock& lock) {
  if (lock.address == 0)
    return {};
  const std::string symbol =
      lock.symbol.empty() ? "" : " " + for_terminal(lock.symbol, function_columns);
  return fmt::format("{}{}{} at {:#x}", kind_text(lock.kind),
                     lock.kind == LockKind::unknown ? "," : "", symbol, lock.address);
}

std::string owner_text(const LockOwner& owner) {
  const std::string thread = owner.comm.empty()
                                 ? fmt::format("thread {}", owner.tid)
                                 : fmt::format("{} (tid {})", for_terminal(owner.comm), owner.tid);
  if (owner.is_self)
    return thread + ", the waiting thread itself";
  if (owner.in_child)
    return thread + ", another thread of the child";
  const std::string forked = owner.is_forker ? ", which held it when it forked this child" : "";
  return thread + forked + (owner.alive ? ", alive in the parent" : ", has ended");
}

std::string parent_text(const Parent& parent) {
  if (!parent.ended)
    return {};
  return parent.pid == 0 ? "has ended, before forkmon came"
                         : fmt::format("has ended; it was process {}", parent.pid);
}

std::string holder_text(const Lock& lock, bool is_python) {
  if (lock.owner)
    return owner_text(*lock.owner);
  if (lock.address == 0)
    return {};
  switch (lock.kind) {
  case LockKind::mutex:
    return "unknown (this mutex does not record its owner)";
  case LockKind::semaphore:
    return is_python ? "unknown (a Python lock does not record its owner)"
                     : "unknown (a semaphore does not record its owner)";
  case LockKind::rwlock:
    return "unknown (a read-write lock does not record its readers)";
  case LockKind::condition:
    return "nobody: a thread that the child does not have was to wake it";
  case LockKind::once:
  case LockKind::guard:
    return "unknown (the thread that began the initialisation is not recorded)";
  case LockKind::unknown:
    return "unknown";
  default:
    return "unknown (this lock does not record its owner)";
  }
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

std::string sentences_text(std::string_view label, const std::string& sentences) {
  std::string text;
  for (const std::string& part : wrapped_lines(sentences, advice_columns))
    text += line(text.empty() ? label : "", part);
  return text;
}

// Nobody saw the wait begin.
std::string waited_text(const DeadlockFinding& deadlock) {
  return human_duration(deadlock.waited_ms * 1000) + " or more";
}

} // namespace

std::string deadlock_text(const DeadlockFinding& deadlock) {
  return sentences_text("now", deadlock.now) +
         line("parent", parent_text(deadlock.subject.parent)) +
         line("lock", lock_text(deadlock.lock)) +
         line("held by", holder_text(deadlock.lock, !deadlock.python.empty())) +
         line("why suspected", stuck_reason_text(deadlock)) +
         line("has waited", waited_text(deadlock)) +
         frames_text("Python", deadlock.python, shown_python, python_frame) +
         frames_text("child's stack", deadlock.stack, shown_child, native_frame) +
         frames_text("owner's stack", deadlock.owner_stack, shown_owner, native_frame) +
         sentences_text("advice", deadlock.advice);
}

} // namespace forkmon
