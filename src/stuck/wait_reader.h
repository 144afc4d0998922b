// SPDX-License-Identifier: MIT
/// Reads what a thread that waits for a futex waits for, for the judge.
#pragma once

#include "stuck/lock_inspector.h"
#include "stuck/observation.h"
#include "stuck/wait_stacks.h"
#include "stuck/watched_child.h"
#include "symbols/unwinder.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace forkmon {

/// All that was read of a child for one verdict.
struct WaitEvidence {
  SeenChild seen;
  InspectedLock lock; ///< of the waiter
  WaitStacks stacks;  ///< of the waiter
  std::vector<Frame> owner_stack;
};

/// Threads that a child is watched in. One that has more is not proven by all of them waiting.
constexpr std::size_t max_threads = 256;

/// Every word that an endless wait is for; empty for no such wait, or where the words of a
/// futex_waitv(2) cannot be read.
std::vector<FutexWait> words_of(const WaitState& state, Abi abi, pid_t pid);

/// May the thread be in a wait for futexes without end? Without reading the words.
bool is_endless(const WaitState& state, Abi abi);

/// Is the word keyed by the address space, so that nobody outside of it can end a wait for it? The
/// kernel does so for all memory that is copied on write, whatever the call's flag says
/// (get_futex_key() in kernel/futex/core.c).
bool is_private_word(const FutexWait& word, const AddressSpace& space);

/// Asleep in a futex call, as far as state letter and kernel function tell. A thread that is
/// stopped, traced, frozen or held up by a page fault shows the same system call.
bool is_still(char state, std::string_view wait_channel);

/// Whose ABI the program is of; reads its memory map once, where its addresses do not tell.
Abi abi_of(WatchedChild& child, const WaitState& state);

class WaitReader {
public:
  /// `symbolizer` must outlive this.
  explicit WaitReader(Symbolizer& symbolizer) : symbolizer_(symbolizer) {}

  /// `forker`: the thread of the parent that forked the child; 0: not known.
  /// Nothing where the thread has gone on or is gone. `memory` of the result is left unknown, and
  /// `sibling_waits_for_input` false.
  std::optional<WaitEvidence> read(WatchedChild& child, pid_t tid, std::uint32_t forker,
                                   std::uint64_t now_ns);

  /// Have all threads whose waits were believed stayed in them, until now?
  static bool is_unchanged(const WatchedChild& child, const SeenChild& seen);

  /// The number of stacks that were walked since the last call.
  std::size_t take_walks();

private:
  struct Context {
    WatchedChild& child;
    pid_t memory; ///< a task that has the child's memory: where its first thread has ended, another
    const AddressSpace& space;
    std::uint64_t now_ns;
    std::uint32_t forker;
    bool is_musl;
  };
  std::optional<SeenThread> read_thread(const Context& context, pid_t tid);
  InspectedLock inspect(const Context& context, pid_t tid, const WaitStacks& stacks);
  void read_lock(const Context& context, WaitEvidence& evidence);
  void read_other_locks(const Context& context, SeenChild& seen);

  Symbolizer& symbolizer_;
  std::size_t walks_ = 0;
};

} // namespace forkmon
