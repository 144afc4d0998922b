/* SPDX-License-Identifier: MIT */
/*
 * Joins its only other thread and forks at once, in rounds: it has one thread by then, though the
 * kernel may still have the other one's task. No child is tainted.
 * Usage: join_then_fork [ROUNDS [slow]]. "slow": the thread leaves the kernel many descriptors of
 * its own to close, which keeps its task for a while.
 */
#include "workload.h"

#include <sched.h>
#include <string.h>

static int descriptors = 0;

static void* end_at_once(void* unused) {
  if (descriptors > 0 && unshare(CLONE_FILES) == 0)
    for (int i = 0; i < descriptors; i++)
      if (dup(STDERR_FILENO) < 0)
        break;
  return unused;
}

static void call_unsafe(void) {
  free(malloc(100));
}

static void join(pthread_t thread, int asleep) {
  if (asleep)
    check(pthread_join(thread, NULL) == 0, "pthread_join");
  else
    for (int tries = 1; pthread_tryjoin_np(thread, NULL) != 0; tries++)
      if (tries % 10000 == 0) /* a real-time thread on the same CPU has to be let run */
        sched_yield();
}

int main(int argc, char** argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 50;
  descriptors = argc > 2 && strcmp(argv[2], "slow") == 0 ? 500 : 0;
  for (int i = 0; i < rounds; i++) {
    pthread_t thread;
    start_thread(end_at_once, NULL, &thread);
    join(thread, i % 2);
    wait_for(fork_child(call_unsafe));
  }
  say("{\"clean\": true}\n");
  return 0;
}
