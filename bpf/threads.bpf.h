/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * How many threads of a process run the program's code, and so may hold locks of it.
 *
 * signal->live, and not nr_threads: do_exit takes an ending thread off `live` before exit_mm wakes
 * pthread_join, and off nr_threads long after that. A first thread that is a zombie is off `live`,
 * too. Both count what the kernel runs in the process for io_uring and vhost, and there is no
 * tracepoint where these workers are made: hence the walk through the threads.
 */
#ifndef FORKMON_THREADS_BPF_H
#define FORKMON_THREADS_BPF_H

#include "common.bpf.h"

/* include/linux/sched.h */
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000 /* since 6.4: vhost's, and io_uring's as well */

/*
 * Most threads that are looked at. Each costs two reads of kernel memory, some 30 ns; nearly always
 * the first or second thread is a real one, and FM_COUNTED_THREADS are the whole cost.
 */
#define FM_MOST_WALKED_THREADS 1024
/* Workers among the first so many threads are not counted. */
#define FM_COUNTED_THREADS 16

struct thread_walk {
  __u64 node;        /* the thread_node of the thread that comes next */
  __u64 end;         /* the list's head */
  __u64 self;        /* the thread that forks */
  __u32 threads;     /* all, less the workers that were seen */
  __u32 is_threaded; /* a thread beside the forking one runs the program's code */
};

static long look_at_thread(__u32 index, struct thread_walk* walk) {
  struct list_head* node = (void*)walk->node;
  struct task_struct* task = (void*)node - bpf_core_field_offset(struct task_struct, thread_node);
  __u32 flags = 0;

  if (walk->node == walk->end || (walk->is_threaded && index >= FM_COUNTED_THREADS))
    return 1;
  bpf_core_read(&flags, sizeof(flags), &task->flags);
  if (flags & (PF_IO_WORKER | PF_USER_WORKER))
    walk->threads--;
  else if ((__u64)task != walk->self && !(flags & PF_EXITING))
    walk->is_threaded = true;
  return bpf_core_read(&walk->node, sizeof(walk->node), &node->next) != 0;
}

static __always_inline void start_walk(struct thread_walk* walk, struct signal_struct* signal) {
  bpf_core_read(&walk->threads, sizeof(walk->threads), &signal->live.counter);
  bpf_core_read(&walk->node, sizeof(walk->node), &signal->thread_head.next);
  walk->end = (__u64)&signal->thread_head;
}

/* Where workers hide the rest, there may be others. */
static __always_inline __u32 running_threads(const struct thread_walk* walk) {
  if (walk->node == walk->end && !walk->is_threaded)
    return 1;
  return walk->threads > 2 ? walk->threads : 2;
}

/*
 * Threads of the process at a fork by the current task: 1 where no other runs the program's code.
 * The list is safe to walk, because the program runs under RCU. Not static, because the verifier
 * then looks at it once, and not for each state of its callers. What changes in the walk starts as
 * what was read from the kernel and not as a constant, because the verifier would follow each value
 * that a known number can get.
 */
__noinline __u32 threads_at_fork(void) {
  struct task_struct* self = bpf_get_current_task_btf();
  struct signal_struct* signal = self->signal;
  struct thread_walk walk = {.self = (__u64)self};

  if (signal->live.counter < 2)
    return 1;
  start_walk(&walk, signal);
  bpf_loop(FM_MOST_WALKED_THREADS, look_at_thread, &walk, 0);
  return running_threads(&walk);
}

/*
 * The same before Linux 5.17, which brought bpf_loop, and 5.11, which brought a typed current task.
 */
__noinline __u32 threads_at_fork_by_steps(void) {
  struct task_struct* self = (void*)bpf_get_current_task();
  struct signal_struct* signal = BPF_CORE_READ(self, signal);
  struct thread_walk walk = {.self = (__u64)self};
  __u32 i;

  start_walk(&walk, signal);
  if (walk.threads < 2)
    return 1;
  for (i = 0; i < FM_COUNTED_THREADS; i++)
    if (look_at_thread(i, &walk))
      break;
  return running_threads(&walk);
}

#endif /* FORKMON_THREADS_BPF_H */
