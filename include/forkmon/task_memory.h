/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What bpf/task_memory.bpf.c writes for each task: C, shared by BPF and the agent. */
#ifndef FORKMON_TASK_MEMORY_H
#define FORKMON_TASK_MEMORY_H

#include <linux/types.h>

/* One task that has an address space. */
struct fm_task_memory {
  __u64 mm; /* address of the kernel's struct mm_struct: equal for those that share it */
  __u32 tgid;
  __u32 tid;
  __u32 mm_users; /* tasks that use it, and kernel code that does so for now */
  __u32 flags;    /* task_struct.flags */
};

#endif /* FORKMON_TASK_MEMORY_H */
