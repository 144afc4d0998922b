// SPDX-License-Identifier: MIT
/// Decoded events: what the sensors saw, before anything is concluded.
#pragma once

#include "forkmon/container.h"
#include "forkmon/evidence.h"
#include "forkmon/frame.h"
#include "forkmon/inexact.h"
#include "forkmon/lock.h"
#include "forkmon/stuck_reason.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace forkmon {

/// By what call a child was made.
enum class ForkCall {
  unknown = 1, ///< taken for fork()
  fork,        ///< runs at-fork handlers and repairs the C library's locks
  bare_fork,   ///< _Fork(): repairs nothing
  clone,       ///< clone(2) without the C library: repairs nothing
};

/// Names a tainted child for ever: pids are reused, (pid, fork time) is not.
struct ChildKey {
  std::uint32_t pid = 0;
  std::uint64_t fork_time_ns = 0; ///< CLOCK_MONOTONIC
  auto operator<=>(const ChildKey&) const = default;
};

/// What every event of a tainted child carries, so that a lost record costs only itself.
struct ChildRef {
  ChildKey key;
  /// Start of the child, in clock ticks after boot as in /proc/PID/stat. 0: not known.
  std::uint64_t start_ticks = 0;
  std::uint32_t parent_pid = 0;
  /// Start of the parent, in clock ticks after boot as in /proc/PID/stat: who has its pid later has
  /// another one. 0: not known.
  std::uint64_t parent_start_ticks = 0;
  std::uint32_t parent_threads = 0; ///< at the fork, the forking thread included
  bool armed = false;               ///< carried probes from its first instruction on
  bool parent_tainted = false;
  bool leaderless = false; ///< its first thread has ended, and others have not
  bool adopted = false;    ///< forked before anybody watched
  bool unsure = false; ///< adopted, and perhaps not tainted: whether its parent had threads at the
                       ///< fork is not known
  /// The thread that forked, and how: the correlator keeps them from the ForkEvent. 0: not known.
  std::uint32_t forker_tid = 0;
  ForkCall call = ForkCall::unknown;
};

/// A file as the kernel knows it.
struct FileId {
  std::uint32_t dev = 0; ///< the kernel's dev_t: major << 20 | minor
  std::uint64_t inode = 0;
  /// Address of the kernel's struct inode; 0: not known. Files of two btrfs subvolumes may have one
  /// device and inode number.
  std::uint64_t object = 0;
  auto operator<=>(const FileId&) const = default;
};

/// A tainted child was made.
struct ForkEvent {
  std::uint64_t time_ns = 0; ///< CLOCK_MONOTONIC, as in all events
  ChildRef child;
  std::uint64_t cgroup_id = 0;
  FileId exe_id;
  std::string exe;    ///< last component of the path; the whole path once process/ has resolved it
  std::string cgroup; ///< filled in by process/
  std::optional<Container> container; ///< filled in by process/
  std::uint32_t uid = 0;
  std::uint32_t parent_tid = 0;
  std::uint32_t parent_execs = 0; ///< grows with each exec of the parent: another memory map
  bool parent_ended = false; ///< before anybody watched: `parent_comm` and `exe` are the child's
  std::uint64_t fork_ip = 0; ///< of the system call; 0: not known
  std::vector<std::uint64_t> fork_stack; ///< words of the stack at the call
  ForkCall call = ForkCall::unknown;     ///< filled in from symbols/
  std::string parent_comm;
  std::string child_comm;
};

/// Index into the table of probed functions (catalogue/function_table.h).
using FunctionId = std::uint32_t;
/// Number of a library file in that table; 0: not known.
using LibraryId = std::uint16_t;

/// What it takes to unwind a thread's stack: registers and a copy of the stack's top.
struct StackCopy {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> registers; ///< DWARF number, value
  std::uint64_t start = 0;                                        ///< address of the first byte
  std::vector<std::uint8_t> bytes;
};

/// The first call of a function by a tainted child.
struct CallEvent {
  std::uint64_t time_ns = 0;
  ChildRef child;
  Evidence evidence = Evidence::uprobe;
  FunctionId function = 0;
  LibraryId library = 0; ///< the file that the function was called in
  std::uint32_t tid = 0;
  std::uint64_t ip = 0;
  std::string comm;
  std::optional<StackCopy> stack_copy;
  std::vector<Frame> stack; ///< filled in from symbols/, where a copy of the stack came along
};

/// All calls of a tainted child, sent right before its end.
struct CallsEvent {
  std::uint64_t time_ns = 0;
  ChildRef child;
  std::vector<std::pair<FunctionId, std::uint32_t>> counts; ///< non-zero ones, by function id
};

/// A tainted child called exec or ended.
struct EndEvent {
  enum class How { exec = 1, exit = 2 };
  std::uint64_t time_ns = 0;
  ChildRef child;
  How how = How::exit;
  int wait_status = 0;               ///< as wait(2) reports it; 0 for exec
  std::uint64_t calls = 0;           ///< sum of all counts, for noticing a lost CallsEvent
  std::uint32_t unresolved_hits = 0; ///< of probes that could not be matched to a library
  std::string comm;
};

/// A tainted child, or a thread of it, does not go on. One that was suspected may come again,
/// proven.
struct StuckEvent {
  std::uint64_t time_ns = 0;
  ChildRef child;
  std::uint32_t tid = 0;                  ///< of the thread that waits
  std::uint32_t threads = 1;              ///< of the child
  bool proof = false;                     ///< nobody can end the wait: see src/stuck/judge.h
  StuckReason reason = StuckReason::none; ///< why it is only suspected
  bool parent_ended = false;              ///< the process that forked it lives no more
  Lock lock;
  std::uint64_t waited_ms = 0;
  std::vector<Frame> stack;       ///< filled in from symbols/
  std::vector<Frame> owner_stack; ///< filled in from symbols/
  std::vector<Frame> python;      ///< filled in from symbols/
};

/// A child that was stuck goes on.
struct UnstuckEvent {
  std::uint64_t time_ns = 0;
  ChildRef child;
};

/// An executable was started: time to learn its path, before its processes end.
struct ExeEvent {
  std::uint64_t time_ns = 0;
  FileId exe_id;
  std::uint32_t pid = 0;
  std::string path; ///< as it was given to execve(2): relative, or a link, as may be
};

/// Probes were taken off a process, and so off its living children: their counts end here.
struct DisarmEvent {
  std::uint64_t time_ns = 0;
  std::uint32_t pid = 0; ///< 0: of anybody
  InexactCause cause = InexactCause::disarmed;
};

/// Probes were put on a child that had been forked without them, or had lost them: from here on all
/// that it calls is counted.
struct ArmedLateEvent {
  std::uint64_t time_ns = 0;
  ChildKey child;
};

/// A process had functions of the catalogue mapped that carried no probes yet: its own calls of
/// that time, and the children that it and its family forked then, are not all seen.
struct LateProbesEvent {
  std::uint64_t from_ns = 0; ///< at the latest
  std::uint64_t to_ns = 0;
  std::uint32_t pid = 0;             ///< that mapped them; 0: not known
  std::vector<std::uint32_t> family; ///< who may have forked such children; empty: anybody
  Inexact why{InexactCause::library_late, ""};
};

/// Records were dropped on the way.
struct LossEvent {
  std::uint64_t time_ns = 0;
  std::string sensor;
  std::uint64_t count = 0;
};

using Event = std::variant<ForkEvent, CallEvent, CallsEvent, EndEvent, StuckEvent, UnstuckEvent,
                           ExeEvent, DisarmEvent, ArmedLateEvent, LateProbesEvent, LossEvent>;

} // namespace forkmon
