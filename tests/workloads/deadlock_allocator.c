/* SPDX-License-Identifier: MIT */
/* The child allocates with an allocator (allocator/allocator.c) whose lock a thread of its parent
 * held at the fork, and which has no at-fork handlers. */
#include "stuck.h"

extern pthread_mutex_t allocator_lock;

static pid_t tid;

/* A large block, since the allocator clears it under its lock. */
static void* allocate_for_ever(void* unused) {
  prctl(PR_SET_NAME, "allocating");
  __atomic_store_n(&tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
  for (;;)
    free(malloc(4 << 20));
  return unused;
}

static void child(void) {
  allocate(1);
}

int main(void) {
  start_thread(allocate_for_ever, NULL, NULL);
  while (__atomic_load_n(&tid, __ATOMIC_ACQUIRE) == 0)
    usleep(100);
  struct holder holder = {.tid = tid};
  return stuck_on_mutex(fork_until_stuck(child), "true", &allocator_lock, &holder);
}
