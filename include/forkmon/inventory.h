// SPDX-License-Identifier: MIT
/// Which processes a session finds when it starts, and what they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace forkmon {

/// What the first thread of a process does at the moment.
enum class Activity {
  unknown = 0, ///< it could not be read
  runs,
  reads_pipe,
  reads_socket,
  reads_file,            ///< or a terminal
  waits_for_input,       ///< in poll, select, epoll_wait, recv, accept and the like
  waits_for_lock,        ///< in futex(2), without a timeout
  waits_for_shared_lock, ///< the same, on memory that it may share with others
  waits_for_child,
  waits_for_signal,
  sleeps,
  is_blocked, ///< uninterruptible: on a disk or a page
  is_stopped,
  is_traced,
  waits, ///< in another system call
};

struct ListedProcess {
  std::int32_t pid = 0;
  std::string comm; ///< raw bytes
  std::uint32_t threads = 0;
  std::uint64_t age_us = 0;
  Activity activity = Activity::unknown;
};

/// A program that could be meant instead: started by exec, below the process of a session.
struct Alternative {
  ListedProcess process;
  std::size_t forked = 0;        ///< its forked children
  std::uint32_t max_threads = 0; ///< of it and them
};

/// Of a session for one process.
struct FamilyInventory {
  ListedProcess process;
  bool is_forked = false;                 ///< it was forked and has not called exec
  std::optional<ListedProcess> forked_by; ///< by whom, where that process has not ended
  std::vector<std::string> threads;       ///< their names, raw bytes, bounded
  std::vector<ListedProcess> forked; ///< what descends from it by fork alone, without exec; bounded
  std::size_t forked_total = 0;
  std::vector<Alternative> alternatives; ///< those with threads, most threads first; bounded
};

/// A parent with threads, and its forked children.
struct ListedParent {
  ListedProcess process;
  std::size_t forked = 0;
  std::size_t waiting = 0; ///< of those, for a lock
};

/// Of a session for the whole system.
struct SystemInventory {
  std::size_t threaded = 0;          ///< processes with more than one thread
  std::size_t forked = 0;            ///< forked children of those
  std::vector<ListedParent> parents; ///< with most children that wait for a lock first; bounded
  std::size_t parents_total = 0;
  std::size_t orphans = 0; ///< forked processes whose parent has ended
};

} // namespace forkmon
