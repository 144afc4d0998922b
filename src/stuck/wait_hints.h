// SPDX-License-Identifier: MIT
/// What a thread's stacks say of how it waits. Pure.
#pragma once

#include "forkmon/frame.h"
#include "stuck/observation.h"
#include "stuck/proc_dir.h"

#include <cstdint>
#include <span>

namespace forkmon {

/// By the innermost frames of a Python traceback. `enters_with`: the innermost one enters a `with`
/// statement, and so uses a lock as a mutex.
PythonWait python_wait_of(std::span<const Frame> python, bool enters_with = false);

/// Does the thread sleep between two tries at a spin lock? gperftools and abseil do it by waiting
/// for the lock's word with a timeout of a few milliseconds.
bool names_spin_lock(std::span<const Frame> stack);

/// Does a function wait that is meant to end after a while, such as pthread_cond_timedwait? Whoever
/// calls it in a loop looks after something else in between.
bool is_meant_to_end(std::span<const Frame> stack);

/// SIGINT, which the Python interpreter always catches.
constexpr std::uint64_t interrupt_signal = 1ULL << 1U;

/// Signals that a handler of the program may take in this thread. Left out are those that the
/// thread can only raise itself, by a fault, and those that the C library keeps for itself.
std::uint64_t handlers_of(const ThreadStatus& status, bool is_musl);

} // namespace forkmon
