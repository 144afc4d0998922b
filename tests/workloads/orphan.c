/* SPDX-License-Identifier: MIT */
/*
 * A process with a thread that holds a mutex forks a child that waits for it, and ends before the
 * child does: at once, or with "wait" once it has read a byte. The child outlives it by 60 s at
 * most. Truth, before the parent ends: {"parent": PID, "stuck": PID}
 */
#include "workload.h"

#include <signal.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t is_held;

static void* hold(void* unused) {
  pthread_mutex_lock(&mutex);
  pthread_barrier_wait(&is_held);
  return sleep_for_ever(unused);
}

static void wait_for_mutex(void) {
  close(STDOUT_FILENO); /* who reads what the parent says sees its end */
  alarm(60);
  pthread_mutex_lock(&mutex);
}

int main(int argc, char** argv) {
  (void)argv;
  check(pthread_barrier_init(&is_held, NULL, 2) == 0, "pthread_barrier_init");
  start_thread(hold, NULL, NULL);
  pthread_barrier_wait(&is_held);
  pid_t child = fork_child(wait_for_mutex);
  say("{\"parent\": %d, \"stuck\": %d}\n", (int)getpid(), (int)child);
  if (argc > 1)
    wait_for_byte();
  return 0;
}
