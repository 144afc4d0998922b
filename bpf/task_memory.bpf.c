// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * Who uses which address space: a task iterator (5.8), which the agent reads when it has to know
 * whether a stuck child shares its memory.
 *
 * kcmp(2) compares two processes, so that all of them would have to be tried, and it sees neither
 * those outside of the agent's pid namespace nor the kernel's own users. `mm_users` counts them
 * all.
 */
#include "common.bpf.h"

#include "forkmon/task_memory.h"

/* include/linux/sched.h. Whoever shares a forked child's memory has been cloned and has not called
 * exec, or is a thread of the kernel that has borrowed it. */
#define PF_FORKNOEXEC 0x00000040
#define PF_KTHREAD 0x00200000

SEC("?iter/task") int list_task_memory(struct bpf_iter__task* context) {
  struct task_struct* task = context->task;
  struct fm_task_memory record = {};
  struct mm_struct* mm;

  if (!task || !(task->flags & (PF_FORKNOEXEC | PF_KTHREAD)))
    return 0;
  mm = task->mm;
  if (!mm)
    return 0;
  record.mm = (__u64)mm;
  record.tgid = process_number_of(task);
  record.tid = number_of(task);
  record.mm_users = mm->mm_users.counter;
  record.flags = task->flags;
  bpf_seq_write(context->meta->seq, &record, sizeof(record));
  return 0;
}
