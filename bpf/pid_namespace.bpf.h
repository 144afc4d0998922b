/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Tasks by the numbers that they have in the agent's pid namespace: those which /proc, kill(2) and
 * the user of a container know. Tasks outside of it have none, and are not looked at.
 */
#ifndef FORKMON_PID_NAMESPACE_BPF_H
#define FORKMON_PID_NAMESPACE_BPF_H

#include <linux/bpf.h>

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* The inode number of the agent's pid namespace; 0: it is the first one, which has every task. */
extern const volatile __u32 own_pid_namespace;

/* MAX_PID_NS_LEVEL in the kernel's include/linux/pid_namespace.h. */
#define FM_DEEPEST_PID_NAMESPACE 32

/* 0 for a task outside of the agent's namespace. */
static __noinline __u32 number_of(struct task_struct* task) {
  struct upid number;
  struct pid* pid;
  __u32 level, depth;

  if (!own_pid_namespace)
    return task->pid;
  pid = task->thread_pid;
  if (!pid) /* reaped */
    return 0;
  depth = pid->level;
  for (level = 1; level <= FM_DEEPEST_PID_NAMESPACE && level <= depth; level++) {
    if (bpf_probe_read_kernel(&number, sizeof(number),
                              __builtin_preserve_access_index(&pid->numbers[0]) + level))
      return 0;
    if (BPF_CORE_READ(number.ns, ns.inum) == own_pid_namespace)
      return number.nr;
  }
  return 0;
}

/* Of the task's process. */
static __always_inline __u32 process_number_of(struct task_struct* task) {
  return number_of(task->group_leader);
}

static __always_inline bool is_in_own_namespace(struct task_struct* task) {
  return !own_pid_namespace || number_of(task);
}

#endif /* FORKMON_PID_NAMESPACE_BPF_H */
