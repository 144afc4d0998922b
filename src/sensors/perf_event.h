// SPDX-License-Identifier: MIT
/// Perf events of tracepoints (perf_event_open(2)).
#pragma once

#include "util/fd.h"
#include "util/result.h"

#include <sys/types.h>

#include <cstdint>

namespace forkmon {

/// What becomes of a perf event when its process forks or execs.
enum class Inheritance {
  none,         ///< this thread alone
  until_exec,   ///< its threads and children too, until they exec
  through_exec, ///< its threads and children too, whatever they exec
};

/// Can inherited events be had that stay with the thread that they were made for? The kernel swaps
/// the perf contexts of threads whose events are all inherited when it switches between them, but
/// not where one of these events samples its own counter (nr_no_switch_fast in
/// kernel/events/core.c). Such events may be inherited since Linux 6.13; before, EINVAL.
bool can_keep_contexts_apart();

/// Does the kernel ask for CAP_SYS_ADMIN at each perf_event_open(2), where CAP_PERFMON is enough
/// elsewhere? Debian's does while kernel.perf_event_paranoid is above 2, and 3 is its default. No
/// level above 2 is known to the kernel as released.
bool perf_events_need_admin();

/// Opens the tracepoint event on a thread: on every CPU, or where `tid` is -1 for all threads of
/// the system on CPU 0 (a uprobe's breakpoints go by process, so one CPU's event is enough).
Result<Fd> open_tracepoint(std::uint64_t event_id, pid_t tid, Inheritance inheritance);

/// Runs the BPF program whenever the tracepoint fires, in whatever process, as long as `event`
/// lives.
Status attach_program(const Fd& event, int program_fd);

} // namespace forkmon
