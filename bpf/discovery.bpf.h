/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Tells the agent of armed processes that have mapped code, so that it looks what that is.
 */
#ifndef FORKMON_DISCOVERY_BPF_H
#define FORKMON_DISCOVERY_BPF_H

#include "common.bpf.h"

/* Apart from the events: the agent empties it before it believes that a child is exact. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 65536);
} mapped SEC(".maps") __weak;

#define FM_SIGSTOP 19 /* of x86-64 and arm64 */

/*
 * A session's own command is stopped before its first instruction, and again while its loader is at
 * work: so all that it maps is probed in time. Nobody but forkmon, its parent, is told of the stop,
 * and with one thread it is in no system call that would be interrupted.
 */
static __always_inline bool stop_for_agent(struct task_struct* task,
                                           const struct fm_family* family) {
  return family->flags & FM_FAMILY_STOPS && task->signal->nr_threads == 1 &&
         bpf_send_signal(FM_SIGSTOP) == 0;
}

static __always_inline void tell_of_mapped(struct task_struct* task, const struct fm_family* family,
                                           bool is_exec) {
  struct fm_mapped* record = bpf_ringbuf_reserve(&mapped, sizeof(*record), 0);

  if (!record) {
    add_to(&losses, FM_SENSOR_DISCOVERY);
    return;
  }
  record->time_ns = bpf_ktime_get_ns();
  record->pid = process_number_of(task);
  record->is_exec = is_exec;
  record->is_stopped = stop_for_agent(task, family);
  record->account = family->account;
  record->execs = task->self_exec_id;
  record->reserved = 0;
  bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

#endif /* FORKMON_DISCOVERY_BPF_H */
