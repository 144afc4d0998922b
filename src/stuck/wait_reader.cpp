// SPDX-License-Identifier: MIT
#include "stuck/wait_reader.h"

#include "process/namespace_pid.h"
#include "process/process_id.h"
#include "stuck/wait_hints.h"
#include "symbols/memory_reader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace forkmon {
namespace {

/// Every wait must have been unchanged for this long.
constexpr std::uint64_t unchanged_ns = 500'000'000;
/// Of the other threads of a child, whose locks matter where a handler could end their waits.
constexpr std::size_t max_other_locks = 8;

std::vector<FutexWait> words_of_vector(const FutexVector& vector, pid_t pid) {
  std::vector<FutexVectorEntry> entries(vector.count);
  ProcessMemory memory(pid);
  auto* bytes = reinterpret_cast<std::uint8_t*>(entries.data());
  if (!memory.read(vector.address, {bytes, entries.size() * sizeof(FutexVectorEntry)}))
    return {};
  std::vector<FutexWait> words;
  std::ranges::transform(entries, std::back_inserter(words), word_of);
  return words;
}

bool maps_musl(const AddressSpace& space) {
  return std::ranges::any_of(space.mappings(), [](const Mapping& mapping) {
    return mapping.path.find("musl") != std::string::npos;
  });
}

bool is_in_our_namespace(pid_t child) {
  return tid_in_its_namespace(child, child) == child;
}

/// The thread that forked lives on as the child's first thread, which may release what it had taken
/// before. True where that cannot be ruled out.
bool may_be_forker(const InspectedLock& found, pid_t child, std::uint32_t forker) {
  if (!found.lock.owner || forker == 0 || found.holder == Holder::ancestor_thread)
    return true; // an ancestor's thread may be the one that the parent's first thread is a copy of
  const bool is_named_by_child = found.holder == Holder::ended && !is_in_our_namespace(child);
  return is_named_by_child || found.lock.owner->tid == forker;
}

/// May a task with the lock's recorded id be alive? True where that cannot be known.
bool owner_may_live(pid_t child, const InspectedLock& found) {
  if (found.holder != Holder::ended || !found.lock.owner)
    return true;
  const std::string task = fmt::format("/proc/{}", found.lock.owner->tid);
  return !is_in_our_namespace(child) || access(task.c_str(), F_OK) == 0;
}

/// True where the thread has run since it was last looked at. Unless it was stopped in between, it
/// has left the wait, and come back to it.
bool note_switches(ThreadWait& wait, std::uint64_t switches, std::uint64_t now_ns) {
  if (wait.switches == switches)
    return false;
  wait.switches = switches;
  wait.unchanged_ns = now_ns;
  if (!wait.interrupted)
    wait.since_ns = now_ns;
  return true;
}

ParentAtFork parent_at_fork(const ChildRef& child) {
  return {static_cast<pid_t>(child.parent_pid), child.parent_start_ticks, child.key.fork_time_ns,
          static_cast<pid_t>(child.forker_tid), child.call == ForkCall::clone};
}

} // namespace

std::vector<FutexWait> words_of(const WaitState& state, Abi abi, pid_t pid) {
  if (auto wait = endless_futex_wait(state, abi))
    return {*wait};
  if (auto vector = endless_futex_vector(state, abi))
    return words_of_vector(*vector, pid);
  return {};
}

bool is_endless(const WaitState& state, Abi abi) {
  return endless_futex_wait(state, abi) || endless_futex_vector(state, abi);
}

bool is_private_word(const FutexWait& word, const AddressSpace& space) {
  if (word.is_private)
    return true;
  const Mapping* mapping = space.find(word.address);
  return mapping != nullptr && !mapping->is_shared && mapping->writable;
}

bool is_still(char state, std::string_view wait_channel) {
  // Names of 5.8 to 6.18, or none where the kernel does not tell.
  constexpr std::array<std::string_view, 5> futex_code{"futex", "__futex", "do_futex", "rt_mutex",
                                                       "__rt_mutex"};
  return state == 'S' &&
         (wait_channel.empty() || std::ranges::any_of(futex_code, [&](std::string_view name) {
            return wait_channel.starts_with(name);
          }));
}

Abi abi_of(WatchedChild& child, const WaitState& state) {
  if (child.abi)
    return *child.abi;
  if (state.running || state.number < 0)
    return Abi::native;
  if (!may_be_32_bit(state))
    return *(child.abi = Abi::native);
  constexpr std::uint64_t end_of_32_bit = 1ULL << 32U;
  auto space = AddressSpace::of(child.pid());
  if (!space || space->mappings().empty())
    return Abi::native;
  const bool is_32_bit = space->mappings().back().end <= end_of_32_bit;
  return *(child.abi = is_32_bit ? Abi::compat : Abi::native);
}

bool WaitReader::is_unchanged(const WatchedChild& child, const SeenChild& seen) {
  return std::ranges::all_of(seen.threads, [&](const SeenThread& thread) {
    auto known = child.waits.find(thread.tid);
    if (!thread.waits_endlessly || known == child.waits.end())
      return true;
    auto status = child.proc.status(thread.tid);
    return status && status->switches == known->second.switches &&
           child.proc.wait_state(thread.tid) == known->second.state;
  });
}

std::size_t WaitReader::take_walks() {
  return std::exchange(walks_, 0);
}

/// Nothing for threads that run none of the child's code: ended ones and workers of the kernel.
std::optional<SeenThread> WaitReader::read_thread(const Context& context, pid_t tid) {
  const ProcDir& proc = context.child.proc;
  auto status = proc.status(tid);
  if (!status || status->state == 'Z' || status->state == 'X' || status->is_worker)
    return std::nullopt;
  SeenThread thread;
  thread.tid = tid;
  thread.handlers = handlers_of(*status, context.is_musl);
  auto known = context.child.waits.find(tid);
  auto state = proc.wait_state(tid);
  if (known == context.child.waits.end() || !state || state != known->second.state)
    return thread;
  ThreadWait& wait = known->second;
  auto words = words_of(*state, abi_of(context.child, *state), context.memory);
  if (words.empty())
    return thread;
  const std::string channel = proc.wait_channel(tid);
  if (!is_still(status->state, channel)) {
    wait.interrupted = true;
    thread.waits_endlessly = true;
    return thread;
  }
  if (note_switches(wait, status->switches, context.now_ns)) {
    thread.waits_endlessly = std::exchange(wait.interrupted, false);
    return thread;
  }
  wait.interrupted = false;
  if (context.now_ns - wait.unchanged_ns < unchanged_ns)
    return thread;
  const bool is_requeued =
      !channel.starts_with("futex_do_wait") && !channel.starts_with("futex_wait_queue");
  thread.waits_endlessly = true;
  thread.is_still = true;
  thread.is_private = std::ranges::all_of(
      words, [&](const FutexWait& word) { return is_private_word(word, context.space); });
  thread.is_pi = words.front().is_pi || (words.front().may_become_pi && is_requeued);
  return thread;
}

InspectedLock WaitReader::inspect(const Context& context, pid_t tid, const WaitStacks& stacks) {
  const WaitState& state = *context.child.waits.at(tid).state;
  const Abi abi = abi_of(context.child, state);
  auto words = words_of(state, abi, context.memory);
  if (words.empty())
    return {};
  LockWaiter waiter{context.memory,     tid,           words.front(),
                    abi == Abi::compat, stacks.native, stacks.python};
  return inspect_lock(waiter, parent_at_fork(context.child.child), context.space,
                      symbolizer_.modules());
}

void WaitReader::read_lock(const Context& context, WaitEvidence& evidence) {
  SeenThread& waiter = evidence.seen.threads[evidence.seen.waiter];
  evidence.stacks = stacks_of(symbolizer_, context.memory, waiter.tid);
  evidence.lock = inspect(context, waiter.tid, evidence.stacks);
  walks_++;
  waiter.lock = {evidence.lock.lock.kind, evidence.lock.holder,
                 python_wait_of(evidence.stacks.python, evidence.stacks.enters_with),
                 may_be_forker(evidence.lock, context.memory, context.forker)};
  evidence.seen.shared_owner_lives = owner_may_live(context.memory, evidence.lock);
  const auto& owner = evidence.lock.lock.owner;
  const Holder holder = evidence.lock.holder;
  if (!owner || !owner->alive ||
      (holder != Holder::parent_thread && holder != Holder::ancestor_thread))
    return;
  evidence.owner_stack =
      symbolizer_.unwind_live(evidence.lock.owner_process, static_cast<pid_t>(owner->tid)).frames;
  walks_++;
}

void WaitReader::read_other_locks(const Context& context, SeenChild& seen) {
  std::size_t inspected = 0;
  for (std::size_t i = 0; i < seen.threads.size(); i++) {
    SeenThread& thread = seen.threads[i];
    if (i == seen.waiter || thread.handlers == 0 || !thread.waits_endlessly)
      continue;
    if (inspected++ == max_other_locks)
      return; // those that are not read count as locks that a handler may end the wait for
    const WaitStacks stacks = stacks_of(symbolizer_, context.memory, thread.tid);
    const InspectedLock found = inspect(context, thread.tid, stacks);
    thread.lock = {found.lock.kind, found.holder, python_wait_of(stacks.python, stacks.enters_with),
                   true};
    walks_++;
  }
}

std::optional<WaitEvidence> WaitReader::read(WatchedChild& child, pid_t tid, std::uint32_t forker,
                                             std::uint64_t now_ns) {
  auto status = child.proc.status(tid);
  pid_t memory = child.pid();
  auto space = AddressSpace::of(memory);
  if (space && space->mappings().empty()) // the first thread has ended
    space = AddressSpace::of(memory = tid);
  if (!status || !space || space->mappings().empty())
    return std::nullopt;
  const Context context{child, memory, *space, now_ns, forker, maps_musl(*space)};
  WaitEvidence evidence;
  SeenChild& seen = evidence.seen;
  seen.is_traced = status->tracer != 0;
  seen.waited_ns = now_ns - child.waits.at(tid).since_ns;
  const auto tids = child.proc.threads(max_threads + 1);
  seen.all_seen = tids.size() <= max_threads;
  for (pid_t other : tids) {
    auto thread = read_thread(context, other);
    if (!thread)
      continue;
    if (other == tid)
      seen.waiter = seen.threads.size();
    seen.threads.push_back(*thread);
  }
  if (seen.waiter >= seen.threads.size() || seen.threads[seen.waiter].tid != tid ||
      !seen.threads[seen.waiter].waits_endlessly)
    return std::nullopt;
  const SeenThread& waiter = seen.threads[seen.waiter];
  if (!waiter.is_still || (!waiter.is_private && seen.waited_ns < patience_ns))
    return evidence; // nothing can be said of it, whatever the lock is
  read_lock(context, evidence);
  const bool all_wait = std::ranges::all_of(seen.threads, &SeenThread::waits_endlessly);
  if (all_wait && seen.threads.size() > 1)
    read_other_locks(context, seen);
  return evidence;
}

} // namespace forkmon
